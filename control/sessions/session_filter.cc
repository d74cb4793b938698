// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which sessions of this machine are the cluster's at all.
#include "control/sessions/session_filter.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace systole::control {

namespace {

using core::IpBytes;
using core::SessionRecord;

std::uint8_t byte(const IpBytes &address, std::size_t index)
{
	return std::to_integer<std::uint8_t>(address[index]);
}

// Means something on one machine or one link alone, or many machines at once.
bool is_confined(const IpBytes &address, std::uint8_t family)
{
	const std::uint8_t first = byte(address, 0);
	if (family == 4)
		return first == 0 || first == 127 || (first == 169 && byte(address, 1) == 254) ||
		       (first & 0xf0) == 0xe0 || std::all_of(address.begin(), address.begin() + 4, [](std::byte part) {
			       return part == std::byte{255};
		       });
	if (first == 0xff || (first == 0xfe && (byte(address, 1) & 0xc0) == 0x80))
		return true;
	// :: and ::1
	return byte(address, 15) <= 1 &&
	       std::all_of(address.begin(), address.begin() + 15, [](std::byte part) { return part == std::byte{0}; });
}

bool covers(const IpPrefix &prefix, const IpBytes &address)
{
	const std::size_t whole = prefix.length / 8;
	for (std::size_t i = 0; i < whole; ++i)
		if (prefix.address[i] != byte(address, i))
			return false;
	const unsigned rest = prefix.length % 8;
	return rest == 0 || ((prefix.address[whole] ^ byte(address, whole)) >> (8 - rest)) == 0;
}

bool matches(const SessionFilterRule &rule, const SessionRecord &record)
{
	const core::FlowTuple &original = record.key.original;
	if (rule.protocol != 0 && rule.protocol != record.key.protocol)
		return false;
	if (rule.prefix) {
		if (rule.prefix->v6 != (record.key.family == 6))
			return false;
		const std::array<const IpBytes *, 4> ends{&original.source, &original.destination, &record.reply.source,
							  &record.reply.destination};
		if (std::ranges::none_of(ends, [&](const IpBytes *end) { return covers(*rule.prefix, *end); }))
			return false;
	}
	if (rule.first_port == 0 && rule.last_port == 65535)
		return true;
	if (record.key.protocol != IPPROTO_TCP && record.key.protocol != IPPROTO_UDP)
		return false;
	const auto in_range = [&rule](std::uint16_t port) { return port >= rule.first_port && port <= rule.last_port; };
	return in_range(original.destination_port) || in_range(record.reply.source_port);
}

} // namespace

SessionFilter::SessionFilter(SessionFilterRules rules)
    : m_rules(std::move(rules)), m_unmatched(std::ranges::none_of(m_rules.rules, &SessionFilterRule::take))
{
}

void SessionFilter::set_local_addresses(std::vector<IpBytes> addresses)
{
	m_local = std::move(addresses);
	std::ranges::sort(m_local);
}

bool SessionFilter::is_local(const IpBytes &address) const
{
	return std::ranges::binary_search(m_local, address);
}

bool SessionFilter::takes(const SessionRecord &record) const
{
	const core::SessionKey &key = record.key;
	if (key.protocol == IPPROTO_SCTP || key.protocol == IPPROTO_DCCP)
		return false;
	if (key.protocol != IPPROTO_TCP && !m_rules.connectionless)
		return false;
	if (!m_rules.nat && (record.source_nat() || record.destination_nat()))
		return false;
	for (const IpBytes *address :
	     {&key.original.source, &key.original.destination, &record.reply.source, &record.reply.destination})
		if (is_confined(*address, key.family))
			return false;
	// Begun by this machine, or answered by it. One that is translated to an address of this machine is not ours.
	if (is_local(key.original.source) || is_local(record.reply.source))
		return false;
	return rules_take(record);
}

bool SessionFilter::rules_take(const SessionRecord &record) const
{
	for (const SessionFilterRule &rule : m_rules.rules)
		if (matches(rule, record))
			return rule.take;
	return m_unmatched;
}

} // namespace systole::control
