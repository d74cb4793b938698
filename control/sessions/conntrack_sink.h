// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Writes sessions into the kernel's connection tracking, in the network namespace of the thread that calls start().
//
//   known to be there ---> update ---------------------------> done
//                            | not there: create, busy: replace
//   else ----------------> create ---------------------------> done
//                            | exists                | no such helper
//                          look at it               create without
//                            | same NAT: update
//                            | other NAT, or another session holds the reply tuple
//                          remove both, create ---------------> done or refused
//
// Expectations cannot be changed: what is there is removed, and made anew. Their masters come before them.
//
// A session that is put lives for `least_timeout_s` at least: the member that has the traffic says nothing when a packet
// refreshes its timeout. It tells the end of each session, so nothing stays longer than it should; after a takeover trim()
// gives the entries their usual lifetime.
#pragma once

#include "control/sessions/conntrack_requests.h"
#include "control/sessions/known_entries.h"
#include "control/sessions/session_source.h"
#include "control/sessions/usual_timeouts.h"

#include <array>
#include <vector>

namespace systole::control {

struct ConntrackSinkSettings {
	std::uint32_t least_timeout_s = 3600;
	std::size_t capacity = 1 << 20; // sessions that are remembered to be in the kernel, 4 to 8 bytes each
	std::size_t batch = 64;         // sessions in one sendmsg, at most 85; from 8 on it makes little difference
};

class ConntrackSink final : public SessionSink {
public:
	explicit ConntrackSink(ConntrackSinkSettings settings = {});

	[[nodiscard]] bool start(std::string &error) override;
	void stop() override;
	std::size_t put(std::span<const core::SessionRecord> records) override;
	std::size_t remove(std::span<const core::SessionKey> keys) override;
	[[nodiscard]] std::span<const std::size_t> refused() const override { return m_refused; }
	[[nodiscard]] const SinkCounters &counters() const override { return m_counters; }
	// Shortens the lifetime of those entries that have more than is usual for their state. How many that were.
	void forget() override { m_known.clear(); }
	std::size_t trim(std::span<const core::SessionRecord> records) override;
	// Sessions that were put without their helper, because this kernel does not have it.
	[[nodiscard]] std::uint64_t helperless() const { return m_helperless; }

private:
	enum class Step : std::uint8_t {
		update,
		update_without_helper,
		create,
		create_without_helper,
		look,
		replace,
		done,
		refused
	};

	// `first`: the place of the first one among all that are put.
	void put_expectations(std::span<const core::SessionRecord> records, std::size_t first);
	std::size_t trim_expectations(std::span<const core::SessionRecord> records);
	void put_batch(std::span<const core::SessionRecord> records);
	void write_step(std::size_t index, const core::SessionRecord &record);
	// One request for the batch's record of that number; `decides`: its failure is the record's.
	void add(std::size_t record, std::size_t length, bool decides);
	[[nodiscard]] Step after_failure(Step step, int code, const core::SessionRecord &record);
	[[nodiscard]] Step refuse(const core::SessionKey &key, int code);
	[[nodiscard]] static bool ended(Step step) { return step == Step::done || step == Step::refused; }

	ConntrackSinkSettings m_settings;
	ConntrackRequests m_requests;
	// Entries get what tells of their changes only if somebody listens when they are made, and those that are made here
	// must tell after a takeover. This one listens to what is never said.
	ConntrackSocket m_listener;
	KnownEntries m_known;
	UsualTimeouts m_usual;
	SinkCounters m_counters;
	std::uint64_t m_helperless = 0;
	std::vector<std::size_t> m_refused;
	// ---- of the batch under way
	std::array<KnownEntries::Mark, ConntrackRequests::most> m_marks{};
	std::array<Step, ConntrackRequests::most> m_steps{};
	std::array<std::uint16_t, ConntrackRequests::most> m_asker{}; // of each request
	std::array<bool, ConntrackRequests::most> m_decides{};
};

} // namespace systole::control
