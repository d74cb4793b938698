// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/ct_loader/table_digest.h"

namespace systole::ct_loader {

namespace {

class Hash {
public:
	explicit Hash(std::uint64_t seed) : m_state(seed) {}
	void add(std::uint64_t value)
	{
		// The finalizer of splitmix64 after each word: no two fields can be exchanged unseen.
		m_state += value + 0x9e3779b97f4a7c15ULL;
		m_state = (m_state ^ (m_state >> 30)) * 0xbf58476d1ce4e5b9ULL;
		m_state = (m_state ^ (m_state >> 27)) * 0x94d049bb133111ebULL;
		m_state ^= m_state >> 31;
	}
	void add(const Tuple &tuple)
	{
		for (const Address *address : {&tuple.source, &tuple.destination}) {
			for (std::size_t i = 0; i < address->size(); i += 4)
				add(static_cast<std::uint64_t>((*address)[i]) << 24 | (*address)[i + 1] << 16 |
				    (*address)[i + 2] << 8 | (*address)[i + 3]);
		}
		add(std::uint64_t{tuple.source_port} << 32 | std::uint64_t{tuple.destination_port} << 8 |
		    tuple.protocol);
	}
	[[nodiscard]] std::uint64_t value() const { return m_state; }

private:
	std::uint64_t m_state;
};

std::uint64_t hash(const Session &session, std::uint64_t seed)
{
	Hash result(seed);
	result.add(session.original);
	result.add(session.reply);
	result.add(std::uint64_t{session.mark} << 32 | lasting_status(session.status));
	result.add(std::uint64_t{session.family} << 8 | session.tcp_state);
	return result.value();
}

} // namespace

void TableDigest::take(const Session &session)
{
	const auto number = number_of(session);
	if (!number) {
		++others;
		return;
	}
	++sessions;
	low += hash(session, 1);
	high += hash(session, 2);
	if (!as_loaded(session, *number, m_nat))
		++wrong;
	if (*number < m_seen.size() && !m_seen[*number]) {
		m_seen[*number] = true;
		++m_distinct;
	}
}

} // namespace systole::ct_loader
