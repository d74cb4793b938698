// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/flooder/sightings.h"

#include "control/core/wire.h"
#include "dataplane/frame.h"

#include <algorithm>

namespace systole::flooder {

namespace {

using core::MacAddress;

constexpr std::size_t most_known = 64; // of each; the members of a lab are 16
constexpr std::uint32_t class_bits = 3;

MacAddress mac_at(std::span<const std::byte> frame, std::size_t at)
{
	MacAddress mac{};
	core::WireReader(frame.subspan(at)).bytes_into(mac);
	return mac;
}

} // namespace

void Sightings::look_at(std::span<const std::byte> frame)
{
	if (frame.size() <= dataplane::ethernet_bytes)
		return;
	const MacAddress to = mac_at(frame, 0);
	const MacAddress from = mac_at(frame, to.size());
	if (from == m_own)
		return;
	if (to == m_own)
		++m_counts.to_us;
	const std::uint16_t ether_type = core::WireReader(frame.subspan(12)).number<std::uint16_t>();
	const dataplane::Frame seen = dataplane::classify(frame, 1, false, {.ether_type = ether_type});
	if (seen.kind == dataplane::FrameKind::esp)
		look_at_esp(to, from, frame.first(seen.offset + seen.length));
	else if (seen.kind == dataplane::FrameKind::hake)
		look_at_hake(from, frame.subspan(seen.offset, seen.length));
}

void Sightings::look_at_esp(const MacAddress &to, const MacAddress &from, std::span<const std::byte> frame)
{
	core::WireReader esp(frame.subspan(dataplane::ethernet_bytes + dataplane::ipv4_bytes));
	const auto spi = esp.number<std::uint32_t>();
	const auto sequence = esp.number<std::uint32_t>();
	if (!esp.ok() || (spi & class_bits) != 0 || frame.size() > Frame{}.bytes.size())
		return; // not the heartbeat class
	++m_counts.beats;
	auto sa = std::find_if(m_live.begin(), m_live.end(),
			       [&](const LiveSa &one) { return one.from == from && one.to == to; });
	if (sa == m_live.end()) {
		if (m_live.size() == most_known)
			return;
		sa = m_live.emplace(m_live.end());
	}
	sa->from = from;
	sa->to = to;
	sa->spi = spi;
	sa->sequence = sequence;
	sa->beat.length = frame.size();
	std::copy(frame.begin(), frame.end(), sa->beat.bytes.begin());
}

void Sightings::look_at_hake(const MacAddress &from, std::span<const std::byte> bytes)
{
	const auto header = core::decode_header(bytes);
	if (!header)
		return;
	if (header->type == core::HakeType::hello)
		look_at_hello(from, bytes);
	else if (header->type == core::HakeType::ke1)
		look_at_ke1(from, bytes);
	else if (header->type == core::HakeType::ke2)
		++m_counts.ke2;
	else if (header->type == core::HakeType::ke3)
		++m_counts.ke3;
}

void Sightings::look_at_hello(const MacAddress &from, std::span<const std::byte> bytes)
{
	const auto hello = core::decode_hello(bytes);
	if (!hello)
		return;
	++m_counts.hello;
	auto greeter =
		std::find_if(m_greeters.begin(), m_greeters.end(), [&](const Greeter &one) { return one.mac == from; });
	if (greeter == m_greeters.end()) {
		if (m_greeters.size() == most_known)
			return;
		greeter = m_greeters.emplace(m_greeters.end());
	}
	*greeter = {from, *hello};
}

void Sightings::look_at_ke1(const MacAddress &from, std::span<const std::byte> bytes)
{
	const auto ke1 = core::decode_ke1(bytes);
	if (!ke1)
		return;
	++m_counts.ke1;
	if (m_asked.size() < most_known)
		m_asked.push_back({from, *ke1});
}

} // namespace systole::flooder
