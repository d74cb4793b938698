// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where sessions come from and where they go: the kernel's connection tracking (conntrack_source.h, conntrack_sink.h), or a
// user-space data plane (shared_memory_plane.h). One thread calls all of it; nothing waits but what says so.
#pragma once

#include "control/core/session/session_record.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace systole::control {

// Takes what a source tells.
class SessionListener {
public:
	virtual ~SessionListener() = default;
	virtual void seen(const core::SessionRecord &record) = 0; // new, or changed, or told by a dump
	virtual void ended(const core::SessionKey &key) = 0;
	// A dump told everything that is there: what it did not tell has ended.
	virtual void dump_began() = 0;
	virtual void dump_ended() = 0;
};

struct SourceCounters {
	std::uint64_t events = 0;
	std::uint64_t dumps = 0;
	std::uint64_t dumped = 0;   // records told by dumps
	std::uint64_t overruns = 0; // events were lost: a dump followed
	std::uint64_t unreadable = 0;
	std::uint64_t left_out = 0; // expectations that began and cannot be told to others
};

class SessionSource {
public:
	virtual ~SessionSource() = default;
	// Begins to listen and asks for everything that is there already. False: why, in one line.
	[[nodiscard]] virtual bool start(std::string &error) = 0;
	virtual void stop() = 0;
	// Takes what waits, at most about `most` records; true: more waits. Lost events are answered by a dump of its own.
	virtual bool poll(SessionListener &listener, std::size_t most) = 0;
	[[nodiscard]] virtual int descriptor() const = 0; // readable when poll() has work; -1: ask again and again
	[[nodiscard]] virtual const SourceCounters &counters() const = 0;
};

struct SinkCounters {
	std::uint64_t put = 0;
	std::uint64_t removed = 0;
	std::uint64_t refused = 0; // by the kernel, for a reason other than that it was so already
	int last_errno = 0;
};

class SessionSink {
public:
	virtual ~SessionSink() = default;
	[[nodiscard]] virtual bool start(std::string &error) = 0;
	virtual void stop() = 0;
	// Makes the data plane have each session, whatever it had; in batches, and back when all are answered. How many it
	// refused.
	virtual std::size_t put(std::span<const core::SessionRecord> records) = 0;
	virtual std::size_t remove(std::span<const core::SessionKey> keys) = 0; // one that is not there is removed
	// Which of those that the last put() or remove() was given it refused, by their place there.
	[[nodiscard]] virtual std::span<const std::size_t> refused() const = 0;
	// Gives sessions the lifetime they would have had without a standby: put() may have given them a longer one.
	virtual std::size_t trim(std::span<const core::SessionRecord> records) = 0;
	// What it remembers of earlier put()s may not be so any more: somebody else has changed the data plane.
	virtual void forget() {}
	// Once: it has lost, or never had, what was put before. Then everything has to be put again.
	[[nodiscard]] virtual bool wants_everything() { return false; }
	[[nodiscard]] virtual const SinkCounters &counters() const = 0;
};

} // namespace systole::control
