// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Whether a server, and with it a link monitor, is alive: counting, statistics and weights. Pure: no clock, no I/O.
//
//            failtime losses in a row
//   alive ------------------------------> dead
//         <------------------------------
//            recoverytime replies in a row
//
// Probes overlap when the interval is shorter than the timeout, so a later one may be answered before an earlier one is
// given up. They are judged in the order they were sent: a loss of before the repair does not interrupt the replies after.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

namespace systole::control {

struct Spread {
	std::chrono::nanoseconds least{0};
	std::chrono::nanoseconds most{0};
	std::chrono::nanoseconds average{0};
	friend bool operator==(const Spread &, const Spread &) = default;
};

class ServerVerdict {
public:
	struct Rules {
		unsigned failtime = 5;
		unsigned recoverytime = 5;
		unsigned probe_count = 30; // window of latency, jitter and loss
	};
	// As the product counts: the first probe has number 2.
	static constexpr std::uint64_t first_sequence = 2;

	explicit ServerVerdict(const Rules &rules) : m_rules(rules) {}

	// The number of the next probe.
	std::uint64_t send();
	// What became of a probe; the first word counts, later ones (and ones about unknown probes) are ignored.
	// True: the server has just died, or has just come back.
	bool answered(std::uint64_t sequence, std::chrono::nanoseconds round_trip);
	bool lost(std::uint64_t sequence);

	[[nodiscard]] bool is_alive() const { return m_alive; }
	[[nodiscard]] unsigned losses_in_a_row() const { return m_losses; } // at most failtime
	[[nodiscard]] unsigned replies_in_a_row() const { return m_alive ? 0 : m_replies; }
	[[nodiscard]] std::uint64_t sent() const { return m_next - first_sequence; }
	[[nodiscard]] std::uint64_t received() const { return m_received; }
	[[nodiscard]] std::uint64_t out_of_sequence() const { return m_out_of_sequence; }
	[[nodiscard]] std::uint64_t sequence_sent() const { return sent() == 0 ? 0 : m_next - 1; }
	[[nodiscard]] std::uint64_t sequence_received() const { return m_last_received; } // 0: nothing yet
	[[nodiscard]] std::uint64_t sequence_expected() const { return m_last_received == 0 ? 0 : m_last_received + 1; }

	// Over the window. Nothing: no reply in it (jitter: no two replies one after the other).
	[[nodiscard]] std::optional<Spread> latency() const;
	[[nodiscard]] std::optional<Spread> jitter() const;
	[[nodiscard]] double loss_percent() const;

private:
	struct Probe {
		bool decided = false;
		std::optional<std::chrono::nanoseconds> round_trip;
	};
	bool decide(std::uint64_t sequence, std::optional<std::chrono::nanoseconds> round_trip);
	void judge(std::optional<std::chrono::nanoseconds> round_trip);

	Rules m_rules;
	bool m_alive = true; // presumed
	unsigned m_losses = 0;
	unsigned m_replies = 0;
	std::uint64_t m_next = first_sequence;
	std::deque<Probe> m_open; // the last of them is m_next - 1
	std::deque<std::optional<std::chrono::nanoseconds>> m_window;
	std::uint64_t m_received = 0;
	std::uint64_t m_last_received = 0;
	std::uint64_t m_out_of_sequence = 0;
};

struct ServerStanding {
	bool alive = true;
	unsigned weight = 0;
};
// Dead when every server is dead; with weights also when the dead ones together weigh more than fail_weight.
[[nodiscard]] bool monitor_is_alive(std::span<const ServerStanding> servers, unsigned fail_weight);

} // namespace systole::control
