// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/heartbeat.h"

#include "control/core/wire.h"

#include <algorithm>

namespace systole::core {

namespace {

// TLV types of the content: u8 type, u16 length, value.
enum class Tlv : std::uint8_t { identity = 1, hostname = 2, vcluster = 3, macs = 4, reception = 5 };

constexpr std::size_t vcluster_bytes = 1 + 1 + 1 + 1 + 4 + 8 + 4 + 2 + 2 + 16;
constexpr std::size_t reception_bytes = 4 + 1 + 1 + 2;
constexpr std::uint8_t flag_override = 1;
constexpr std::uint8_t flag_failover = 2;

void put_header(WireWriter &out, Tlv type, std::size_t length)
{
	out.number(static_cast<std::uint8_t>(type));
	out.number(static_cast<std::uint16_t>(length));
}

VclusterBeat read_vcluster(WireReader in)
{
	VclusterBeat beat;
	beat.id = in.number<std::uint8_t>();
	const auto state = in.number<std::uint8_t>();
	beat.state = state >= 1 && state <= 3 ? static_cast<HaState>(state) : HaState::hello;
	beat.priority = in.number<std::uint8_t>();
	const auto flags = in.number<std::uint8_t>();
	beat.override_enabled = (flags & flag_override) != 0;
	beat.failover_flag = (flags & flag_failover) != 0;
	beat.epoch = in.number<std::uint32_t>();
	beat.age_origin_ns = in.number<std::int64_t>();
	beat.reset_count = in.number<std::uint32_t>();
	beat.link_failure = in.number<std::uint16_t>();
	beat.pingserver_failure = in.number<std::uint16_t>();
	in.bytes_into(beat.choice.text);
	return beat;
}

} // namespace

Hostname Hostname::from(std::string_view name)
{
	Hostname host;
	host.length = static_cast<std::uint8_t>(std::min(name.size(), max_hostname));
	std::copy_n(name.begin(), host.length, host.text.begin());
	return host;
}

std::uint32_t member_hash(const MemberId &id)
{
	std::uint32_t hash = 2166136261U;
	for (const char c : id.text) {
		hash ^= static_cast<unsigned char>(c);
		hash *= 16777619U;
	}
	return hash;
}

void encode(const BeatStamp &stamp, std::span<std::byte, beat_stamp_bytes> out)
{
	WireWriter w(out);
	w.number(stamp.version);
	w.number(stamp.flags);
	w.number(stamp.content_length);
	w.number(stamp.lateness_us);
	w.number(stamp.tx);
	w.number(stamp.echo);
	w.number(stamp.sent_ns);
	w.number(stamp.echo_sent_ns);
	w.number(stamp.echo_held_us);
}

std::optional<BeatStamp> decode_stamp(std::span<const std::byte> body)
{
	WireReader in(body);
	BeatStamp stamp;
	stamp.version = in.number<std::uint8_t>();
	stamp.flags = in.number<std::uint8_t>();
	stamp.content_length = in.number<std::uint16_t>();
	stamp.lateness_us = in.number<std::uint32_t>();
	stamp.tx = in.number<std::uint64_t>();
	stamp.echo = in.number<std::uint64_t>();
	stamp.sent_ns = in.number<std::int64_t>();
	stamp.echo_sent_ns = in.number<std::int64_t>();
	stamp.echo_held_us = in.number<std::uint32_t>();
	if (!in.ok() || stamp.version != heartbeat_version || stamp.content_length > in.left() || stamp.tx == 0)
		return std::nullopt;
	return stamp;
}

std::size_t encode(const HeartbeatContent &content, std::span<std::byte> out)
{
	WireWriter w(out);
	put_header(w, Tlv::identity, 4 + 4 + content.config_checksum.size());
	w.number(content.capabilities);
	w.number(content.packet_version);
	w.bytes(content.config_checksum);
	if (content.hostname.length != 0) {
		put_header(w, Tlv::hostname, content.hostname.length);
		w.bytes(content.hostname.view());
	}
	for (const VclusterBeat &beat : content.vclusters) {
		put_header(w, Tlv::vcluster, vcluster_bytes);
		w.number(beat.id);
		w.number(static_cast<std::uint8_t>(beat.state));
		w.number(beat.priority);
		w.number(static_cast<std::uint8_t>((beat.override_enabled ? flag_override : 0) |
						   (beat.failover_flag ? flag_failover : 0)));
		w.number(beat.epoch);
		w.number(beat.age_origin_ns);
		w.number(beat.reset_count);
		w.number(beat.link_failure);
		w.number(beat.pingserver_failure);
		w.bytes(beat.choice.text);
	}
	if (!content.macs.empty()) {
		put_header(w, Tlv::macs, content.macs.size() * 6);
		for (const MacAddress &mac : content.macs)
			w.bytes(mac);
	}
	if (!content.reception.empty()) {
		put_header(w, Tlv::reception, content.reception.size() * reception_bytes);
		for (const Reception &cell : content.reception) {
			w.number(cell.peer_hash);
			w.number(cell.link);
			w.number(static_cast<std::uint8_t>(cell.health));
			w.number(cell.lost_permille);
		}
	}
	return w.ok() ? w.written() : 0;
}

std::optional<HeartbeatContent> decode_content(std::span<const std::byte> bytes)
{
	HeartbeatContent content;
	WireReader in(bytes);
	while (in.ok() && in.left() != 0) {
		const auto type = in.number<std::uint8_t>();
		const auto length = in.number<std::uint16_t>();
		WireReader value(in.take(length));
		if (!in.ok())
			return std::nullopt;
		switch (static_cast<Tlv>(type)) {
		case Tlv::identity:
			content.capabilities = value.number<std::uint32_t>();
			content.packet_version = value.number<std::uint32_t>();
			value.bytes_into(content.config_checksum);
			break;
		case Tlv::hostname: {
			const auto text = value.take(value.left());
			content.hostname = Hostname::from({reinterpret_cast<const char *>(text.data()), text.size()});
			break;
		}
		case Tlv::vcluster:
			if (length < vcluster_bytes)
				return std::nullopt;
			if (!content.vclusters.full())
				content.vclusters.push_back(read_vcluster(value));
			break;
		case Tlv::macs:
			while (value.left() >= 6 && !content.macs.full()) {
				MacAddress mac{};
				value.bytes_into(mac);
				content.macs.push_back(mac);
			}
			break;
		case Tlv::reception:
			while (value.left() >= reception_bytes && !content.reception.full()) {
				Reception cell;
				cell.peer_hash = value.number<std::uint32_t>();
				cell.link = value.number<std::uint8_t>();
				const auto health = value.number<std::uint8_t>();
				cell.health = health <= 2 ? static_cast<LinkHealth>(health) : LinkHealth::down;
				cell.lost_permille = value.number<std::uint16_t>();
				content.reception.push_back(cell);
			}
			break;
		default: break; // a newer member's word
		}
		if (!value.ok())
			return std::nullopt;
	}
	return in.ok() ? std::optional(content) : std::nullopt;
}

} // namespace systole::core
