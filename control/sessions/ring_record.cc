// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/ring_record.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace systole::control {

namespace {

constexpr std::uint8_t known_flags = SYSTOLE_SEEN_REPLY | SYSTOLE_ASSURED;
constexpr std::uint8_t max_window_scale = 14;

systole_session_tuple ring_tuple(const core::FlowTuple &tuple)
{
	systole_session_tuple out{};
	std::memcpy(out.source, tuple.source.data(), sizeof(out.source));
	std::memcpy(out.destination, tuple.destination.data(), sizeof(out.destination));
	out.source_port = tuple.source_port;
	out.destination_port = tuple.destination_port;
	return out;
}

core::FlowTuple tuple_in(const systole_session_tuple &tuple)
{
	core::FlowTuple out;
	std::memcpy(out.source.data(), tuple.source, sizeof(tuple.source));
	std::memcpy(out.destination.data(), tuple.destination, sizeof(tuple.destination));
	out.source_port = tuple.source_port;
	out.destination_port = tuple.destination_port;
	return out;
}

bool is_address(const core::IpBytes &address, std::uint8_t family)
{
	return family == 6 ||
	       std::all_of(address.begin() + 4, address.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_tuple(const core::FlowTuple &tuple, std::uint8_t family)
{
	return is_address(tuple.source, family) && is_address(tuple.destination, family);
}

bool has_tcp_fields(const systole_session_record &record)
{
	return record.tcp_state != 0 || record.tcp_flags[0] != 0 || record.tcp_flags[1] != 0 ||
	       record.tcp_window_scale[0] != 0 || record.tcp_window_scale[1] != 0;
}

} // namespace

systole_session_record ring_record(std::uint8_t type, const core::SessionKey &key)
{
	systole_session_record out{};
	out.type = type;
	out.family = key.family;
	out.protocol = key.protocol;
	out.zone = key.zone;
	out.original = ring_tuple(key.original);
	return out;
}

systole_session_record ring_record(std::uint8_t type, const core::SessionRecord &record)
{
	systole_session_record out = ring_record(type, record.key);
	out.flags = static_cast<std::uint8_t>((record.seen_reply ? SYSTOLE_SEEN_REPLY : 0) |
					      (record.assured ? SYSTOLE_ASSURED : 0));
	out.tcp_state = static_cast<std::uint8_t>(record.tcp_state);
	out.helper = static_cast<std::uint8_t>(record.helper);
	out.mark = record.mark;
	out.timeout_s = record.timeout_s;
	out.reply = ring_tuple(record.reply);
	for (std::size_t i = 0; i < 2; ++i) {
		out.tcp_flags[i] = record.tcp_flags[i];
		out.tcp_window_scale[i] = record.tcp_window_scale[i];
		out.adjustment[i] = {record.adjustment[i].correction_at, record.adjustment[i].offset_before,
				     record.adjustment[i].offset_after};
	}
	return out;
}

std::optional<core::SessionKey> key_in(const systole_session_record &record)
{
	core::SessionKey key;
	key.original = tuple_in(record.original);
	key.zone = record.zone;
	key.protocol = record.protocol;
	key.family = record.family;
	if ((key.family != 4 && key.family != 6) || !is_tuple(key.original, key.family))
		return std::nullopt;
	return key;
}

std::optional<core::SessionRecord> session_in(const systole_session_record &record)
{
	const std::optional<core::SessionKey> key = key_in(record);
	core::SessionRecord out;
	out.reply = tuple_in(record.reply);
	if (!key || !is_tuple(out.reply, key->family) || (record.flags & ~known_flags) != 0 ||
	    record.tcp_state > static_cast<std::uint8_t>(core::TcpState::syn_sent2) ||
	    record.helper > static_cast<std::uint8_t>(core::SessionHelper::sane) ||
	    record.tcp_window_scale[0] > max_window_scale || record.tcp_window_scale[1] > max_window_scale ||
	    (key->protocol != IPPROTO_TCP && has_tcp_fields(record)) ||
	    std::ranges::any_of(record.reserved, [](std::uint8_t byte) { return byte != 0; }))
		return std::nullopt;
	out.key = *key;
	out.mark = record.mark;
	out.seen_reply = (record.flags & SYSTOLE_SEEN_REPLY) != 0;
	out.assured = (record.flags & SYSTOLE_ASSURED) != 0;
	out.tcp_state = static_cast<core::TcpState>(record.tcp_state);
	out.helper = static_cast<core::SessionHelper>(record.helper);
	out.timeout_s = record.timeout_s;
	for (std::size_t i = 0; i < 2; ++i) {
		out.tcp_flags[i] = record.tcp_flags[i];
		out.tcp_window_scale[i] = record.tcp_window_scale[i];
		out.adjustment[i] = {record.adjustment[i].correction_at, record.adjustment[i].offset_before,
				     record.adjustment[i].offset_after};
	}
	return out;
}

} // namespace systole::control
