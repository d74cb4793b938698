// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Looks after systole-keeper on the control thread.
#include "control/keeper_supervisor.h"

#include <chrono>
#include <string>

namespace systole::control {

namespace {

constexpr auto restart_after = std::chrono::seconds{1};

} // namespace

void KeeperSupervisor::watch()
{
	if (!running())
		return;
	m_end.assign(m_process->pidfd());
	m_end.async_wait(boost::asio::posix::stream_descriptor::wait_read,
			 [this](const boost::system::error_code &error) {
				 if (error)
					 return;
				 m_end.release();
				 log(LogApp::daemon, LogLevel::error, "systole-keeper has ended ({}); starting another",
				     m_process->reap());
				 restart();
			 });
}

void KeeperSupervisor::restart()
{
	m_restart.expires_after(restart_after);
	m_restart.async_wait([this](const boost::system::error_code &error) {
		if (error)
			return;
		std::string problem;
		if (m_process->start_again(problem)) {
			watch();
			return;
		}
		m_rate.line(LogApp::daemon, LogLevel::error, "keeper",
			    std::chrono::steady_clock::now().time_since_epoch(), problem);
		restart();
	});
}

void KeeperSupervisor::finish()
{
	if (m_end.is_open())
		m_end.release();
	if (m_process != nullptr)
		m_process->finish();
}

} // namespace systole::control
