// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/member.h"

#include <algorithm>

namespace systole::core {

const Member *find(const Members &members, const MemberId &id)
{
	const auto found = std::find_if(members.begin() + 1, members.end(),
					[&](const Member &m) { return !m.id.empty() && m.id == id; });
	return found == members.end() ? nullptr : &*found;
}

const VclusterBeat *words_of(const Member &member, std::uint8_t vcluster)
{
	const auto &said = member.content.vclusters;
	const auto found =
		std::find_if(said.begin(), said.end(), [&](const VclusterBeat &words) { return words.id == vcluster; });
	return found == said.end() ? nullptr : &*found;
}

Time age_origin_of(const Member &member, const VclusterBeat &words)
{
	constexpr Duration longest = std::chrono::hours{24 * 365 * 100};
	if (member.sent_ns <= words.age_origin_ns)
		return member.heard_at;
	const std::uint64_t age =
		static_cast<std::uint64_t>(member.sent_ns) - static_cast<std::uint64_t>(words.age_origin_ns);
	return member.heard_at -
	       (age > static_cast<std::uint64_t>(longest.count()) ? longest : Duration{static_cast<std::int64_t>(age)});
}

Duration flip_left_of(const Member &member, const VclusterBeat &words)
{
	constexpr std::int64_t longest = 10LL * 60 * 60 * 24 * 365 * 14; // more than the number can say
	const std::int64_t left = words.flip_until_tenths -
				  std::clamp<std::int64_t>(member.sent_ns / tenth_of_a_second.count(), 0, longest);
	return tenth_of_a_second * left;
}

bool hears(const Member &other, const MemberId &self)
{
	if (std::any_of(other.links.begin(), other.links.end(),
			[](const LinkView &link) { return link.health == LinkHealth::up; }))
		return true;
	const std::uint32_t hash = member_hash(self);
	const auto tells = [hash](const Reception &cell) { return cell.peer_hash == hash; };
	const auto well = [&](const Reception &cell) { return tells(cell) && cell.health != LinkHealth::down; };
	const auto &cells = other.content.reception;         // has room for some only
	if (std::none_of(cells.begin(), cells.end(), tells)) // then its echoes tell: one-way links alone are proof
		return std::none_of(other.links.begin(), other.links.end(),
				    [](const LinkView &link) { return link.life; });
	return std::any_of(cells.begin(), cells.end(), well);
}

} // namespace systole::core
