// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/tcp_liberality.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace systole::control {

TcpLiberality::TcpLiberality(std::string note, std::string setting)
    : m_note(std::move(note)), m_setting(std::move(setting))
{
}

bool TcpLiberality::write_setting(int value) const
{
	std::ofstream file(m_setting);
	return static_cast<bool>(file << value << std::flush);
}

bool TcpLiberality::start(std::string &error)
{
	int value = 0;
	if (std::ifstream file(m_setting); !(file >> value)) {
		error = fmt::format("cannot read {}: is nf_conntrack loaded?", m_setting);
		return false;
	}
	if (value != 0) {
		m_changed = access(m_note.c_str(), F_OK) == 0;
		return true;
	}
	// First the note: a crash in between leaves one that is right all the same.
	if (std::ofstream note(m_note); !(note << value << std::endl)) {
		error = fmt::format("cannot write {}: {}", m_note, std::strerror(errno));
		return false;
	}
	if (!write_setting(1)) {
		error = fmt::format("cannot write 1 to {}: {}", m_setting, std::strerror(errno));
		(void)unlink(m_note.c_str());
		return false;
	}
	m_changed = true;
	return true;
}

void TcpLiberality::stop()
{
	if (m_changed && write_setting(0))
		(void)unlink(m_note.c_str());
	m_changed = false;
}

} // namespace systole::control
