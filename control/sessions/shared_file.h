// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A file that this process makes and another one maps too. Whoever may write to it may also shorten it, and then our next
// access would be a SIGBUS: the handler puts private zeros in its place, and torn() says so.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace systole::control {

class SharedFile {
public:
	// Mode 0660, zeros, its memory taken; under a name of its own until publish(). Null: why, in one line.
	[[nodiscard]] static std::unique_ptr<SharedFile> make(const std::string &path, std::size_t bytes,
							      std::string &error);
	~SharedFile(); // removes the file
	SharedFile(const SharedFile &) = delete;
	SharedFile &operator=(const SharedFile &) = delete;

	// Under its name from here on, in the place of any other.
	[[nodiscard]] bool publish(std::string &error);
	[[nodiscard]] std::span<std::byte> bytes() const { return m_bytes; }
	[[nodiscard]] bool torn() const;

private:
	explicit SharedFile(std::string path) : m_path(std::move(path)) {}

	std::string m_path;
	std::string m_name; // where it is now
	std::span<std::byte> m_bytes;
	std::optional<std::size_t> m_watch; // what the handler knows of it
};

} // namespace systole::control
