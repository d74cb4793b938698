// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which sessions the kernel has from us, with which NAT. An entry's NAT cannot be changed, and the kernel does not compare
// it when it updates one; to look first would cost as much again as to write. So four bytes are kept of each entry that
// was written: 12 bits of its key, 20 bits of its reply. What was pushed out by others is looked up in the kernel.
//
// Wrong once in 2^32 for another session in its place, once in 2^20 for one whose NAT changed under the same key.
#pragma once

#include "control/core/session/session_record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace systole::control {

class KnownEntries {
public:
	explicit KnownEntries(std::size_t capacity) : m_groups(std::bit_ceil(std::max<std::size_t>(capacity / 4, 1))) {}

	// Where a session is kept, and as what. Many at once are marked first: the memory of each is on its way meanwhile.
	struct Mark {
		std::size_t group;
		std::uint32_t value;
	};
	[[nodiscard]] Mark mark(const core::SessionRecord &record) const
	{
		const std::uint64_t key = hash(record.key);
		const std::uint64_t reply = hash(record.reply) >> (64 - reply_bits);
		const Mark mark{key & (m_groups.size() - 1), key_part(key) | static_cast<std::uint32_t>(reply)};
		__builtin_prefetch(&m_groups[mark.group], 1);
		return mark;
	}
	[[nodiscard]] bool has(const Mark &mark) const
	{
		return std::ranges::find(m_groups[mark.group], mark.value) != m_groups[mark.group].end();
	}
	void remember(const Mark &mark)
	{
		Group &four = m_groups[mark.group];
		auto place =
			std::ranges::find_if(four, [&](std::uint32_t other) { return same_key(other, mark.value); });
		if (place == four.end())
			place = std::ranges::find(four, 0U);
		if (place == four.end())
			place = four.begin() + (++m_pushed_out % four.size());
		*place = mark.value;
	}
	void forget(const core::SessionKey &session)
	{
		const std::uint64_t key = hash(session);
		const std::uint32_t mine = key_part(key);
		for (std::uint32_t &other : m_groups[key & (m_groups.size() - 1)])
			if (same_key(other, mine))
				other = 0;
	}
	void clear() { std::ranges::fill(m_groups, Group{}); }
	[[nodiscard]] std::size_t bytes() const { return m_groups.size() * sizeof(Group); }

private:
	using Group = std::array<std::uint32_t, 4>;
	static constexpr unsigned reply_bits = 20;

	template <typename Value> static std::uint64_t hash(const Value &value)
	{
		static_assert(std::has_unique_object_representations_v<Value>);
		return std::hash<std::string_view>{}({reinterpret_cast<const char *>(&value), sizeof(value)});
	}
	static bool same_key(std::uint32_t one, std::uint32_t other)
	{
		return one >> reply_bits == other >> reply_bits;
	}
	// Never 0, which is an empty place.
	static std::uint32_t key_part(std::uint64_t key)
	{
		return static_cast<std::uint32_t>(key >> 52 == 0 ? 1 : key >> 52) << reply_bits;
	}

	std::vector<Group> m_groups;
	std::size_t m_pushed_out = 0;
};

} // namespace systole::control
