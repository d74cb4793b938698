// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which sessions of this machine are the cluster's at all.
//
// Never: those that end on this machine, since another member has no socket for them, and those with an address that
// means something on one machine or link alone. SCTP and DCCP neither: a record has no room for their state.
#pragma once

#include "control/core/session/session_record.h"
#include "control/netlink/ip_prefix.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace systole::control {

// What is not said matches everything.
struct SessionFilterRule {
	bool take = true;
	// Holds for the session if it holds for one of its ends, as either direction has it: before or after NAT.
	std::optional<IpPrefix> prefix;
	std::uint8_t protocol = 0; // 0: any
	// Of the server, before or after NAT; matches TCP and UDP alone if it is not everything.
	std::uint16_t first_port = 0;
	std::uint16_t last_port = 65535;
};

struct SessionFilterRules {
	bool connectionless = false; // everything but TCP
	bool nat = true;
	// The first that matches decides. If none does: taken, unless the list says somewhere what to take.
	std::vector<SessionFilterRule> rules;
};

class SessionFilter {
public:
	explicit SessionFilter(SessionFilterRules rules);
	// Of this machine, in any order.
	void set_local_addresses(std::vector<core::IpBytes> addresses);
	[[nodiscard]] bool takes(const core::SessionRecord &record) const;

private:
	[[nodiscard]] bool is_local(const core::IpBytes &address) const;
	[[nodiscard]] bool rules_take(const core::SessionRecord &record) const;

	SessionFilterRules m_rules;
	bool m_unmatched;                   // taken if no rule matches
	std::vector<core::IpBytes> m_local; // sorted
};

} // namespace systole::control
