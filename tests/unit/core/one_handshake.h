// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One Handshake with acquaintances; the test is everybody else, and says what a ticket proves.
#pragma once

#include "control/core/handshake.h"
#include "tests/unit/core/node_harness.h"

#include <cassert>
#include <initializer_list>
#include <memory>

namespace systole::scenario {

class OneHandshake {
public:
	explicit OneHandshake(const core::Config &config, std::initializer_list<std::string> acquainted = {})
	    : own(config, "secret", nonce_of(1), 5), m_self(config.self)
	{
		core::Started started;
		started.nonce = nonce_of(1);
		started.seed = 5;
		for (const std::string &serial : acquainted)
			started.acquainted.push_back(core::MemberId::from(serial));
		handshake.start(config, started, now);
	}
	const core::Actions &hear(const core::HakeBytes &bytes, bool ticketed = false)
	{
		m_actions->clear();
		core::HakeReceived frame{0, OneNode::mac, bytes};
		frame.ticketed = ticketed;
		handshake.on_frame(now, frame, *m_actions);
		return *m_actions;
	}
	std::optional<core::Farewell> hear_sealed(const core::SessionUp &of, const core::HakeBytes &bytes)
	{
		m_actions->clear();
		return handshake.on_sealed(now, of.pair, {0, OneNode::mac, bytes, 1, of.session}, *m_actions);
	}
	const core::Actions &result(core::SessionId session, core::KeyStep step, core::KeyOutcome outcome)
	{
		m_actions->clear();
		up = handshake.on_key_result(now, {session, step, outcome}, *m_actions);
		return *m_actions;
	}
	const core::Actions &tick()
	{
		m_actions->clear();
		handshake.on_tick(now, *m_actions);
		return *m_actions;
	}
	// KE1 of `peer` to this boot of ours, a new X each time.
	core::HakeBytes ke1_of(IdealKeyAgent &peer)
	{
		core::BeginExchange begin;
		begin.session = ++m_begun;
		begin.peer = m_self;
		begin.peer_nonce = nonce_of(1);
		begin.destination = OneNode::mac;
		return peer.begin(begin).ke1;
	}
	// A whole exchange that a peer with a smaller id has begun.
	core::SessionUp answer(IdealKeyAgent &peer, bool ticketed = false)
	{
		const auto asked = all<core::EvaluateKe1>(hear(ke1_of(peer), ticketed));
		assert(asked.size() == 1);
		(void)result(asked[0].session, core::KeyStep::ke1, core::KeyOutcome::ok);
		(void)result(asked[0].session, core::KeyStep::ke3, core::KeyOutcome::ok);
		assert(up);
		return *up;
	}

	core::Time now{std::chrono::seconds{1000}};
	core::Handshake handshake;
	IdealKeyAgent own; // what this member's agent would do
	std::optional<core::SessionUp> up;

private:
	core::MemberId m_self;
	core::SessionId m_begun = 0;
	std::unique_ptr<core::Actions> m_actions = std::make_unique<core::Actions>();
};

} // namespace systole::scenario
