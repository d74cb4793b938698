// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who may touch a port: the worker while the gate is open, the port keeper while it is closed.
//
//            keeper: ask_to_close()        worker: look()
//     open ------------------------> asked --------------> closed
//      ^                                                      |
//      +------------------- keeper: open() -------------------+
//
// The worker looks once a turn, when it holds nothing of the port's; it neither waits nor calls anything. What the
// keeper has changed behind the closed gate is visible to the worker that finds it open.
#pragma once

#include <atomic>
#include <cstdint>

namespace systole::dataplane {

class PortGate {
public:
	explicit PortGate(bool is_open) : m_state(is_open ? State::open : State::closed) {}

	// ---- worker
	// Whether the port may be used until the next look.
	[[nodiscard]] bool look()
	{
		const State state = m_state.load(std::memory_order_acquire);
		if (state == State::asked)
			m_state.store(State::closed, std::memory_order_release);
		return state == State::open;
	}

	// ---- keeper
	void ask_to_close()
	{
		State open = State::open;
		m_state.compare_exchange_strong(open, State::asked, std::memory_order_acq_rel);
	}
	[[nodiscard]] bool is_closed() const { return m_state.load(std::memory_order_acquire) == State::closed; }
	void open() { m_state.store(State::open, std::memory_order_release); }

private:
	enum class State : std::uint8_t { open, asked, closed };
	std::atomic<State> m_state;
};

} // namespace systole::dataplane
