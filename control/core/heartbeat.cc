// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/heartbeat.h"

#include "control/core/wire.h"

#include <algorithm>

namespace systole::core {

namespace {

// TLV types of the content: u8 type, u16 length, value.
enum class Tlv : std::uint8_t { identity = 1, hostname = 2, vclusters = 3, macs = 4, reception = 5 };

constexpr std::size_t vcluster_bytes = 1 + 1 + 2 + 4 + 8 + 2 + 2 + 2 + 4 + 4 + 4;
constexpr std::size_t reception_bytes = 4 + 1;
constexpr unsigned link_bits = 3; // of a reception's byte; its health stands above

// Bit 0 and 1 of the flags hold the state.
enum Flag : std::uint16_t {
	flag_state = 3,
	flag_override = 1U << 2,
	flag_failover = 1U << 3,
	flag_maintenance = 1U << 4,
	flag_memory = 1U << 5,
	flag_ssd = 1U << 6,
	flag_waiting = 1U << 7,
	flag_leaving = 1U << 8,
	flag_barred = 1U << 9,
	flag_offering = 1U << 10,
	flag_unready = 1U << 11,
};

std::uint16_t flags_of(const VclusterBeat &beat)
{
	unsigned flags = static_cast<unsigned>(beat.state) & flag_state;
	const auto add = [&](bool set, unsigned flag) { flags |= set ? flag : 0U; };
	add(beat.override_enabled, flag_override);
	add(beat.failover_flag, flag_failover);
	add(beat.maintenance, flag_maintenance);
	add(beat.mem_failover, flag_memory);
	add(beat.ssd_failed, flag_ssd);
	add(beat.waiting, flag_waiting);
	add(beat.leaving, flag_leaving);
	add(beat.barred, flag_barred);
	add(beat.offering, flag_offering);
	add(beat.unready, flag_unready);
	return static_cast<std::uint16_t>(flags);
}

void put_header(WireWriter &out, Tlv type, std::size_t length)
{
	out.number(static_cast<std::uint8_t>(type));
	out.number(static_cast<std::uint16_t>(length));
}

VclusterBeat read_vcluster(WireReader in)
{
	VclusterBeat beat;
	beat.id = in.number<std::uint8_t>();
	beat.priority = in.number<std::uint8_t>();
	const auto flags = in.number<std::uint16_t>();
	const unsigned state = flags & flag_state;
	beat.state = state == 0 ? HaState::hello : static_cast<HaState>(state);
	beat.override_enabled = (flags & flag_override) != 0;
	beat.failover_flag = (flags & flag_failover) != 0;
	beat.maintenance = (flags & flag_maintenance) != 0;
	beat.mem_failover = (flags & flag_memory) != 0;
	beat.ssd_failed = (flags & flag_ssd) != 0;
	beat.waiting = (flags & flag_waiting) != 0;
	beat.leaving = (flags & flag_leaving) != 0;
	beat.barred = (flags & flag_barred) != 0;
	beat.offering = (flags & flag_offering) != 0;
	beat.unready = (flags & flag_unready) != 0;
	beat.epoch = in.number<std::uint32_t>();
	beat.age_origin_ns = in.number<std::int64_t>();
	beat.reset_count = in.number<std::uint16_t>();
	beat.link_failure = in.number<std::uint16_t>();
	beat.pingserver_failure = in.number<std::uint16_t>();
	beat.choice = in.number<std::uint32_t>();
	beat.flip_epoch = in.number<std::uint32_t>();
	beat.flip_until_tenths = in.number<std::uint32_t>();
	return beat;
}

void write_vcluster(WireWriter &w, const VclusterBeat &beat)
{
	w.number(beat.id);
	w.number(beat.priority);
	w.number(flags_of(beat));
	w.number(beat.epoch);
	w.number(beat.age_origin_ns);
	w.number(static_cast<std::uint16_t>(std::min<std::uint32_t>(beat.reset_count, UINT16_MAX)));
	w.number(beat.link_failure);
	w.number(beat.pingserver_failure);
	w.number(beat.choice);
	w.number(beat.flip_epoch);
	w.number(beat.flip_until_tenths);
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
	w.number(stamp.inner_length);
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
	stamp.inner_length = in.number<std::uint16_t>();
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
	if (!content.vclusters.empty()) {
		put_header(w, Tlv::vclusters, 1 + content.vclusters.size() * vcluster_bytes);
		w.number(static_cast<std::uint8_t>(vcluster_bytes));
		for (const VclusterBeat &beat : content.vclusters)
			write_vcluster(w, beat);
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
			w.number(
				static_cast<std::uint8_t>(cell.link | static_cast<unsigned>(cell.health) << link_bits));
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
		case Tlv::vclusters: {
			const std::size_t each = value.number<std::uint8_t>(); // a newer member may say more of each
			if (each < vcluster_bytes || value.left() < each)
				return std::nullopt;
			while (value.left() >= each && !content.vclusters.full())
				content.vclusters.push_back(read_vcluster(WireReader(value.take(each))));
			break;
		}
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
				const unsigned state = value.number<std::uint8_t>();
				cell.link = static_cast<LinkIndex>(state & (max_links - 1));
				const unsigned health = state >> link_bits;
				cell.health = health <= 2 ? static_cast<LinkHealth>(health) : LinkHealth::down;
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
