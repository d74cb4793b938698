// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A certification authority of a test and what it signed, made by the program openssl.
#pragma once

#include <string>

namespace systole::control::test {

class Certificates {
public:
	explicit Certificates(std::string directory) : m_directory(std::move(directory)) {}

	// False: openssl is missing or refuses.
	[[nodiscard]] bool make_authority(const std::string &name) const;
	[[nodiscard]] bool sign(const std::string &authority, const std::string &name,
				const std::string &address) const;
	[[nodiscard]] std::string certificate(const std::string &name) const
	{
		return m_directory + "/" + name + ".pem";
	}
	[[nodiscard]] std::string key(const std::string &name) const { return m_directory + "/" + name + ".key"; }

private:
	[[nodiscard]] bool run(const std::string &arguments) const;

	std::string m_directory;
};

} // namespace systole::control::test
