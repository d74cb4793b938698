// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One real Node, its peers played by hand: for tests that need each event and each action in their order. Whole
// clusters are easier in tests/scenario/cluster.h.
#pragma once

#include "control/core/node.h"
#include "tests/scenario/ideal_key_agent.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace systole::scenario {

inline core::BootNonce nonce_of(std::uint64_t boot)
{
	core::BootNonce nonce{};
	for (std::size_t i = 0; i < nonce.size(); ++i)
		nonce[i] = static_cast<std::uint8_t>(Digest().add(boot).add(i).value());
	return nonce;
}

// "SYS0000000000012" for 12.
inline std::string serial_of(std::size_t number)
{
	std::string serial = "SYS0000000000000";
	for (std::size_t at = serial.size(); number != 0; number /= 10)
		serial[--at] = static_cast<char>('0' + number % 10);
	return serial;
}

inline core::Config config_of(const std::string &serial)
{
	core::Config config;
	config.self = core::MemberId::from(serial);
	config.group_id = 103;
	config.hb_interval = std::chrono::milliseconds{10};
	config.hb_lost_threshold = 3;
	config.hello_holddown = std::chrono::seconds{5};
	return config;
}

template <typename T> std::vector<T> all(const core::Actions &actions)
{
	std::vector<T> found;
	for (const core::Action &action : actions)
		if (const T *one = std::get_if<T>(&action))
			found.push_back(*one);
	return found;
}
template <typename T> std::size_t count(const core::Actions &actions)
{
	return all<T>(actions).size();
}
// Position of the first T, actions.size() if there is none.
template <typename T> std::size_t place_of(const core::Actions &actions)
{
	for (std::size_t i = 0; i < actions.size(); ++i)
		if (std::holds_alternative<T>(actions[i]))
			return i;
	return actions.size();
}
inline std::size_t notices(const core::Actions &actions, core::NoticeKind kind)
{
	std::size_t found = 0;
	for (const core::Notice &notice : all<core::Notice>(actions))
		found += notice.kind == kind;
	return found;
}
// Anything that puts a frame on the wire.
inline std::size_t sends(const core::Actions &actions)
{
	return count<core::SendHello>(actions) + count<core::BeginExchange>(actions) + count<core::ResendKe1>(actions) +
	       count<core::SendKe2>(actions) + count<core::SendKe3>(actions);
}

class OneNode {
public:
	struct Peer {
		core::Config config;
		std::unique_ptr<IdealKeyAgent> keys;
		core::BootNonce nonce{};
		core::PeerSlot slot = 0;
		core::SessionId session = 0;
		core::SessionId generation = 0;
		core::VclusterBeat words;
		std::uint32_t capabilities = 0;
	};

	explicit OneNode(const core::Config &config) : m_node(config), m_config(config) {}

	[[nodiscard]] const core::Node &node() const { return m_node; }
	core::Time now{std::chrono::seconds{1000}};

	// The actions of one step; valid until the next one.
	const core::Actions &step(const core::EventBody &body)
	{
		m_actions->clear();
		m_node.step({now, body}, *m_actions);
		return *m_actions;
	}
	const core::Actions &start()
	{
		core::Started started;
		started.nonce = nonce_of(1);
		started.seed = 1;
		started.macs.push_back({2, 0, 0, 0, 0, 1});
		return step(started);
	}
	// Ticks that fall due up to now + duration.
	void pass(core::Duration duration)
	{
		const core::Time end = now + duration;
		while (m_node.next_deadline() <= end) {
			now = std::max(now, m_node.next_deadline());
			(void)step(core::Tick{});
		}
		now = end;
	}

	Peer make_peer(const std::string &serial, std::uint64_t boot = 100)
	{
		Peer peer;
		peer.config = config_of(serial);
		peer.nonce = nonce_of(Digest().add_array(serial).add(boot).value());
		peer.keys = std::make_unique<IdealKeyAgent>(peer.config, "secret", peer.nonce, boot);
		return peer;
	}
	// The peer's HELLO, and the whole exchange if the node starts one (the peer's id must be the larger one).
	// The actions of the last step, in which the session came up.
	const core::Actions &bring_up(Peer &peer)
	{
		(void)step(core::HakeReceived{0, mac, peer.keys->hello(0)});
		const auto begun = all<core::BeginExchange>(*m_actions);
		assert(begun.size() == 1);
		return answer(peer, begun[0]);
	}
	const core::Actions &answer(Peer &peer, const core::BeginExchange &begin)
	{
		IdealKeyAgent own(m_config, "secret", nonce_of(1), begin.session);
		const core::HakeBytes ke1 = own.begin(begin).ke1;
		(void)peer.keys->evaluate_ke1({begin.session, 0, mac, core::Suite::gcm, ke1});
		const core::HakeBytes ke2 = peer.keys->find(begin.session)->ke2;
		(void)step(core::HakeReceived{0, mac, ke2});
		const core::Actions &up =
			step(core::KeyResult{begin.session, core::KeyStep::ke2, core::KeyOutcome::ok});
		for (const core::InstallOutboundKeys &keys : all<core::InstallOutboundKeys>(up)) {
			peer.slot = keys.slot;
			peer.session = keys.session;
		}
		for (const core::StartPeerBeats &beats : all<core::StartPeerBeats>(up))
			peer.generation = beats.generation;
		return up;
	}
	const core::Actions &link(const Peer &peer, core::LinkHealth health)
	{
		return step(core::PeerLinkChanged{peer.slot, peer.generation, 0, health,
						  health != core::LinkHealth::down, now});
	}
	[[nodiscard]] core::BeatReceived beat_of(const Peer &peer) const
	{
		core::BeatReceived beat;
		beat.slot = peer.slot;
		beat.session = peer.session;
		beat.sent_ns = now.time_since_epoch().count();
		beat.content.vclusters.push_back(peer.words);
		beat.content.capabilities = peer.capabilities;
		beat.content.macs.push_back(mac);
		return beat;
	}
	const core::Actions &beat(const Peer &peer) { return step(beat_of(peer)); }
	// Session up, link up, first words.
	const core::Actions &join(Peer &peer)
	{
		(void)bring_up(peer);
		(void)link(peer, core::LinkHealth::up);
		return beat(peer);
	}

	static constexpr core::MacAddress mac{2, 0, 0, 0, 1, 1};

private:
	core::Node m_node;
	core::Config m_config;
	std::unique_ptr<core::Actions> m_actions = std::make_unique<core::Actions>();
};

} // namespace systole::scenario
