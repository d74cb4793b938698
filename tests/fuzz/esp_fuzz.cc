// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: opening ESP with a known SA of every suite. Input: mode | bytes.
//
//   raw      the bytes are the packet: nobody without the key may get in, where there is a key
//   crafted  the bytes are what stands behind the IV, ciphered and signed with the right key: an authentic sender that
//            writes any padding, trailer and inner packet; what is behind the opener is reached too
//   sealed   the bytes are an inner packet that seal() wraps: it must come out again, once
//
// covers: P16 as "fuzz: what was kept and a few seconds more, every target"
#include "control/core/heartbeat.h"
#include "crypto/esp.h"
#include "crypto/ipsec_mb.h"
#include "dataplane/beat_size.h"
#include "dataplane/frame.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace systole::fuzz {

namespace {

using namespace crypto;

constexpr std::uint32_t spi = 0x5a5a0040;
constexpr std::uint32_t first_sequence = 1;
enum class Mode : std::uint8_t { raw, crafted, sealed };

std::array<std::byte, max_sa_key_bytes> key_bytes()
{
	std::array<std::byte, max_sa_key_bytes> key;
	for (std::size_t i = 0; i < key.size(); ++i)
		key[i] = static_cast<std::byte>(i * 37 + 11);
	return key;
}

// What one key can do, made once; the replay window is new for every input.
struct Protection {
	explicit Protection(Suite with) : suite(with), shape(shape_of(with))
	{
		keys = expand_keys(memory, suite, std::span(key).first(shape.key_bytes));
		require(keys != nullptr, "the CPU has what IPsec-MB needs");
	}
	[[nodiscard]] SaSpec spec() const { return {spi, suite, std::span(key).first(shape.key_bytes)}; }

	Suite suite;
	SuiteShape shape;
	std::array<std::byte, max_sa_key_bytes> key = key_bytes();
	alignas(key_schedule_align) std::array<std::byte, key_schedule_bytes> memory{};
	const SaKeySchedule *keys = nullptr;
};

struct Workshop {
	EspEngine engine;
	IpsecMb ciphers;
	Protection null_sha1{Suite::null_sha1};
	Protection cbc_sha1{Suite::cbc_sha1};
	Protection gcm{Suite::gcm};
	Protection plain{Suite::plain};

	[[nodiscard]] const Protection &protection(unsigned number) const
	{
		switch (number % 4) {
		case 0: return null_sha1;
		case 1: return cbc_sha1;
		case 2: return gcm;
		default: return plain;
		}
	}
};

Workshop &workshop()
{
	static Workshop made;
	return made;
}

// What stands behind the opener in the receive path, and what a beat says of the lengths to come.
void read_inner(Suite suite, std::span<const std::byte> packet)
{
	const dataplane::Inner inner = dataplane::parse_inner(packet);
	if (!inner.good)
		return;
	const auto stamp = core::decode_stamp(inner.payload);
	if (!stamp)
		return;
	(void)core::decode_content(inner.payload.subspan(core::beat_stamp_bytes, stamp->content_length));
	if (stamp->inner_length == 0 || stamp->inner_length > dataplane::longest_inner)
		return;
	Admission admission;
	const std::size_t own = esp_length_of(suite, packet.size());
	const std::size_t next = esp_length_of(suite, stamp->inner_length);
	admission.heard(own, next, 1);
	require(admission.takes(own, 2, 3) && admission.takes(next, 2, 3), "this length and the announced one pass");
	require(!admission.takes(own + next, 2, 3), "and no other");
}

Open opened(InboundSa &sa, std::vector<std::byte> &packet)
{
	Open open;
	open.sa = &sa;
	open.esp = packet.data();
	open.esp_length = packet.size();
	workshop().engine.open({&open, 1});
	if (open.refusal != Refusal::none) {
		require(open.inner == nullptr && open.inner_length == 0, "a refused packet yields no plaintext");
		return open;
	}
	require(open.inner > packet.data() && open.inner + open.inner_length <= packet.data() + packet.size(),
		"the inner packet lies in the packet");
	return open;
}

InboundSaPtr inbound(const Protection &protection)
{
	InboundSaPtr sa = make_inbound_sa(protection.spec());
	require(sa != nullptr, "there is memory for an SA");
	return sa;
}

void open_raw(const Protection &protection, std::span<const std::byte> bytes)
{
	const InboundSaPtr sa = inbound(protection);
	std::vector<std::byte> packet(bytes.begin(), bytes.end());
	if (protection.suite == Suite::plain) {
		const Open open = opened(*sa, packet);
		if (open.refusal == Refusal::none)
			read_inner(protection.suite, {open.inner, open.inner_length});
		return;
	}
	require(opened(*sa, packet).refusal != Refusal::none, "nobody gets in without the key");
	require(sa->packets == 0, "and nothing refused ages the SA");
}

// Ciphered and signed as RFC 4303 has it, with whatever stands behind the IV.
std::vector<std::byte> craft(const Protection &protection, std::span<const std::byte> payload)
{
	const SuiteShape &shape = protection.shape;
	const std::size_t front = esp_header_bytes + shape.iv_bytes;
	const std::size_t length =
		std::max((payload.size() + shape.align - 1) / shape.align, std::size_t{1}) * shape.align;
	std::vector<std::byte> packet(front + length + shape.icv_bytes);
	store_be32(packet.data(), spi);
	store_be32(packet.data() + 4, first_sequence);
	std::copy(payload.begin(), payload.end(),
		  packet.begin() + static_cast<std::ptrdiff_t>(front + length - payload.size()));
	const CipherJob job{protection.keys, packet.data(), front + length, packet.data() + front + length};
	IpsecMb &ciphers = workshop().ciphers;
	if (protection.suite == Suite::gcm) {
		store_be64(packet.data() + esp_header_bytes, first_sequence);
		ciphers.encrypt_gcm(job);
		return packet;
	}
	if (protection.suite == Suite::cbc_sha1) {
		ciphers.make_cbc_iv(protection.keys, first_sequence, packet.data() + esp_header_bytes);
		ciphers.encrypt_cbc({&job, 1});
	}
	if (protection.suite != Suite::plain)
		ciphers.authenticate({&job, 1});
	return packet;
}

void open_crafted(const Protection &protection, std::span<const std::byte> payload)
{
	const std::vector<std::byte> packet = craft(protection, payload);
	const InboundSaPtr sa = inbound(protection);

	std::vector<std::byte> forged = packet;
	forged[payload.size() % forged.size()] ^= std::byte{0x40};
	if (protection.suite != Suite::plain &&
	    payload.size() % forged.size() >= 8) // the SPI is looked up before, and another number is another packet
		require(opened(*sa, forged).refusal == Refusal::icv, "one bit flipped is found out");

	std::vector<std::byte> first = packet;
	const Open open = opened(*sa, first);
	require(open.refusal == Refusal::none || open.refusal == Refusal::pad || open.refusal == Refusal::nh ||
			open.refusal == Refusal::dummy,
		"an authentic packet fails by its trailer alone");
	require(open.sequence == first_sequence, "the number is the packet's");
	if (open.refusal == Refusal::none)
		read_inner(protection.suite, {open.inner, open.inner_length});
	std::vector<std::byte> second = packet;
	require(opened(*sa, second).refusal == Refusal::replay_pre, "no packet is taken twice");
}

void open_sealed(const Protection &protection, std::span<const std::byte> inner)
{
	const OutboundSaPtr out = make_outbound_sa(protection.spec());
	const InboundSaPtr in = inbound(protection);
	require(out != nullptr, "there is memory for an SA");
	std::vector<std::byte> buffer(seal_headroom + inner.size() + seal_tailroom);
	std::copy(inner.begin(), inner.end(), buffer.begin() + seal_headroom);
	Seal seal;
	seal.sa = out.get();
	seal.inner = buffer.data() + seal_headroom;
	seal.inner_length = inner.size();
	seal.headroom = seal_headroom;
	seal.tailroom = seal_tailroom;
	workshop().engine.seal({&seal, 1});
	if (inner.empty()) {
		require(seal.refusal == Refusal::room, "nothing is not sealed");
		return;
	}
	require(seal.refusal == Refusal::none, "any packet can be sealed");
	std::vector<std::byte> packet(seal.esp, seal.esp + seal.esp_length);
	const Open open = opened(*in, packet);
	require(open.refusal == Refusal::none && open.inner_length == inner.size() &&
			std::memcmp(open.inner, inner.data(), inner.size()) == 0,
		"what was sealed comes out again");
	read_inner(protection.suite, {open.inner, open.inner_length});
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	if (size == 0 || size > 2048)
		return 0;
	const Protection &protection = workshop().protection(data[0] / 3);
	const auto bytes = bytes_of(data + 1, size - 1);
	switch (static_cast<Mode>(data[0] % 3)) {
	case Mode::raw: open_raw(protection, bytes); break;
	case Mode::crafted: open_crafted(protection, bytes); break;
	case Mode::sealed: open_sealed(protection, bytes); break;
	}
	return 0;
}
