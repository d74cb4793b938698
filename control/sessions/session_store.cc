// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/session_store.h"

#include "control/sessions/commit_queue.h"
#include "crypto/bytes.h"

#include <sys/mman.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace systole::control {

namespace {

constexpr std::size_t usual_session_limit = 262144;
constexpr std::size_t populated_bytes = std::size_t{256} << 20;
constexpr std::size_t most_sessions = std::size_t{1} << 24; // a slot number has to fit

} // namespace

PageSpan::~PageSpan()
{
	if (!m_bytes.empty())
		(void)munmap(m_bytes.data(), m_bytes.size());
}

bool PageSpan::reserve(std::size_t bytes)
{
	void *const memory =
		mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	// A quarter less time in a table of a million; where there are none, nothing is lost.
	(void)madvise(memory, bytes, MADV_HUGEPAGE);
	m_bytes = {static_cast<std::byte *>(memory), bytes};
	return true;
}

std::unique_ptr<SessionStore> SessionStore::make(std::size_t wanted, std::string &error)
{
	// As the table rounds it: everything beside it must have as many places.
	const std::size_t capacity =
		(wanted + core::slots_per_block - 1) / core::slots_per_block * core::slots_per_block;
	std::unique_ptr<SessionStore> store(new SessionStore);
	if (!store->m_slots.reserve(core::SessionTable::bytes_for(capacity)) ||
	    !store->m_receiver.reserve(core::SyncReceiver::words_for(capacity) * sizeof(std::uint64_t)) ||
	    !store->m_sets.reserve(CommitQueue::words_for(capacity) * sizeof(std::uint64_t))) {
		error = fmt::format("no memory for {} sessions: {}", capacity, std::strerror(errno));
		return nullptr;
	}
	std::uint64_t secret = 0;
	crypto::random_bytes(std::as_writable_bytes(std::span(&secret, 1)));
	store->m_table = std::make_unique<core::SessionTable>(store->m_slots.bytes(), capacity, secret);
	return store;
}

void SessionStore::populate()
{
	// Slots are at the front, and the lowest ones are taken first. A kernel before 5.14 refuses: they come later then.
	const std::span<std::byte> slots = m_slots.bytes();
	(void)madvise(slots.data(), std::min(slots.size(), populated_bytes), MADV_POPULATE_WRITE);
}

double SessionStore::bytes_per_session() const
{
	const std::size_t all = m_slots.bytes().size() + m_receiver.bytes().size() + m_sets.bytes().size();
	return static_cast<double>(all) / static_cast<double>(m_table->capacity());
}

std::unique_ptr<SessionSender> SessionSender::make(const core::SessionTable &table)
{
	auto sender = std::make_unique<SessionSender>();
	if (!sender->words.reserve(core::SyncSender::words_for(table.capacity()) * sizeof(std::uint64_t)) ||
	    !sender->flights.reserve(core::SyncSender::flight_bytes()))
		return nullptr;
	sender->stream = std::make_unique<core::SyncSender>(
		table, core::SyncSender::Memory{sender->words.words(), sender->flights.bytes()});
	return sender;
}

std::size_t kernel_session_limit()
{
	std::size_t limit = 0;
	std::ifstream("/proc/sys/net/netfilter/nf_conntrack_max") >> limit;
	return std::clamp<std::size_t>(limit == 0 ? usual_session_limit : limit, 1024, most_sessions);
}

} // namespace systole::control
