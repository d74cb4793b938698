// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/session/slot_set.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace systole::core {

namespace {

std::size_t words_of(std::size_t bits)
{
	return (bits + 63) / 64;
}

} // namespace

std::size_t SlotSet::words_for(std::size_t capacity)
{
	std::size_t words = 0;
	std::size_t level = capacity;
	do {
		level = words_of(level);
		words += level;
	} while (level > 1);
	return words;
}

SlotSet::SlotSet(std::span<std::uint64_t> memory, std::size_t capacity) : m_capacity(capacity)
{
	assert(capacity <= max_slots);
	assert(memory.size() >= words_for(capacity));
	m_words = memory.first(words_for(capacity));
	std::size_t begin = 0;
	std::size_t bits = capacity;
	do {
		m_begin[m_levels] = begin;
		m_count[m_levels] = words_of(bits);
		bits = m_count[m_levels];
		begin += bits;
		++m_levels;
	} while (bits > 1);
	clear();
}

void SlotSet::insert(SlotNumber slot)
{
	assert(slot < m_capacity);
	std::size_t bit = slot;
	if (contains(slot))
		return;
	++m_size;
	for (std::size_t level = 0; level < m_levels; ++level) {
		std::uint64_t &word = m_words[m_begin[level] + bit / 64];
		const bool told_above = word != 0;
		word |= std::uint64_t{1} << (bit % 64);
		if (told_above)
			return;
		bit /= 64;
	}
}

void SlotSet::erase(SlotNumber slot)
{
	if (!contains(slot))
		return;
	--m_size;
	std::size_t bit = slot;
	for (std::size_t level = 0; level < m_levels; ++level) {
		std::uint64_t &word = m_words[m_begin[level] + bit / 64];
		word &= ~(std::uint64_t{1} << (bit % 64));
		if (word != 0)
			return;
		bit /= 64;
	}
}

void SlotSet::clear()
{
	std::fill(m_words.begin(), m_words.end(), 0U);
	m_size = 0;
}

void SlotSet::fill()
{
	std::size_t bits = m_capacity;
	for (std::size_t level = 0; level < m_levels; ++level) {
		const auto words = m_words.subspan(m_begin[level], m_count[level]);
		std::fill(words.begin(), words.end(), ~std::uint64_t{0});
		if (bits % 64 != 0)
			words.back() = (std::uint64_t{1} << (bits % 64)) - 1;
		bits = words.size();
	}
	m_size = m_capacity;
}

// Up until a word has one at or behind `bit`, and down again along the lowest bits.
SlotNumber SlotSet::first_from(std::size_t bit) const
{
	for (std::size_t level = 0; level < m_levels; ++level) {
		if (bit / 64 >= m_count[level])
			return no_slot;
		const std::uint64_t word = m_words[m_begin[level] + bit / 64] & ~std::uint64_t{0} << (bit % 64);
		if (word == 0) {
			bit = bit / 64 + 1;
			continue;
		}
		bit = bit / 64 * 64 + static_cast<std::size_t>(std::countr_zero(word));
		while (level != 0) {
			--level;
			bit = bit * 64 + static_cast<std::size_t>(std::countr_zero(m_words[m_begin[level] + bit]));
		}
		return static_cast<SlotNumber>(bit);
	}
	return no_slot;
}

SlotNumber SlotSet::next(SlotNumber from) const
{
	const SlotNumber found = first_from(from);
	return found != no_slot || from == 0 ? found : first_from(0);
}

SlotNumber SlotSet::last() const
{
	if (empty())
		return no_slot;
	std::size_t bit = 0;
	for (std::size_t level = m_levels; level-- != 0;)
		bit = bit * 64 + 63 - static_cast<std::size_t>(std::countl_zero(m_words[m_begin[level] + bit]));
	return static_cast<SlotNumber>(bit);
}

} // namespace systole::core
