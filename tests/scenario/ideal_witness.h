// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The witness as it should be: one lease for each virtual cluster, given to whoever asks first and kept alive by whoever
// reaches it. Who gives it back frees it at once; who vanishes blocks it for its time to live.
#pragma once

#include "control/core/types.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace systole::scenario {

class IdealWitness {
public:
	static constexpr core::Duration time_to_live = std::chrono::seconds{2};
	static constexpr core::Duration round = std::chrono::milliseconds{250};
	static constexpr core::Duration drift_allowance = std::chrono::milliseconds{20};

	using Wish = std::pair<std::size_t, std::uint8_t>; // member, vcluster

	void want(std::size_t member, std::uint8_t vcluster, bool wanted)
	{
		if (wanted) {
			m_wishes.insert({member, vcluster});
			return;
		}
		m_wishes.erase({member, vcluster});
		const auto lease = m_leases.find(vcluster);
		if (lease != m_leases.end() && lease->second.holder == member && reaches(member))
			m_leases.erase(lease);
	}
	void forget(std::size_t member) // its process ended
	{
		std::erase_if(m_wishes, [member](const Wish &wish) { return wish.first == member; });
	}
	void set_reachable(std::size_t member, bool reachable)
	{
		if (reachable)
			m_cut_off.erase(member);
		else
			m_cut_off.insert(member);
	}
	[[nodiscard]] bool reaches(std::size_t member) const { return !m_cut_off.contains(member); }
	[[nodiscard]] const std::set<Wish> &wishes() const { return m_wishes; }

	// One request of the member's: until when it holds the lease, empty if it does not.
	[[nodiscard]] std::optional<core::Time> ask(const Wish &wish, core::Time now)
	{
		const auto [member, vcluster] = wish;
		const auto lease = m_leases.find(vcluster);
		const bool taken = lease != m_leases.end() && lease->second.expires > now;
		const bool ours = taken && lease->second.holder == member;
		if (!reaches(member)) // what it was granted before is good until then
			return ours ? std::optional(lease->second.expires - drift_allowance) : std::nullopt;
		if (taken && !ours)
			return std::nullopt;
		m_leases[vcluster] = {member, now + time_to_live};
		return now + time_to_live - drift_allowance;
	}

private:
	struct Lease {
		std::size_t holder = 0;
		core::Time expires{};
	};
	std::set<Wish> m_wishes;
	std::set<std::size_t> m_cut_off;
	std::map<std::uint8_t, Lease> m_leases;
};

} // namespace systole::scenario
