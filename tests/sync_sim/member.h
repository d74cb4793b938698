// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One simulated member: a table in memory of its own with guards behind it, a receiver with the mirror that its sink calls
// make, a sender for each peer, and what it believes to be true when it is the source.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/sync_receiver.h"
#include "control/core/session/sync_sender.h"
#include "tests/sync_sim/breaks.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace systole::sync_sim {

using core::Duration;
using core::Time;

inline constexpr std::size_t max_sync_members = 4;

// Session number `id` in one of its states. The id can be read from the record.
[[nodiscard]] core::SessionRecord session(std::uint32_t id, std::uint32_t state);
[[nodiscard]] std::uint32_t id_of(const core::SessionRecord &record);

// Memory for one part, which notices when that part writes behind its end.
class Guarded {
public:
	explicit Guarded(std::size_t bytes);
	[[nodiscard]] std::span<std::byte> bytes() const { return {m_begin, m_bytes}; }
	[[nodiscard]] std::span<std::uint64_t> words() const
	{
		return {reinterpret_cast<std::uint64_t *>(m_begin), m_bytes / sizeof(std::uint64_t)};
	}
	[[nodiscard]] bool whole() const;

private:
	static constexpr std::size_t guard_bytes = 64;
	std::vector<std::byte> m_memory;
	std::byte *m_begin = nullptr;
	std::size_t m_bytes;
};

// A copy kept by nothing but sink calls; and a data plane that is kept like it, a little later.
class Mirror : public core::SyncSink {
public:
	Mirror(const core::SessionTable &table, Break broken) : m_table(table), m_broken(broken) {}
	void stored(core::SlotNumber slot) override;
	void erased(core::SlotNumber slot, const core::SessionRecord &record) override;
	[[nodiscard]] std::uint64_t mark() override { return m_told; }
	[[nodiscard]] bool reached(std::uint64_t mark) const override { return m_committed >= mark; }
	void adopt();  // the table as it is
	void commit(); // now and then what was told before the last time
	[[nodiscard]] const std::map<core::SlotNumber, core::SessionRecord> &data_plane() const { return m_data_plane; }
	// Empty, or what is not as it should be.
	[[nodiscard]] std::string complaint() const;

private:
	const core::SessionTable &m_table;
	std::map<core::SlotNumber, core::SessionRecord> m_records;
	std::map<core::SlotNumber, core::SessionRecord> m_data_plane;
	std::deque<std::pair<core::SlotNumber, std::optional<core::SessionRecord>>> m_waiting; // empty: erased
	std::uint64_t m_told = 0;
	std::uint64_t m_committed = 0;
	std::size_t m_due = 0; // of those that wait
	unsigned m_commits = 0;
	std::string m_complaint;
	Break m_broken;
	unsigned m_calls = 0;
};

struct PeerSender {
	PeerSender(const core::SessionTable &table);
	Guarded words;
	Guarded flights;
	core::SyncSender sender;
	bool began = false;
	// The fence under way: what each slot has held since it was raised.
	std::map<core::SlotNumber, std::vector<std::optional<core::SessionRecord>>> held;
	std::uint32_t fence = 0;
	bool fence_open = false;
	// What the peer has said of its room, as it really was, and when it came.
	std::deque<std::pair<Time, std::size_t>> rooms;
	std::vector<std::uint64_t> lost; // DATA that the network has lost
	Time held_until{};               // the link takes nothing
	std::uint64_t wake = 0;          // only the last wake-up counts
};

struct Packet {
	Bytes frame;
	std::size_t from = 0;
	std::size_t to = 0;
	std::uint32_t from_start = 0;
	std::uint32_t to_start = 0;
	std::uint64_t generation = 0; // really
	bool to_receiver = false;
};

struct Member {
	Member(std::size_t index, std::size_t capacity, Break broken);
	void empty_table(); // and everything else that lives in memory
	[[nodiscard]] std::string guards() const;

	std::size_t index;
	std::size_t capacity;
	Break broken;
	Duration clock_offset{};
	bool up = true;
	std::uint32_t start = 0; // how often it has started
	bool source = false;
	bool parting = false;                               // nothing changes any more; somebody is told the rest
	std::uint64_t claim = 0;                            // of the role
	std::uint32_t begins = 0;                           // within the claim
	std::map<std::uint32_t, core::SessionRecord> truth; // as the source

	std::unique_ptr<Guarded> table_memory;
	std::unique_ptr<core::SessionTable> table;
	std::unique_ptr<Guarded> receiver_words;
	std::unique_ptr<Mirror> mirror;
	std::unique_ptr<core::SyncReceiver> receiver;
	std::array<std::unique_ptr<PeerSender>, max_sync_members> senders;

	std::size_t queue_limit = 2048;
	Duration service{}; // for one frame
	Time busy_until{};  // takes nothing out of its queue before
	bool serving = false;
	std::deque<Packet> queue;
	bool damaged = false; // and not repaired yet
	std::size_t answer_to = 0;
	std::uint64_t highest_generation = 0; // whose frames it has taken since it started
	std::uint64_t wake = 0;
};

} // namespace systole::sync_sim
