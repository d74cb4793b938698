// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Looks after systole-keeper on the control thread: one that has died is replaced, until it works, because without a keeper
// a killed daemon would keep its addresses.
#pragma once

#include "control/keeper/process.h"
#include "control/log.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace systole::control {

class KeeperSupervisor {
public:
	// `process` may be null: none could be started, and there is nothing to look after.
	KeeperSupervisor(boost::asio::io_context &io, KeeperProcess *process)
	    : m_process(process), m_end(io), m_restart(io)
	{
	}

	void watch();
	// systoled ends in good order and holds nothing any more.
	void finish();
	[[nodiscard]] HoldingsPage *page() const { return m_process == nullptr ? nullptr : m_process->page(); }
	[[nodiscard]] bool running() const { return m_process != nullptr && m_process->running(); }

private:
	void restart();

	KeeperProcess *m_process;
	boost::asio::posix::stream_descriptor m_end; // the keeper's pidfd
	boost::asio::steady_timer m_restart;
	LogRateLimit m_rate;
};

} // namespace systole::control
