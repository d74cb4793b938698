// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Reads sessions out of the kernel's connection tracking, in the network namespace of the thread that calls start(): its
// events, and dumps on a socket and in a thread of their own beside them (dump_reader.h).
//
// Events that do not fit into the socket's buffer are lost, and the kernel tells it once, then drops all further ones
// until the queue was empty. So an overrun is noticed by the socket's count of drops too, and the dump that makes up for
// it begins when the queue has been emptied; if anything is lost while it runs, another one follows.
//
// A dump is behind events by the answers that wait. So what events have told since the kernel began to write an answer is
// passed over in it, or an ended session would come back.
// An event that leaves out state which has not changed is answered by asking for the entry. So is one about an expectation,
// for its master: a helper that told others another address has changed its sequence numbers, which makes no event, and
// what the first packet of a session makes us expect is told before the session is.
//
// Entries that were made while nobody in this kernel listened never tell anything (sysctl nf_conntrack_events = 2, the
// default): their end is seen by the dump that is made every `audit`.
#pragma once

#include "control/sessions/conntrack_requests.h"
#include "control/sessions/dump_reader.h"
#include "control/sessions/session_source.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace systole::control {

struct ConntrackSourceSettings {
	int receive_bytes = 64 << 20; // room for about 60,000 events
	// Lost events about the end of sessions are sent again by the kernel, at the price of keeping those entries until
	// then. Without it the dump after an overrun tells the same a little later.
	bool reliable = false;
	std::chrono::milliseconds audit{60'000}; // 0: never
	bool expectations = false;
};

class ConntrackSource final : public SessionSource {
public:
	explicit ConntrackSource(ConntrackSourceSettings settings = {}) : m_settings(settings) {}
	~ConntrackSource() override { stop(); }
	ConntrackSource(const ConntrackSource &) = delete;
	ConntrackSource &operator=(const ConntrackSource &) = delete;

	[[nodiscard]] bool start(std::string &error) override;
	void stop() override;
	bool poll(SessionListener &listener, std::size_t most) override;
	[[nodiscard]] int descriptor() const override { return m_waiting; }
	[[nodiscard]] const SourceCounters &counters() const override { return m_counters; }

private:
	enum class Dump { none, wanted, running };

	[[nodiscard]] bool open_events(std::string &error);
	[[nodiscard]] bool watch(int fd, std::string &error) const;
	std::size_t take_events(SessionListener &listener, std::size_t most);
	void take_event(SessionListener &listener, const nlmsghdr &header);
	void ask_for_partial(SessionListener &listener);
	void begin_dump(SessionListener &listener);
	std::size_t take_dump(SessionListener &listener, bool idle);
	std::size_t take_answer(SessionListener &listener, const DumpReader::Answer &answer);
	void end_dump(SessionListener &listener);
	void try_dump_later();
	void set_timer(std::chrono::milliseconds first) const;
	[[nodiscard]] std::uint32_t drops() const;
	void notice_overrun();
	void take_audit();
	[[nodiscard]] bool told_by_event(const core::SessionKey &key, std::uint64_t since) const;
	void forget_told(std::uint64_t before);

	ConntrackSourceSettings m_settings;
	struct KeyHash {
		std::size_t operator()(const core::SessionKey &key) const;
	};

	ConntrackSocket m_events;
	ConntrackRequests m_requests;
	std::atomic<std::uint64_t> m_taken{0}; // events, also those that say nothing to us
	DumpReader m_dumps{m_taken};
	int m_waiting = -1; // epoll
	int m_timer = -1;
	SourceCounters m_counters;
	std::vector<char> m_buffer;
	bool m_events_left = false;
	std::uint32_t m_drops = 0; // as it was when last looked at
	Dump m_dump = Dump::none;
	bool m_dump_again = false; // it does not tell everything
	// By events while a dump runs: the last one's number.
	std::unordered_map<core::SessionKey, std::uint64_t, KeyHash> m_told;
	bool m_dumps_expectations = false;           // the second part of a dump
	std::vector<core::SessionKey> m_partial;     // to ask for
	std::vector<core::SessionRecord> m_expected; // told when their masters have been asked for
};

} // namespace systole::control
