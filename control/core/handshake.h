// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// HAKE-1's state machine for all peers: who starts, who answers, when to try again, when a session replaces another.
// Crypto is asked for by action and comes back as KeyResult; nothing in a clear frame is believed before a tag
// proves it, and nothing is ever sent because of a bad frame.
//
//   A (smaller id)                                   B (larger id)
//   HELLO heard -> KE1 --------------------------->  evaluate, KE2, inbound SA (candidate, 3 s)
//   KE2 good: both SAs, KE3, UP  <----------------   KE2
//   KE3 ------------------------------------------>  KE3 or first good ESP packet: outbound SA, UP
//
// A live session is touched only by a confirmed successor. Rekey by volume and command, resume tickets and the full
// flood budgets attach here: at begin(), at on_ke1() and at the bucket.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/message.h"
#include "control/core/types.h"

#include <optional>

namespace systole::core {

inline constexpr std::size_t max_pairs = 32; // identities remembered, authenticated ones never evicted by others

// A session that has just become usable in both directions.
struct SessionUp {
	std::size_t pair = 0;
	SessionId session = 0;
	SessionId replaced = 0; // drop it, 0 = none
	MemberId peer;
	bool new_boot = false; // another boot nonce than the session before, or the first one
	bool as_initiator = false;
	Suite suite = Suite::none;
	std::uint8_t link_bitmap = 0;
	std::array<MacAddress, max_links> macs{}; // provisional: broadcast where nothing was heard yet
};

class Handshake {
public:
	void start(const Config &config, const Started &started, Time now);

	void on_frame(Time now, const HakeReceived &frame, Actions &actions);
	[[nodiscard]] std::optional<SessionUp> on_key_result(Time now, const KeyResult &result, Actions &actions);
	[[nodiscard]] std::optional<SessionUp> on_confirmed(Time now, SessionId session, Actions &actions);
	void on_tick(Time now, Actions &actions);
	[[nodiscard]] Time deadline() const;

	// The caller has no place for this peer: its session is dropped and it waits its back-off.
	void forget(std::size_t pair, Time now, Actions &actions);
	// Whether a peer with a live session is being heard; a silent one may negotiate again with the same boot nonce.
	void set_heard(std::size_t pair, bool heard, Time now);

private:
	// What is known of one other member's identity, proven or not.
	struct Pair {
		MemberId id;
		BootNonce nonce{}; // of its last HELLO
		Time last_hello{};
		std::uint8_t heard_links = 0; // links a HELLO came in on
		std::array<MacAddress, max_links> macs{};
		bool authenticated = false; // ever had a session: never evicted
		bool mismatch_told = false; // once per boot of the peer
		bool unconfirmed_told = false;

		// as A: the exchange in progress
		SessionId exchange = 0;
		BootNonce exchange_nonce{};
		LinkIndex exchange_link = 0;
		Time exchange_started{};
		std::uint8_t tries = 0;
		std::uint8_t bad = 0;    // bad KE2 for this exchange
		bool evaluating = false; // KE2 is with the key agent
		Suite exchange_suite = Suite::none;
		bool common_policy = true; // KE2's policy and suite fit ours
		std::uint8_t peer_links = 0;
		Time retry_at = never;
		Time not_before{};         // back-off after a wrong password or mismatch
		std::uint8_t refusals = 0; // consecutive, widens the back-off

		// as B: the candidate
		SessionId candidate = 0;
		HakeBytes candidate_ke1;
		BootNonce candidate_nonce{};
		bool answered = false;
		Time answered_at{};
		Suite candidate_suite = Suite::none;
		std::uint8_t candidate_links = 0;
		Time candidate_expires = never;

		// the live session
		SessionId live = 0;
		BootNonce live_nonce{};
		Time live_since{};
		bool heard = false;
		Time unheard_since{};
	};

	void on_hello(Time now, const Hello &hello, const HakeReceived &frame, Actions &actions);
	void on_ke1(Time now, const Ke1 &ke1, const HakeReceived &frame, Actions &actions);
	void on_ke2(Time now, const Ke2 &ke2, const HakeReceived &frame, Actions &actions);
	void on_ke3(Time now, const Ke3 &ke3, const HakeReceived &frame, Actions &actions);
	[[nodiscard]] bool ours(const HakeHeader &header, const HakeReceived &frame, Time now, Actions &actions);

	Pair *find(const MemberId &id);
	Pair *find_or_add(const MemberId &id);
	[[nodiscard]] bool wants_session(const Pair &pair, const BootNonce &nonce, Time now) const;
	void begin(Pair &pair, Time now, Actions &actions);
	void back_off(Pair &pair, Time now);
	[[nodiscard]] std::optional<SessionUp> become_up(Pair &pair, SessionId session, const BootNonce &nonce,
							 bool as_initiator, Time now);
	[[nodiscard]] Suite choose(std::uint32_t capabilities, std::uint32_t policy) const;
	[[nodiscard]] bool acceptable(Suite suite) const;
	void hello(Time now, Actions &actions);
	bool may_alarm(Time now);
	bool take_token(Time now);
	Duration jittered(Duration base); // +-25 %

	Config m_config;
	BootNonce m_nonce{};
	std::uint64_t m_seed = 1;
	SessionId m_next_session = 1;
	Time m_started{};
	Time m_next_hello{};
	Time m_last_hello{};
	Time m_next_alarm = Time::min(); // duplicate member, crossed cables, mismatch claimed in a HELLO
	double m_tokens = 16;
	Time m_tokens_at{};
	FixedVector<Pair, max_pairs> m_pairs;
};

} // namespace systole::core
