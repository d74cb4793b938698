// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Control's end of the rings to one worker. Commands are never lost: what does not fit the ring waits here, in order,
// until the worker has made room (flush() is called once a loop turn).
#pragma once

#include "control/ring.h"

#include <deque>
#include <utility>

namespace systole::control {

class WorkerPort {
public:
	explicit WorkerPort(WorkerChannel &channel) : m_channel(channel) {}

	void send(const WorkerCommand &command)
	{
		if (!m_waiting.empty() || !m_channel.commands.push(command))
			m_waiting.push_back(command);
		m_sent = true;
	}
	void flush()
	{
		while (!m_waiting.empty() && m_channel.commands.push(m_waiting.front()))
			m_waiting.pop_front();
		if (std::exchange(m_sent, false))
			m_channel.work_bell.ring();
	}
	[[nodiscard]] bool waiting() const { return !m_waiting.empty(); }

private:
	WorkerChannel &m_channel;
	bool m_sent = false; // since the last flush
	std::deque<WorkerCommand> m_waiting;
};

} // namespace systole::control
