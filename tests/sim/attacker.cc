// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/attacker.h"

#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

void Attacker::strike()
{
	const auto dice = m_random.below(1000);
	const std::uint64_t replays = m_world.plan.forger ? 100 : 940;
	if (dice < replays)
		replay();
	else if (dice < 980)
		forge_hello();
	else if (dice < 985)
		forge_ke1();
	else
		forge_ke2();
}

void Attacker::replay()
{
	const auto packet = m_world.network.any_recorded(m_random);
	if (!packet)
		return;
	for (std::size_t to = 0; to < m_world.size(); ++to) {
		const Member &member = m_world.member(to);
		const bool meant = packet->head.destination == core::broadcast_mac ||
				   packet->head.destination == member.mac(packet->head.link);
		if (to != packet->head.sender && member.running() && meant)
			m_world.network.inject(to, *packet);
	}
}

void Attacker::send(std::size_t to, core::LinkIndex link, const core::HakeBytes &message)
{
	Packet packet;
	packet.head.link = link;
	packet.head.length = message.length;
	packet.head.source = {0x02, 0xee, 0, 0, 0, 1};
	std::copy_n(message.bytes.begin(), message.length, packet.bytes.begin());
	if (m_world.member(to).running())
		m_world.network.inject(to, packet);
}

void Attacker::forge_hello()
{
	const std::size_t to = m_random.index(m_world.size());
	const core::Config &config = m_world.plan.members[m_random.index(m_world.size())].config;
	core::Hello hello;
	const auto link = static_cast<core::LinkIndex>(m_random.index(m_world.plan.links));
	hello.header = {core::HakeType::hello, config.group_id, link, config.self, {}};
	if (m_random.permille(300))
		hello.header.sender = core::MemberId::from("NOBODY0000000001");
	m_random.fill(hello.header.nonce);
	hello.group_name = config.group_name;
	hello.capabilities = config.capabilities;
	hello.policy = config.policy;
	send(to, link, encode(hello));
}

void Attacker::forge_ke1()
{
	const std::size_t to = m_random.index(m_world.size());
	const std::size_t name = m_random.index(m_world.size());
	const auto link = static_cast<core::LinkIndex>(m_random.index(m_world.plan.links));
	core::Ke1 ke1;
	ke1.head.header = {core::HakeType::ke1, m_world.plan.common().group_id, link,
			   m_world.plan.members[name].config.self, m_world.member(name).nonce()};
	ke1.head.destination = m_world.plan.members[to].config.self;
	ke1.head.destination_nonce = m_world.member(to).nonce();
	m_random.fill(ke1.head.x);
	ke1.head.capabilities = m_world.plan.common().capabilities;
	ke1.head.policy = m_world.plan.common().policy;
	ke1.head.spi_base = 1U << 20;
	ke1.head.link_bitmap = 0xff;
	m_random.fill(ke1.share);
	if (m_random.permille(300))
		ke1.share[0] = ke1.share[1] = 0xff; // does not decode
	send(to, link, encode(ke1));
}

void Attacker::forge_ke2()
{
	// Answers a KE1 that he has heard, with everything right but the tag.
	const auto heard = m_world.network.any_recorded(m_random);
	if (!heard || heard->head.kind != PacketHead::Kind::hake)
		return;
	const auto ke1 = core::decode_ke1(heard->body());
	const auto to = ke1 ? m_world.index_of(ke1->head.header.sender) : std::nullopt;
	if (!to)
		return;
	core::Ke2 ke2;
	ke2.head = ke1->head;
	ke2.head.header.type = core::HakeType::ke2;
	ke2.head.header.sender = ke1->head.destination;
	ke2.head.header.nonce = ke1->head.destination_nonce;
	ke2.head.destination = ke1->head.header.sender;
	ke2.head.destination_nonce = ke1->head.header.nonce;
	ke2.head.suite = static_cast<std::uint8_t>(core::Suite::cbc_sha1);
	m_random.fill(ke2.share);
	m_random.fill(ke2.confirm);
	send(*to, heard->head.link, encode(ke2));
}

} // namespace systole::sim
