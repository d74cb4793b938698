// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/dataplane/wire.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <stdexcept>

namespace systole::dataplane::testing {

namespace {

constexpr unsigned ring_frames = 1024;
constexpr unsigned pool_mbufs = 2047;

// Names of rings and ports must be new for every test.
std::string fresh(const std::string &stem)
{
	static unsigned number = 0;
	return stem + std::to_string(number++);
}

} // namespace

Wire::Wire(const std::string &name)
    : m_ring(rte_ring_create(fresh(name).c_str(), ring_frames, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)),
      m_pool(rte_pktmbuf_pool_create(fresh("test_pool").c_str(), pool_mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				     SOCKET_ID_ANY))
{
	if (m_ring == nullptr || m_pool == nullptr)
		throw std::runtime_error("no memory for a test ring");
}

Wire::~Wire()
{
	(void)take();
	rte_ring_free(m_ring);
	rte_mempool_free(m_pool);
}

std::vector<Bytes> Wire::take()
{
	std::vector<Bytes> frames;
	void *object = nullptr;
	while (rte_ring_dequeue(m_ring, &object) == 0) {
		auto *mbuf = static_cast<rte_mbuf *>(object);
		const auto *data = rte_pktmbuf_mtod(mbuf, const std::byte *);
		frames.emplace_back(data, data + mbuf->data_len);
		rte_pktmbuf_free(mbuf);
	}
	return frames;
}

void Wire::put(std::span<const std::byte> frame)
{
	put(frame, 1);
}

void Wire::put(std::span<const std::byte> frame, unsigned segments)
{
	std::vector<std::size_t> cuts;
	for (unsigned i = 1; i < segments; ++i)
		cuts.push_back(frame.size() * i / segments);
	put(frame, cuts);
}

void Wire::put(std::span<const std::byte> frame, std::span<const std::size_t> cuts)
{
	rte_mbuf *head = nullptr;
	for (std::size_t i = 0; i <= cuts.size(); ++i) {
		const std::size_t from = i == 0 ? 0 : cuts[i - 1];
		const std::size_t to = i == cuts.size() ? frame.size() : cuts[i];
		rte_mbuf *mbuf = rte_pktmbuf_alloc(m_pool);
		assert(mbuf != nullptr);
		char *room = rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(to - from));
		assert(room != nullptr);
		if (to > from)
			std::memcpy(room, frame.data() + from, to - from);
		if (head == nullptr)
			head = mbuf;
		else if (rte_pktmbuf_chain(head, mbuf) != 0)
			throw std::runtime_error("mbuf chain too long");
	}
	if (rte_ring_enqueue(m_ring, head) != 0)
		throw std::runtime_error("test ring is full");
}

std::string test_name_of(crypto::Suite suite)
{
	std::string name(crypto::name_of(suite));
	std::replace(name.begin(), name.end(), '-', '_');
	return name;
}

Key make_key(crypto::Suite suite, std::uint8_t direction, core::LinkIndex link, std::uint16_t generation,
	     crypto::TrafficClass traffic_class)
{
	Key key;
	key.suite = suite;
	key.spi = static_cast<std::uint32_t>((0x5000U + generation) << 16 | (0x10U * generation + direction) << 5 |
					     link << 2U | static_cast<unsigned>(traffic_class));
	for (std::size_t i = 0; i < key.bytes.size(); ++i)
		key.bytes[i] = static_cast<std::byte>(i * 7 + direction * 101U + link * 53U + generation * 31U +
						      static_cast<unsigned>(traffic_class) * 17U + 1);
	return key;
}

// ---------------------------------------------------------------- Member

Member::Member(const std::string &name, std::span<const std::unique_ptr<Wire>> out,
	       std::span<const std::unique_ptr<Wire>> in, const WorkerConfig &config, bool takes_sessions)
    : channel(std::make_unique<control::WorkerChannel>()),
      lanes(takes_sessions ? std::make_unique<control::SessionLanes>() : nullptr)
{
	channel->lanes = lanes.get();
	std::vector<Port *> links;
	for (std::size_t i = 0; i < out.size(); ++i) {
		rte_ring *rx = in[i]->ring();
		rte_ring *tx = out[i]->ring();
		const std::string device = fresh(name);
		const int id = rte_eth_from_rings(device.c_str(), &rx, 1, &tx, 1, 0);
		std::array<char, RTE_ETH_NAME_MAX_LEN> ethdev{};
		if (id < 0 || rte_eth_dev_get_name_by_port(static_cast<std::uint16_t>(id), ethdev.data()) != 0)
			throw std::runtime_error("no net_ring port");
		std::string error;
		ports.push_back(Port::open({.name = "hb" + std::to_string(i),
					    .ethdev = ethdev.data(),
					    .mbufs = 2047,
					    .own_mac = made_up_mac(name, device)},
					   error));
		if (ports.back() == nullptr)
			throw std::runtime_error(error);
		links.push_back(ports.back().get());
	}
	worker = std::make_unique<Worker>(config, links, *channel, clock);
}

Member::~Member()
{
	channel->stop.store(true);
	worker->run(); // one last turn, then every SA comes back
	(void)events();
}

void Member::command(const control::WorkerCommand &command)
{
	if (!channel->commands.push(command))
		throw std::runtime_error("command ring is full");
}

std::vector<control::WorkerEvent> Member::events()
{
	std::vector<control::WorkerEvent> found;
	channel->events.consume_all([&](const control::WorkerEvent &event) {
		found.push_back(event);
		if (const auto *inbound = std::get_if<control::ReleasedInbound>(&event)) {
			crypto::SaDeleter{}(inbound->sa);
			++released;
		} else if (const auto *outbound = std::get_if<control::ReleasedOutbound>(&event)) {
			crypto::SaDeleter{}(outbound->sa);
			++released;
		}
	});
	return found;
}

std::uint64_t Member::all_drops() const
{
	std::uint64_t sum = 0;
	for (const auto &counter : channel->counters.drops)
		sum += counter;
	return sum;
}

// ---------------------------------------------------------------- Pair

Pair::Pair(std::size_t links, crypto::Suite wanted_suite, bool wants_sessions, std::uint8_t session_links)
    : link_count(links), suite(wanted_suite), takes_sessions(wants_sessions)
{
	for (std::size_t i = 0; i < links; ++i) {
		a_to_b.push_back(std::make_unique<Wire>("a_to_b"));
		b_to_a.push_back(std::make_unique<Wire>("b_to_a"));
	}
	const WorkerConfig config{.interval = interval,
				  .lost_threshold = lost_threshold,
				  .session_links = session_links,
				  .control_watchdog = control_watchdog};
	a = std::make_unique<Member>("a", a_to_b, b_to_a, config, takes_sessions);
	b = std::make_unique<Member>("b", b_to_a, a_to_b, config, takes_sessions);
}

void Pair::install(core::SessionId session, std::uint16_t generation, core::PeerSlot inbound_slot_of_b)
{
	const auto install_class = [&](crypto::TrafficClass traffic_class, core::LinkIndex link) {
		const Key to_b = make_key(suite, 0, link, generation, traffic_class);
		const Key to_a = make_key(suite, 1, link, generation, traffic_class);
		const auto give = [&](Member &member, const Key &in, const Key &out, core::PeerSlot inbound_slot) {
			crypto::InboundSa *inbound = crypto::make_inbound_sa(in.spec()).release();
			inbound->traffic_class = traffic_class;
			member.command(control::InstallInbound{inbound, inbound_slot, link, session});
			crypto::OutboundSa *outbound = crypto::make_outbound_sa(out.spec()).release();
			outbound->traffic_class = traffic_class;
			member.command(control::InstallOutbound{outbound, peer_slot, link, session});
		};
		give(*a, to_a, to_b, peer_slot);
		give(*b, to_b, to_a, inbound_slot_of_b);
	};
	for (core::LinkIndex link = 0; link < link_count; ++link) {
		install_class(crypto::TrafficClass::heartbeat, link);
		if (takes_sessions)
			install_class(crypto::TrafficClass::session, link);
	}
}

void Pair::start_peers(core::SessionId boot)
{
	const auto bitmap = static_cast<std::uint8_t>((1U << link_count) - 1);
	control::StartPeer of_a{peer_slot, boot, address_of_a, address_of_b, bitmap, {}};
	control::StartPeer of_b{peer_slot, boot, address_of_b, address_of_a, bitmap, {}};
	for (std::size_t link = 0; link < link_count; ++link) {
		of_a.macs[link] = b->ports[link]->mac();
		of_b.macs[link] = a->ports[link]->mac();
	}
	a->command(of_a);
	b->command(of_b);
}

void Pair::say(Member &member, std::string_view content, bool immediate)
{
	control::SetBeat beat{static_cast<std::uint16_t>(content.size()), immediate, {}};
	std::transform(content.begin(), content.end(), beat.content.begin(),
		       [](char c) { return static_cast<std::byte>(c); });
	member.command(beat);
}

void Pair::connect(core::SessionId session, std::uint16_t generation)
{
	install(session, generation);
	start_peers(session);
	say(*a, "a says this");
	say(*b, "b says that");
}

void Pair::run_until(Time time)
{
	for (; now <= time; now += tick) {
		a->turn(now);
		b->turn(now);
	}
	now = time;
}

void Pair::run_alone(Member &member, Duration duration)
{
	const Time end = now + duration;
	for (; now <= end; now += tick)
		member.turn(now);
	now = end;
}

// ---------------------------------------------------------------- Forger

Bytes Forger::frame(std::span<const std::byte> inner, std::uint16_t ether_type)
{
	constexpr std::size_t front = ethernet_bytes + ipv4_bytes + crypto::seal_headroom;
	Bytes buffer(front + inner.size() + crypto::seal_tailroom);
	std::copy(inner.begin(), inner.end(), buffer.begin() + front);
	crypto::Seal seal;
	seal.sa = m_sa.get();
	seal.inner = buffer.data() + front;
	seal.inner_length = inner.size();
	seal.headroom = crypto::seal_headroom;
	seal.tailroom = crypto::seal_tailroom;
	m_engine.seal({&seal, 1});
	if (seal.refusal != crypto::Refusal::none)
		throw std::runtime_error("the forger could not seal");
	const std::span<std::byte> frame(seal.esp - ethernet_bytes - ipv4_bytes,
					 ethernet_bytes + ipv4_bytes + seal.esp_length);
	write_ethernet(frame.first<ethernet_bytes>(), core::broadcast_mac, {2, 2, 2, 2, 2, 2}, ether_type);
	write_outer(frame.subspan<ethernet_bytes, ipv4_bytes>(), {0x01010101, 0x02020202},
		    seal.esp_length); // never looked at
	return {frame.begin(), frame.end()};
}

Bytes inner_packet(AddressPair from_to, std::span<const std::byte> body)
{
	Bytes packet(ipv4_bytes + udp_bytes + body.size());
	std::copy(body.begin(), body.end(), packet.begin() + ipv4_bytes + udp_bytes);
	write_inner(std::span(packet).first<ipv4_bytes + udp_bytes>(), from_to,
		    std::span(packet).subspan(ipv4_bytes + udp_bytes));
	return packet;
}

Bytes session_packet(AddressPair from_to, std::span<const std::byte> body)
{
	Bytes packet(ipv4_bytes + udp_bytes + body.size());
	std::copy(body.begin(), body.end(), packet.begin() + ipv4_bytes + udp_bytes);
	write_session_inner(std::span(packet).first<ipv4_bytes + udp_bytes>(), from_to, body.size());
	return packet;
}

Bytes beat_body(const core::BeatStamp &stamp, std::string_view content, std::size_t length)
{
	Bytes body(std::max(length, core::beat_stamp_bytes + content.size()));
	core::BeatStamp whole = stamp;
	whole.content_length = static_cast<std::uint16_t>(content.size());
	core::encode(whole, std::span(body).first<core::beat_stamp_bytes>());
	std::transform(content.begin(), content.end(), body.begin() + core::beat_stamp_bytes,
		       [](char c) { return static_cast<std::byte>(c); });
	return body;
}

} // namespace systole::dataplane::testing
