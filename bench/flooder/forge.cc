// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/flooder/forge.h"

#include "control/core/wire.h"
#include "dataplane/frame.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

namespace systole::flooder {

namespace {

using core::MacAddress;
using dataplane::ethernet_bytes;
using dataplane::ipv4_bytes;

constexpr std::size_t esp_at = ethernet_bytes + ipv4_bytes;
constexpr std::size_t mtu = 1500;
constexpr std::size_t esp_header_bytes = 8;
constexpr std::size_t cbc_empty_bytes = 52; // the shortest packet of CBC+SHA1, which grows by blocks
constexpr std::size_t block_bytes = 16;
constexpr std::uint32_t heartbeat_class = 0, session_class = 1, class_bits = 3;
constexpr std::uint32_t ahead = 64; // how far a forged beat is ahead of the last one heard
constexpr unsigned answers_each = 20;
constexpr std::size_t share_count = 256;
constexpr char first_of_strangers = '!';
constexpr dataplane::AddressPair provisional{.local = 0xa9fe0002, .remote = 0xa9fe0001}; // 169.254.0.2 -> .1

template <typename List, typename Wanted> auto nth_wanted(const List &list, std::size_t turn, Wanted wanted)
{
	const auto count = static_cast<std::size_t>(std::count_if(list.begin(), list.end(), wanted));
	auto left = turn % count;
	return std::find_if(list.begin(), list.end(), [&](const auto &one) { return wanted(one) && left-- == 0; });
}

} // namespace

std::optional<Kind> kind_of(std::string_view name)
{
	const auto found = std::find(kind_names.begin(), kind_names.end(), name);
	if (found == kind_names.end())
		return std::nullopt;
	return static_cast<Kind>(found - kind_names.begin());
}

Forge::Forge(Kind kind, const Target &target, Sightings &sightings, std::uint64_t seed)
    : m_kind(kind), m_target(target), m_sightings(sightings), m_random(seed)
{
	if (sodium_init() < 0)
		throw std::runtime_error("libsodium does not start");
	fill(m_noise);
	m_shares.resize(share_count);
	for (Share &share : m_shares)
		crypto_core_ristretto255_random(share.data());
}

std::string Forge::missing() const
{
	const auto &live = m_sightings.live();
	const auto &greeters = m_sightings.greeters();
	switch (m_kind) {
	case Kind::random:
	case Kind::spi:
	case Kind::ke2: break; // waits for its KE1 for as long as it lasts
	case Kind::bulk_spi:
	case Kind::heartbeat_spi:
		return std::any_of(live.begin(), live.end(), [&](const LiveSa &sa) { return is_victim(sa.to); })
			       ? ""
			       : "a heartbeat";
	case Kind::hello:
	case Kind::ke1:
		return std::any_of(greeters.begin(), greeters.end(),
				   [&](const Greeter &greeter) { return is_victim(greeter.mac); })
			       ? ""
			       : "a HELLO";
	}
	return {};
}

bool Forge::knows_all() const
{
	if (m_kind == Kind::random || m_kind == Kind::spi || m_kind == Kind::ke2)
		return true;
	const auto &live = m_sightings.live();
	return !live.empty() && missing().empty() && std::all_of(live.begin(), live.end(), [&](const LiveSa &sa) {
		const bool replied =
			std::any_of(live.begin(), live.end(), [&](const LiveSa &other) { return other.to == sa.from; });
		return replied && (m_kind != Kind::ke1 || !is_victim(sa.to) || greets(sa.to));
	});
}

bool Forge::greets(const MacAddress &mac) const
{
	const auto &greeters = m_sightings.greeters();
	return std::any_of(greeters.begin(), greeters.end(),
			   [&](const Greeter &greeter) { return greeter.mac == mac; });
}

bool Forge::make(Frame &frame)
{
	++m_turn;
	switch (m_kind) {
	case Kind::random: make_random(frame); break;
	case Kind::spi: make_invented_spi(frame); break;
	case Kind::bulk_spi: make_bulk(frame); break;
	case Kind::heartbeat_spi: make_beat(frame); break;
	case Kind::hello: make_hello(frame); break;
	case Kind::ke1: make_ke1(frame); break;
	case Kind::ke2: return make_ke2(frame);
	}
	return true;
}

void Forge::make_random(Frame &frame)
{
	const std::size_t shortest = dataplane::min_frame_bytes;
	frame.length = shortest + below(static_cast<std::uint32_t>(ethernet_bytes + mtu - shortest + 1));
	noise(std::span(frame.bytes).first(frame.length));
	// Half of ours begin like something we know, so that the checks behind the first byte have work too.
	const bool ours = m_turn % 2 == 0;
	address(frame, m_target.victim.value_or(core::broadcast_mac),
		ours ? m_target.ether_type : static_cast<std::uint16_t>(m_random()));
	if (ours && m_turn % 4 == 0) {
		constexpr std::array<std::byte, 6> hake{std::byte{'H'}, std::byte{'A'}, std::byte{'K'},
							std::byte{'E'}, std::byte{1},   std::byte{2}};
		if (m_turn % 8 == 0)
			std::copy(hake.begin(), hake.end(), frame.bytes.begin() + ethernet_bytes);
		else
			frame.bytes[ethernet_bytes] = std::byte{0x45};
	}
}

void Forge::make_invented_spi(Frame &frame)
{
	const std::size_t blocks = below((mtu - ipv4_bytes - cbc_empty_bytes) / block_bytes + 1);
	dataplane::write_outer(std::span(frame.bytes).subspan<ethernet_bytes, ipv4_bytes>(), provisional,
			       cbc_empty_bytes + block_bytes * blocks);
	const auto spi = std::max<std::uint32_t>(static_cast<std::uint32_t>(m_random()), 256);
	write_esp(frame, spi, 1 + below(1U << 20), cbc_empty_bytes + block_bytes * blocks);
	address(frame, m_target.victim.value_or(core::broadcast_mac), m_target.ether_type);
}

void Forge::make_bulk(Frame &frame)
{
	const LiveSa &sa = next_live();
	// The beat's own length and some blocks more: possible for whatever suite it has.
	const std::size_t beat_length = sa.beat.length - esp_at;
	const std::size_t blocks =
		below(static_cast<std::uint32_t>((ethernet_bytes + mtu - sa.beat.length) / block_bytes + 1));
	dataplane::write_outer(std::span(frame.bytes).subspan<ethernet_bytes, ipv4_bytes>(), provisional,
			       beat_length + block_bytes * blocks);
	write_esp(frame, (sa.spi & ~class_bits) | session_class, ++m_bulk_sequence, beat_length + block_bytes * blocks);
	address(frame, sa.to, dataplane::FramePolicy{}.session_ether_type);
}

void Forge::make_beat(Frame &frame)
{
	const LiveSa &sa = next_live();
	assert((sa.spi & class_bits) == heartbeat_class);
	std::copy_n(sa.beat.bytes.begin(), esp_at, frame.bytes.begin());
	write_esp(frame, sa.spi, sa.sequence + 1 + below(ahead), sa.beat.length - esp_at);
	address(frame, sa.to, m_target.ether_type);
}

void Forge::make_hello(Frame &frame)
{
	core::Hello hello = next_greeter().hello;
	fill(hello.header.nonce);
	core::MemberId highest;
	highest.text.fill('~');
	hello.header.sender = stranger_below(highest);
	enclose(frame, m_target.victim.value_or(core::broadcast_mac), core::encode(hello));
}

void Forge::make_ke1(Frame &frame)
{
	const Greeter &victim = next_greeter();
	const core::Hello &hello = victim.hello;
	core::Ke1 ke1;
	ke1.head.header = hello.header;
	ke1.head.header.type = core::HakeType::ke1;
	ke1.head.header.sender = stranger_below(hello.header.sender); // the smaller serial asks
	fill(ke1.head.header.nonce);
	ke1.head.destination = hello.header.sender;
	ke1.head.destination_nonce = hello.header.nonce;
	fill(ke1.head.x);
	ke1.head.capabilities = hello.capabilities;
	ke1.head.policy = hello.policy;
	ke1.head.spi_base = (1 + below(0xffff)) << 16 | below(2048) << 5;
	ke1.head.link_bitmap = static_cast<std::uint8_t>(1U << hello.header.link);
	ke1.share = m_shares[below(share_count)];
	enclose(frame, victim.mac, core::encode(ke1));
}

bool Forge::make_ke2(Frame &frame)
{
	auto &asked = m_sightings.asked();
	if (m_answers_left == 0) {
		while (!asked.empty() && !is_victim(asked.front().from))
			asked.pop_front();
		if (asked.empty())
			return false;
		m_answers_left = answers_each;
	}
	const core::ExchangeHead &question = asked.front().ke1.head;
	core::Ke2 ke2;
	ke2.head = question;
	ke2.head.header.type = core::HakeType::ke2;
	ke2.head.header.sender = question.destination;
	ke2.head.header.nonce = question.destination_nonce;
	ke2.head.destination = question.header.sender;
	ke2.head.destination_nonce = question.header.nonce;
	ke2.head.spi_base = (1 + below(0xffff)) << 16 | below(2048) << 5;
	ke2.head.suite = 2;
	ke2.share = m_shares[below(share_count)];
	fill(ke2.confirm);
	fill(ke2.ticket);
	enclose(frame, asked.front().from, core::encode(ke2));
	if (--m_answers_left == 0)
		asked.pop_front();
	return true;
}

bool Forge::is_victim(const MacAddress &mac) const
{
	return mac != m_target.own && (!m_target.victim || *m_target.victim == mac);
}

const LiveSa &Forge::next_live()
{
	return *nth_wanted(m_sightings.live(), m_turn, [&](const LiveSa &sa) { return is_victim(sa.to); });
}

const Greeter &Forge::next_greeter()
{
	return *nth_wanted(m_sightings.greeters(), m_turn,
			   [&](const Greeter &greeter) { return is_victim(greeter.mac); });
}

void Forge::address(Frame &frame, const MacAddress &to, std::uint16_t ether_type) const
{
	dataplane::write_ethernet(std::span(frame.bytes).first<ethernet_bytes>(), to, m_target.own, ether_type);
}

void Forge::enclose(Frame &frame, const MacAddress &to, const core::HakeBytes &message) const
{
	const auto bytes = message.span();
	std::copy(bytes.begin(), bytes.end(), frame.bytes.begin() + ethernet_bytes);
	frame.length = ethernet_bytes + bytes.size();
	address(frame, to, m_target.ether_type);
}

// Behind an outer header that stands already.
void Forge::write_esp(Frame &frame, std::uint32_t spi, std::uint32_t sequence, std::size_t esp_length)
{
	const auto esp = std::span(frame.bytes).subspan(esp_at, esp_length);
	core::WireWriter writer(esp);
	writer.number(spi);
	writer.number(sequence);
	noise(esp.subspan(esp_header_bytes));
	frame.length = esp_at + esp_length;
}

void Forge::noise(std::span<std::byte> out)
{
	const std::size_t from = below(static_cast<std::uint32_t>(m_noise.size() - out.size()));
	std::copy_n(m_noise.begin() + static_cast<std::ptrdiff_t>(from), out.size(), out.begin());
}

std::uint32_t Forge::below(std::uint32_t limit)
{
	return static_cast<std::uint32_t>((m_random() >> 32) * limit >> 32);
}

// Printable, 16 characters, smaller than `limit` in the order of serials.
core::MemberId Forge::stranger_below(const core::MemberId &limit)
{
	core::MemberId id;
	for (char &letter : id.text)
		letter = static_cast<char>('A' + below(26));
	const int room = std::max(1, limit.text[0] - first_of_strangers);
	id.text[0] = static_cast<char>(first_of_strangers + below(static_cast<std::uint32_t>(room)));
	return id;
}

} // namespace systole::flooder
