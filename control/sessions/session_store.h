// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The memory of session pickup: reserved at the start for as many sessions as the kernel may track, and never more. Of the
// slots 256 MiB are taken at once, room for 2.8 million sessions; others as sessions come.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/slot_set.h"
#include "control/core/session/sync_receiver.h"
#include "control/core/session/sync_sender.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace systole::control {

// Whole pages, zero, given back at the end.
class PageSpan {
public:
	PageSpan() = default;
	~PageSpan();
	PageSpan(const PageSpan &) = delete;
	PageSpan &operator=(const PageSpan &) = delete;
	[[nodiscard]] bool reserve(std::size_t bytes);
	[[nodiscard]] std::span<std::byte> bytes() const { return m_bytes; }
	[[nodiscard]] std::span<std::uint64_t> words() const
	{
		return {reinterpret_cast<std::uint64_t *>(m_bytes.data()), m_bytes.size() / sizeof(std::uint64_t)};
	}

private:
	std::span<std::byte> m_bytes;
};

class SessionStore {
public:
	// Null: there is not that much address space, `error` says so.
	[[nodiscard]] static std::unique_ptr<SessionStore> make(std::size_t wanted, std::string &error);

	// Takes the pages that will be used first: a page that is taken later costs time when there is none, in the middle of
	// a fill. Takes some 50 ms for a million sessions.
	void populate();
	[[nodiscard]] core::SessionTable &table() { return *m_table; }
	[[nodiscard]] std::span<std::uint64_t> receiver_words() const { return m_receiver.words(); }
	[[nodiscard]] std::span<std::uint64_t> set_words() const { return m_sets.words(); } // CommitQueue's
	// Of table and receiver, divided by the slots there are: what one session takes when all are taken.
	[[nodiscard]] double bytes_per_session() const;

private:
	SessionStore() = default;

	PageSpan m_slots;
	PageSpan m_receiver;
	PageSpan m_sets;
	std::unique_ptr<core::SessionTable> m_table;
};

// One sender and its memory, for one peer.
struct SessionSender {
	[[nodiscard]] static std::unique_ptr<SessionSender> make(const core::SessionTable &table);

	PageSpan words;
	PageSpan flights;
	std::unique_ptr<core::SyncSender> stream;
	core::SessionId boot = 0; // of the peer that the stream was begun for
	core::Time begun_at{};
};

// net.netfilter.nf_conntrack_max, as far as it can be read; else its usual value.
[[nodiscard]] std::size_t kernel_session_limit();

} // namespace systole::control
