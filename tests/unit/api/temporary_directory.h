// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A directory of its own for one test, gone with it.
#pragma once

#include <cassert>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace systole::control::test {

class TemporaryDirectory {
public:
	TemporaryDirectory()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-api-XXXXXX").string();
		const char *made = mkdtemp(pattern.data());
		assert(made != nullptr);
		m_path = made;
	}
	~TemporaryDirectory()
	{
		std::error_code ignored;
		std::filesystem::remove_all(m_path, ignored);
	}
	TemporaryDirectory(const TemporaryDirectory &) = delete;
	TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
	[[nodiscard]] std::string operator/(const std::string &name) const { return m_path + "/" + name; }
	[[nodiscard]] const std::string &path() const { return m_path; }

private:
	std::string m_path;
};

} // namespace systole::control::test
