// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sync_sim/member.h"

#include <algorithm>

namespace systole::sync_sim {

using namespace systole::core;

namespace {

constexpr unsigned calls_per_commit = 5;

} // namespace

SessionRecord session(std::uint32_t id, std::uint32_t state)
{
	SessionRecord record;
	const auto byte = [&](unsigned shift) { return static_cast<std::byte>(id >> shift); };
	IpBytes client{};
	IpBytes server{};
	IpBytes outside{};
	const bool v6 = id % 5 == 0;
	client = {std::byte{10}, byte(16), byte(8), byte(0)};
	server = {std::byte{192}, std::byte{0}, std::byte{2}, static_cast<std::byte>(id % 7)};
	outside = {std::byte{203}, std::byte{0}, std::byte{113}, std::byte{1}};
	if (v6)
		client[15] = server[15] = std::byte{1};
	record.key.family = v6 ? 6 : 4;
	record.key.protocol = id % 3 == 0 ? 17 : 6;
	record.key.original = {client, server, static_cast<std::uint16_t>(1024 + id % 60000), 443};
	const bool nat = !v6 && id % 2 == 0;
	record.reply = {server, nat ? outside : client, 443, record.key.original.source_port};
	record.mark = state;
	record.seen_reply = state != 0;
	record.assured = state > 1;
	record.timeout_s = 30 + state % 100;
	if (record.key.protocol == 6)
		record.tcp_state = static_cast<TcpState>(1 + state % 8);
	return record;
}

std::uint32_t id_of(const SessionRecord &record)
{
	const IpBytes &client = record.key.original.source;
	return std::to_integer<std::uint32_t>(client[1]) << 16 | std::to_integer<std::uint32_t>(client[2]) << 8 |
	       std::to_integer<std::uint32_t>(client[3]);
}

Guarded::Guarded(std::size_t bytes) : m_memory(bytes + guard_bytes + 64), m_bytes(bytes)
{
	const auto address = reinterpret_cast<std::uintptr_t>(m_memory.data());
	m_begin = m_memory.data() + (64 - address % 64) % 64;
	std::fill_n(m_begin + bytes, guard_bytes, std::byte{0xa5});
}

bool Guarded::whole() const
{
	return std::all_of(m_begin + m_bytes, m_begin + m_bytes + guard_bytes,
			   [](std::byte byte) { return byte == std::byte{0xa5}; });
}

void Mirror::stored(SlotNumber slot)
{
	const auto record = m_table.at(slot);
	m_waiting.emplace_back(slot, record);
	++m_told;
	if (!record)
		m_complaint = "stored(" + std::to_string(slot) + "), but nothing stands there";
	else
		m_records[slot] = *record;
}

void Mirror::erased(SlotNumber slot, const SessionRecord &record)
{
	if (m_broken == Break::sink_misses && ++m_calls % 100 == 0)
		return;
	m_waiting.emplace_back(slot, std::nullopt);
	++m_told;
	const auto it = m_records.find(slot);
	if (it == m_records.end() || !it->second.same_state(record))
		m_complaint = "erased(" + std::to_string(slot) + ") of a session that had not been stored there";
	else
		m_records.erase(it);
}

void Mirror::adopt()
{
	m_records.clear();
	for (SlotNumber slot = 0; slot < m_table.high_mark(); ++slot)
		if (m_table.taken(slot))
			m_records[slot] = *m_table.at(slot);
	m_data_plane = m_records;
	m_waiting.clear();
	m_committed = m_told;
	m_due = 0;
}

void Mirror::commit()
{
	if (++m_commits % calls_per_commit != 0)
		return;
	for (; m_due != 0; --m_due, ++m_committed) {
		const auto &[slot, record] = m_waiting.front();
		if (record)
			m_data_plane[slot] = *record;
		else
			m_data_plane.erase(slot);
		m_waiting.pop_front();
	}
	m_due = m_waiting.size();
}

std::string Mirror::complaint() const
{
	if (!m_complaint.empty())
		return m_complaint;
	if (m_records.size() != m_table.size())
		return std::to_string(m_records.size()) + " sessions by the sink, " + std::to_string(m_table.size()) +
		       " in the table";
	for (const auto &[slot, record] : m_records)
		if (const auto held = m_table.at(slot); !held || !held->same_state(record))
			return "slot " + std::to_string(slot) + " is not what the sink was told";
	return {};
}

PeerSender::PeerSender(const SessionTable &table)
    : words(SyncSender::words_for(table.capacity()) * sizeof(std::uint64_t)), flights(SyncSender::flight_bytes()),
      sender(table, {words.words(), flights.bytes()})
{
}

Member::Member(std::size_t its_index, std::size_t its_capacity, Break its_break)
    : index(its_index), capacity(its_capacity), broken(its_break)
{
	empty_table();
}

void Member::empty_table()
{
	for (auto &peer : senders)
		peer.reset();
	table_memory = std::make_unique<Guarded>(SessionTable::bytes_for(capacity));
	table = std::make_unique<SessionTable>(table_memory->bytes(), capacity, 0x5eed + index);
	receiver_words = std::make_unique<Guarded>(SyncReceiver::words_for(capacity) * sizeof(std::uint64_t));
	mirror = std::make_unique<Mirror>(*table, broken);
	receiver = std::make_unique<SyncReceiver>(*table, *mirror, receiver_words->words());
	truth.clear();
	queue.clear();
	source = false;
	parting = false;
	damaged = false;
	highest_generation = 0;
}

std::string Member::guards() const
{
	bool whole = table_memory->whole() && receiver_words->whole();
	for (const auto &peer : senders)
		whole = whole && (peer == nullptr || (peer->words.whole() && peer->flights.whole()));
	return whole ? "" : "something wrote behind the end of its memory";
}

} // namespace systole::sync_sim
