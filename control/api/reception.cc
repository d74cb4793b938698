// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/reception.h"

#include <algorithm>

namespace systole::control {

namespace {

// What `listener` says of `speaker` on a link; nullptr: nothing.
const core::Reception *cell(const MemberRow &listener, const MemberRow &speaker, std::size_t link)
{
	const auto found =
		std::find_if(listener.hears.begin(), listener.hears.end(), [&](const core::Reception &reception) {
			return reception.link == link && reception.peer_hash == core::member_hash(speaker.id);
		});
	return found == listener.hears.end() ? nullptr : &*found;
}

bool is(const core::Reception *reception, core::LinkHealth health)
{
	return reception != nullptr && reception->health == health;
}

} // namespace

std::vector<Deafness> deaf_pairs(const ClusterView &view)
{
	std::vector<Deafness> pairs;
	for (std::size_t i = 1; i < view.members.size(); ++i)
		for (std::size_t j = i + 1; j < view.members.size(); ++j)
			for (std::size_t link = 0; link < view.local().links.size(); ++link) {
				const MemberRow &a = view.members[i];
				const MemberRow &b = view.members[j];
				if (!a.alive || !b.alive)
					continue;
				const core::Reception *a_of_b = cell(a, b, link);
				const core::Reception *b_of_a = cell(b, a, link);
				// one-way: the speaker does not hear whoever says so
				const bool a_deaf =
					is(a_of_b, core::LinkHealth::down) || is(b_of_a, core::LinkHealth::one_way);
				const bool b_deaf =
					is(b_of_a, core::LinkHealth::down) || is(a_of_b, core::LinkHealth::one_way);
				if (a_deaf)
					pairs.push_back({&a, &b, link, b_deaf});
				else if (b_deaf)
					pairs.push_back({&b, &a, link, false});
			}
	return pairs;
}

} // namespace systole::control
