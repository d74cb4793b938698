// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Inbound security associations by SPI: one array read by the SPI's low 16 bits, then a compare of all 32.
// The receiver chose the SPI (random16 << 16 | slot << 5 | link << 2 | class), so two live SAs never share a place
// unless control gave away the same slot twice; then the newcomer wins and the old one goes back.
#pragma once

#include "control/core/types.h"
#include "crypto/sa.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace systole::dataplane {

class SaTable {
public:
	// Installed at once: two classes on every link, of a session, its successor and the four that may still drain.
	static constexpr std::size_t per_member = 128;
	static_assert(per_member >= 2 * core::max_links * (1 + 1 + 4));
	static constexpr std::size_t usual_capacity = core::max_members * per_member;

	explicit SaTable(std::size_t capacity = usual_capacity) : m_places(std::make_unique<Places>()), m_list(capacity)
	{
	}

	// Hints that find() will soon ask for this SPI: the place first, then, when that has come, the SA in it.
	void prefetch_place(std::uint32_t spi) const { __builtin_prefetch(&(*m_places)[spi & 0xffff]); }
	void prefetch_sa(std::uint32_t spi) const { __builtin_prefetch((*m_places)[spi & 0xffff], 1); }

	[[nodiscard]] crypto::InboundSa *find(std::uint32_t spi) const
	{
		crypto::InboundSa *sa = (*m_places)[spi & 0xffff];
		return sa != nullptr && sa->spi() == spi ? sa : nullptr;
	}
	// What has to be given back: null, the SA that stood in this place, or `sa` itself if the table is full.
	[[nodiscard]] crypto::InboundSa *install(crypto::InboundSa *sa)
	{
		crypto::InboundSa *&place = (*m_places)[sa->spi() & 0xffff];
		crypto::InboundSa *old = place;
		if (old == nullptr && m_count == m_list.size())
			return sa;
		if (old == sa)
			return nullptr;
		if (old == nullptr)
			m_list[m_count++] = sa;
		else
			m_list[index_of(old)] = sa;
		place = sa;
		return old;
	}
	// Calls visit(sa) for each SA of the session.
	template <typename Visit> void each_of(std::uint32_t session, Visit visit)
	{
		for (std::size_t i = 0; i < m_count; ++i)
			if (m_list[i]->session == session)
				visit(*m_list[i]);
	}
	// Takes out every SA for which choose(sa) holds and hands it to release(sa).
	template <typename Choose, typename Release> void remove_if(Choose choose, Release release)
	{
		for (std::size_t i = 0; i < m_count;) {
			crypto::InboundSa *sa = m_list[i];
			if (!choose(*sa)) {
				++i;
				continue;
			}
			(*m_places)[sa->spi() & 0xffff] = nullptr;
			m_list[i] = m_list[--m_count];
			release(sa);
		}
	}
	[[nodiscard]] std::size_t size() const { return m_count; }

private:
	using Places = std::array<crypto::InboundSa *, 65536>;

	[[nodiscard]] std::size_t index_of(const crypto::InboundSa *sa) const
	{
		std::size_t i = 0;
		while (m_list[i] != sa)
			++i;
		return i;
	}
	std::unique_ptr<Places> m_places;
	std::vector<crypto::InboundSa *> m_list; // the first m_count; never resized
	std::size_t m_count = 0;
};

} // namespace systole::dataplane
