// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/witness/certificates.h"

#include <cstdlib>
#include <fstream>

namespace systole::control::test {

namespace {

constexpr const char *new_key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

} // namespace

bool Certificates::run(const std::string &arguments) const
{
	const char *const program = std::getenv("OPENSSL");
	if (program == nullptr)
		return false;
	return std::system((std::string(program) + " " + arguments + " >/dev/null 2>&1").c_str()) == 0;
}

bool Certificates::make_authority(const std::string &name) const
{
	return run(std::string(new_key) + " -x509 -days 2 -subj /CN=" + name + " -keyout " + key(name) + " -out " +
		   certificate(name));
}

bool Certificates::sign(const std::string &authority, const std::string &name, const std::string &address) const
{
	const std::string request = m_directory + "/" + name + ".csr";
	const std::string extensions = m_directory + "/" + name + ".ext";
	std::ofstream(extensions) << "subjectAltName=IP:" << address << "\nextendedKeyUsage=serverAuth,clientAuth\n";
	return run(std::string(new_key) + " -subj /CN=" + name + " -keyout " + key(name) + " -out " + request) &&
	       run("x509 -req -days 2 -in " + request + " -CA " + certificate(authority) + " -CAkey " + key(authority) +
		   " -CAcreateserial -extfile " + extensions + " -out " + certificate(name));
}

} // namespace systole::control::test
