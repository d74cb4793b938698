// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: what comes off the wire before any key has been asked, and the packet that stands inside ESP.
// Input: options | frame. The same bytes are read as an inner packet, and written as the payload of one.
#include "dataplane/frame.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace systole::fuzz {

namespace {

using namespace dataplane;

constexpr FramePolicy policy;
constexpr AddressPair addresses{.local = 0xa9fe0001, .remote = 0xa9fe0002};
constexpr std::size_t max_payload_bytes = 1400;

void judge_frame(std::span<const std::byte> bytes, unsigned segments, bool tagged)
{
	const Frame frame = classify(bytes, segments, tagged, policy);
	if (frame.kind == FrameKind::refused) {
		require(static_cast<std::size_t>(frame.drop) < control::drop_count, "a refusal has a name");
		return;
	}
	require(segments == 1 && !tagged, "no chain and no tag is accepted");
	require(bytes.size() >= min_frame_bytes && bytes.size() <= policy.max_frame_bytes,
		"the length is in its bounds");
	require(frame.offset >= ethernet_bytes && frame.offset + frame.length <= bytes.size(),
		"what is accepted lies inside the frame");
	require(frame.length >= 8, "an accepted frame has room for a header");
	require(std::memcmp(frame.source.data(), bytes.data() + 6, frame.source.size()) == 0,
		"the source is the frame's");
}

void judge_inner(std::span<const std::byte> packet)
{
	const Inner inner = parse_inner(packet);
	if (!inner.good) {
		require(inner.payload.empty(), "a refused inner packet has no payload");
		return;
	}
	require(inner.payload.size() + ipv4_bytes + udp_bytes == packet.size(),
		"the payload is all behind the headers");
	require(inner.payload.data() == packet.data() + ipv4_bytes + udp_bytes, "and lies in the packet");
}

// Whatever we write, we must accept.
void judge_written(std::span<const std::byte> payload)
{
	constexpr std::size_t head = ethernet_bytes + ipv4_bytes;
	std::vector<std::byte> frame(std::max(head + ipv4_bytes + udp_bytes + payload.size(), min_frame_bytes));
	const std::span<std::byte> inner = std::span(frame).subspan(head, ipv4_bytes + udp_bytes + payload.size());
	std::copy(payload.begin(), payload.end(), inner.begin() + ipv4_bytes + udp_bytes);
	write_inner(inner.first<ipv4_bytes + udp_bytes>(), addresses, inner.subspan(ipv4_bytes + udp_bytes));
	write_outer(std::span(frame).subspan<ethernet_bytes, ipv4_bytes>(), addresses, inner.size());
	write_ethernet(std::span(frame).first<ethernet_bytes>(), core::broadcast_mac, {2, 0, 0, 0, 0, 1},
		       policy.ether_type);

	const Frame outer = classify(frame, 1, false, policy);
	require(outer.kind == FrameKind::esp && outer.offset == head && outer.length == inner.size(),
		"a frame of our own is taken for what it is");
	const Inner read = parse_inner(inner);
	require(read.good && read.addresses == AddressPair{.local = addresses.remote, .remote = addresses.local},
		"an inner packet of our own is good, and the receiver sees the addresses its way round");
	require(std::equal(read.payload.begin(), read.payload.end(), payload.begin(), payload.end()),
		"and holds what was written");
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	if (size == 0)
		return 0;
	const auto bytes = bytes_of(data + 1, size - 1);
	judge_frame(bytes, 1 + (data[0] & 1), (data[0] & 2) != 0);
	judge_inner(bytes);
	judge_written(bytes.first(std::min(bytes.size(), max_payload_bytes)));
	return 0;
}
