// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Reads the passwords out of the configuration file again while the daemon runs, and stretches them: a tenth of a second
// each and a disk that may be slow, so it is done by a thread of its own. Nothing else of the file is taken.
#pragma once

#include "control/config/configuration.h"
#include "control/core/fixed_vector.h"
#include "control/key_agent.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <string>

namespace systole::control {

struct PasswordSet {
	KeyAgent::Passwords passwords;
	core::FixedVector<std::uint8_t, 2> indexes; // of `password`, then of `password-next`
	std::string error;                          // one line; then the rest is empty
	bool unchanged = false;                     // the file is that of the last reading; the rest is empty
};

class PasswordReader {
public:
	using Done = std::function<void(PasswordSet)>;

	// The file as it is now counts as read.
	PasswordReader(boost::asio::io_context &io, std::string file, std::uint16_t group_id, std::string group_name);
	~PasswordReader() { m_thread.join(); }
	PasswordReader(const PasswordReader &) = delete;
	PasswordReader &operator=(const PasswordReader &) = delete;

	// `done` is called by the io_context's thread. False: an earlier reading has not ended.
	[[nodiscard]] bool read(Done done);

private:
	struct Version { // of the file
		std::uint64_t inode = 0;
		std::int64_t size = 0;
		std::int64_t changed_ns = 0;
		friend bool operator==(const Version &, const Version &) = default;
	};
	[[nodiscard]] Version version() const;
	[[nodiscard]] PasswordSet read_now();

	boost::asio::io_context &m_io;
	std::string m_file;
	std::uint16_t m_group_id;
	std::string m_group_name;
	Version m_read; // by the reading thread
	bool m_busy = false;
	boost::asio::thread_pool m_thread{1};
};

// `password`, and `password-next` if there is one, of a configuration that has been checked.
[[nodiscard]] PasswordSet stretched(const Configuration::Ha &ha, std::uint16_t group_id, std::string_view group_name);

} // namespace systole::control
