// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A set of slot numbers as bits. Above every level of words lies one with a bit for each word that is not zero, up to a
// single word, so that the next member of it is found at once in a set of millions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace systole::core {

using SlotNumber = std::uint32_t;
inline constexpr SlotNumber no_slot = ~SlotNumber{0};
inline constexpr std::size_t max_slots = std::size_t{1} << 24;

class SlotSet {
public:
	[[nodiscard]] static std::size_t words_for(std::size_t capacity); // of 64 bits
	SlotSet(std::span<std::uint64_t> memory, std::size_t capacity);   // empty
	void insert(SlotNumber slot);
	void erase(SlotNumber slot);
	[[nodiscard]] bool contains(SlotNumber slot) const // one that is beyond the capacity: no
	{
		return slot < m_capacity && (m_words[slot / 64] >> (slot % 64) & 1) != 0;
	}
	[[nodiscard]] std::size_t size() const { return m_size; }
	[[nodiscard]] bool empty() const { return m_size == 0; }
	void clear();
	void fill(); // with every slot there is
	// The first one from `from` on, else the first of all; no_slot: empty.
	[[nodiscard]] SlotNumber next(SlotNumber from) const;
	[[nodiscard]] SlotNumber last() const; // no_slot: empty

private:
	static constexpr std::size_t max_levels = 4; // 64 to the 4th is max_slots
	[[nodiscard]] SlotNumber first_from(std::size_t bit) const;
	std::span<std::uint64_t> m_words;
	std::array<std::size_t, max_levels> m_begin{}; // where a level's words begin
	std::array<std::size_t, max_levels> m_count{};
	std::size_t m_levels = 0;
	std::size_t m_capacity = 0;
	std::size_t m_size = 0;
};

} // namespace systole::core
