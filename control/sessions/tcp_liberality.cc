// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/tcp_liberality.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace systole::control {

namespace {

constexpr const char *setting = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal";

bool write_setting(int value)
{
	std::ofstream file(setting);
	return static_cast<bool>(file << value << std::flush);
}

} // namespace

bool TcpLiberality::start(std::string &error)
{
	int value = 0;
	if (std::ifstream file(setting); !(file >> value)) {
		error = fmt::format("cannot read {}: is nf_conntrack loaded?", setting);
		return false;
	}
	if (value != 0)
		return true;
	if (!write_setting(1)) {
		error = fmt::format("cannot write 1 to {}: {}", setting, std::strerror(errno));
		return false;
	}
	m_changed = true;
	return true;
}

void TcpLiberality::stop()
{
	if (m_changed)
		(void)write_setting(0);
	m_changed = false;
}

} // namespace systole::control
