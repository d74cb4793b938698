// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One run of one seed: members, the network between them, sessions that come, change and end, faults; then everything is put
// right, and both halves have to come to rest. Who is the source is decided here, as the election does outside.
//
// Frames of an earlier start of either end never arrive: every start has keys of its own.
#pragma once

#include "tests/sim/random.h"
#include "tests/sync_sim/member.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace systole::sync_sim {

enum class Fault : std::uint8_t {
	cut,
	one_way,
	loss_burst,
	restart_follower,
	forget_follower, // restarts, and nobody tells the source
	crash_source,
	restart_source,
	switch_role,
	split,
	begin_again,
	slow,
	no_room,
	hold_link,
	burst_of_changes,
	damage, // a copy loses a session, and nobody knows
	fence,
	hand_over, // planned: the source tells its successor everything first
};
inline constexpr std::size_t fault_kinds = 17;
[[nodiscard]] std::string_view name_of(Fault fault);

struct Statistics {
	std::array<std::uint64_t, fault_kinds> struck{};
	std::uint64_t carried = 0, lost = 0, cut = 0, doubled = 0, straggled = 0, overflown = 0;
	std::uint64_t changes = 0, frames = 0, records = 0, frames_lost = 0, repairs = 0, overtaken = 0, stale = 0,
		      closed = 0, full = 0;
	std::uint64_t confirmed_looks = 0, in_step_looks = 0, takeovers = 0;
	std::uint64_t fences_passed = 0, handed_over = 0;
	Duration longest_rest{}; // from the heal until everybody was in step
	void add(const Statistics &other);
};

struct Failure {
	Time at{};
	std::string checker;
	std::string text;
};

class World {
public:
	World(std::uint64_t seed, Break broken, bool trace);
	std::optional<Failure> run();
	[[nodiscard]] const Statistics &statistics() const { return m_statistics; }
	[[nodiscard]] Time now() const { return m_now; }

private:
	enum class Wake : std::uint8_t { deliver, serve, sender, receiver, change, fault, sweep, act };
	struct Entry {
		Time at;
		std::uint64_t order;
		Wake wake;
		std::uint8_t member;
		std::uint8_t peer;
		std::uint64_t number; // of a packet, of a wake-up or of a deed
		bool operator>(const Entry &other) const
		{
			return at != other.at ? at > other.at : order > other.order;
		}
	};

	// ---- the run
	void draw();
	void put(Time at, Wake wake, std::size_t member = 0, std::size_t peer = 0, std::uint64_t number = 0);
	void step(const Entry &entry);
	void run_until(Time end);
	void later(Duration after, std::size_t member, std::function<void()> deed);
	void heal();
	void rest();
	template <typename... Parts> void tell(const Parts &...parts);

	// ---- the members
	void become_source(std::size_t member);
	void claim_anew();
	void step_down(std::size_t member);
	void begin(std::size_t member, std::size_t peer);
	void restart(std::size_t member, Duration away, bool keeps_table);
	void pump_sender(std::size_t member, std::size_t peer);
	void pump_receiver(std::size_t member);
	void deliver(Packet packet);
	void serve(std::size_t member);
	void change(std::size_t member);
	void fence(std::size_t member, std::size_t peer, bool last);
	void take_over(std::size_t member);
	void tell_senders(Member &member, core::SlotNumber slot);
	[[nodiscard]] Time local(const Member &member, Time at) const { return at + member.clock_offset; }
	[[nodiscard]] std::optional<std::size_t> leader() const; // the source with the highest claim
	[[nodiscard]] std::size_t some_follower();

	// ---- the network
	void send(Packet packet);

	// ---- faults (faults.cc)
	void strike();

	// ---- checkers (checkers.cc)
	void fail(std::string_view checker, const std::string &text);
	void sweep();
	void check_in_step(std::size_t member, std::size_t peer);
	void check_confirmed(std::size_t member, std::size_t peer);
	void check_fence(std::size_t member, std::size_t peer);
	void check_nothing_left(std::size_t member, std::size_t peer);
	void check_room(std::size_t member, std::size_t peer);
	void check_truth(std::size_t member);
	void check_rest();
	[[nodiscard]] bool damaged(std::size_t member, std::size_t peer);
	[[nodiscard]] bool follows(std::size_t member, std::size_t peer) const;
	[[nodiscard]] bool at_rest() const;

	std::uint64_t m_seed;
	Break m_broken;
	bool m_trace;
	sim::Random m_random;
	Time m_now{};
	std::uint64_t m_order = 0;
	std::priority_queue<Entry, std::vector<Entry>, std::greater<>> m_queue;
	std::vector<Packet> m_packets;
	std::vector<std::size_t> m_free_packets;
	std::vector<std::function<void()>> m_deeds;
	std::vector<std::unique_ptr<Member>> m_members;
	std::uint64_t m_claims = 0;
	std::optional<Failure> m_failure;
	Statistics m_statistics;

	// drawn
	Duration m_chaos{};
	int m_loss = 0, m_doubling = 0, m_straggling = 0; // permille
	Duration m_delay{}, m_jitter{}, m_straggle{};
	Duration m_change_pause{}, m_fault_pause{};
	std::uint32_t m_ids = 0; // how many different sessions there can be
	bool m_changing = true;
	Time m_burst_until{};
	int m_burst_loss = 0;
	std::array<std::array<Time, max_sync_members>, max_sync_members> m_cut_until{};
};

} // namespace systole::sync_sim
