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
// A live session is touched only by a confirmed successor. New keys for a live session (rekey) are agreed on inside its
// heartbeat SA, where no budget applies; the old inbound SAs are kept for a while, for what is under way.
//
// Budgets, so that forged frames cost next to nothing: one bucket of evaluations for everybody who has no ticket, one
// for each peer that has; one bucket of exchanges begun with identities nobody has proven.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/message.h"
#include "control/core/token_bucket.h"
#include "control/core/types.h"

#include <array>
#include <optional>
#include <string_view>

namespace systole::core {

inline constexpr std::size_t max_pairs = 32;   // identities remembered, authenticated ones never evicted by others
inline constexpr std::size_t max_draining = 4; // old sessions of a pair whose last packets may still be under way

// Why a message was not acted on; each refused one counts under one name.
enum class HakeDrop : std::uint8_t {
	malformed,      // another version, type or length; values no member would send
	group,          // of another cluster
	self,           // our own, looped back, or another member with our serial
	link,           // came in on another link than it was sent on
	role,           // KE1 from the larger id, a message for somebody else, or a goodbye in the clear
	stale,          // of another boot or exchange
	crowded,        // no room for one more identity
	budget,         // too many evaluations in too short a time
	point,          // a share that is none
	confirm_bad,    // another password, or forged
	password_index, // a password we do not have
	repeated,       // seen before
	count_
};
inline constexpr std::size_t hake_drop_count = static_cast<std::size_t>(HakeDrop::count_);
inline constexpr std::array<std::string_view, hake_drop_count> hake_drop_names{
	"hake_malformed", "hake_group",  "hake_self",  "hake_link",        "hake_role",           "hake_stale",
	"hake_crowded",   "hake_budget", "hake_point", "hake_confirm_bad", "hake_password_index", "hake_repeated"};

// A session that has just become usable in both directions.
struct SessionUp {
	std::size_t pair = 0;
	SessionId session = 0;
	SessionId replaced = 0; // drop it, 0 = none
	MemberId peer;
	bool new_boot = false; // another boot nonce than the session before, or the first one
	bool renumber = false; // both sides count beats from 1 again
	bool as_initiator = false;
	Suite suite = Suite::none;
	std::uint8_t link_bitmap = 0;
	std::array<MacAddress, max_links> macs{}; // provisional: broadcast where nothing was heard yet
};
// A message out of a peer's SA that is about the session itself.
struct Farewell {
	std::size_t pair = 0;
};

// Somebody who is heard and is no member: neither dead nor alive for the election, and a person must be told why.
enum class Obstacle : std::uint8_t { none, wrong_password, unconfirmed, policy, password_index };
struct Stranger {
	MemberId id;
	Obstacle obstacle = Obstacle::none;
	Time heard_at{};
	std::uint8_t heard_links = 0;
};
using Strangers = FixedVector<Stranger, max_pairs>;

class Handshake {
public:
	void start(const Config &config, const Started &started, Time now);

	void on_frame(Time now, const HakeReceived &frame, Actions &actions);
	// Out of the SA of a live session with this pair. A value: the peer said goodbye.
	[[nodiscard]] std::optional<Farewell> on_sealed(Time now, std::size_t pair, const HakeReceived &frame,
							Actions &actions);
	[[nodiscard]] std::optional<SessionUp> on_key_result(Time now, const KeyResult &result, Actions &actions);
	[[nodiscard]] std::optional<SessionUp> on_confirmed(Time now, SessionId session, Actions &actions);
	void on_worn(Time now, SessionId session);
	void on_passwords(const PasswordsChanged &event);
	void rekey_all(Time now);
	// With `suite-policy group`: whether every member of the group speaks GCM.
	void set_group_speaks_gcm(bool speaks, Time now);
	void on_tick(Time now, Actions &actions);
	[[nodiscard]] Time deadline() const;

	// A successor that was held because the session before was heard a moment ago, and is its turn now. Ask until empty.
	[[nodiscard]] std::optional<SessionUp> next_released(Time now, Actions &actions);
	// The live session of this pair was heard. If a successor of another boot is held, there are two of that serial: the
	// first session stays.
	void on_word(Time now, std::size_t pair, SessionId session, Time arrived_at, Actions &actions);

	// The caller has no place for this peer: its session is dropped and it waits its back-off.
	void forget(std::size_t pair, Time now, Actions &actions);
	// Whether a peer with a live session is being heard; a silent one may negotiate again with the same boot nonce.
	void set_heard(std::size_t pair, bool heard, PeerSlot slot, Time now);
	// A live session of this pair, or an earlier one that is still drained.
	[[nodiscard]] bool holds(std::size_t pair, SessionId session) const;
	// All sessions are dropped: our own state is of an earlier moment.
	void drop_all(Actions &actions);
	[[nodiscard]] BootNonce nonce_of(std::size_t pair) const { return m_pairs[pair].live_nonce; }

	[[nodiscard]] Strangers strangers(Time now) const;
	[[nodiscard]] const std::array<std::uint64_t, hake_drop_count> &drops() const { return m_drops; }
	[[nodiscard]] std::uint64_t evaluations() const { return m_evaluations; } // of shares: the dear part
	[[nodiscard]] Suite best_suite() const;                                   // if the other side speaks everything

private:
	// What is known of one other member's identity, proven or not.
	struct Pair {
		MemberId id;
		BootNonce nonce{}; // of its last HELLO
		Time last_hello{};
		std::uint8_t heard_links = 0; // links a HELLO came in on
		std::array<MacAddress, max_links> macs{};
		bool authenticated = false; // had a session, in this boot or an earlier one: never evicted
		Obstacle obstacle = Obstacle::none;
		bool mismatch_told = false; // once per boot of the peer
		bool unconfirmed_told = false;
		bool index_told = false;
		TokenBucket ticket_tokens;

		// as A: the exchange in progress
		SessionId exchange = 0;
		BootNonce exchange_nonce{};
		LinkIndex exchange_link = 0;
		Time exchange_started{};
		std::uint32_t exchanges = 0; // begun so far
		std::uint8_t tries = 0;
		std::uint8_t bad = 0;         // bad KE2 for this exchange, without a ticket
		bool exchange_sealed = false; // a rekey
		bool exchange_continues = false;
		bool other_continues = false;
		bool evaluating = false;      // KE2 is with the key agent
		bool evaluating_free = false; // it costs no token
		Suite exchange_suite = Suite::none;
		bool common_policy = true; // KE2's policy and suite fit ours
		std::uint8_t peer_links = 0;
		Time retry_at = never;
		Time not_before{};            // back-off after a wrong password or mismatch
		std::uint8_t refusals = 0;    // consecutive, widens the back-off
		std::uint8_t index_place = 0; // which of our passwords to begin with

		// as B: the candidate
		SessionId candidate = 0;
		HakeBytes candidate_ke1;
		BootNonce candidate_nonce{};
		PeerSlot candidate_slot = 0; // sealed: of the peer whose session it will follow
		bool candidate_sealed = false;
		bool candidate_ticketed = false;
		bool candidate_renumber = false;
		bool answered = false;
		Time answered_at{};
		Suite candidate_suite = Suite::none;
		std::uint8_t candidate_links = 0;
		Time candidate_expires = never;
		FixedVector<ExchangeNonce, 16> used; // X of what was evaluated for this boot of the peer, the last ones
		std::size_t used_next = 0;

		// a successor with another boot nonce, proven while the live session was being heard
		enum class Held : std::uint8_t { no, exchange, candidate } held = Held::no;
		Time held_since{};
		Time held_until = never;
		BootNonce twin{}; // of somebody else with this serial: not listened to before
		Time twin_until{};

		// the live session
		Time last_word{};
		SessionId live = 0;
		BootNonce live_nonce{};
		Suite live_suite = Suite::none;
		Time live_since{};
		Time rekey_at = never; // new keys are due
		Time overdue_at = never;
		bool heard = false;
		PeerSlot slot = 0; // while heard
		Time unheard_since{};
		FixedVector<SessionId, max_draining> draining; // oldest first
		Time drain_until = never;                      // of the newest
	};

	void on_hello(Time now, const Hello &hello, const HakeReceived &frame, Actions &actions);
	void on_ke1(Time now, const Ke1 &ke1, const HakeReceived &frame, Actions &actions);
	void on_ke2(Time now, const Ke2 &ke2, const HakeReceived &frame, Actions &actions);
	void on_ke3(Time now, const Ke3 &ke3, const HakeReceived &frame, Actions &actions);
	[[nodiscard]] bool ours(const HakeHeader &header, const HakeReceived &frame, Time now, Actions &actions);
	void answered_ke1(Time now, Pair &pair, const KeyResult &result, Actions &actions);
	[[nodiscard]] std::optional<SessionUp> answered_ke2(Time now, Pair &pair, const KeyResult &result,
							    Actions &actions);

	Pair *find(const MemberId &id);
	Pair *find_or_add(const MemberId &id);
	[[nodiscard]] bool wants_session(const Pair &pair, const BootNonce &nonce, Time now) const;
	// Sealed: a rekey.
	void begin(Pair &pair, bool sealed, Time now, Actions &actions);
	void give_up_exchange(Pair &pair, Actions &actions);
	void give_up_candidate(Pair &pair, Actions &actions);
	[[nodiscard]] bool may_evaluate(Pair &pair, const Ke1 &ke1, const HakeReceived &frame, Time now);
	void back_off(Pair &pair, Time now);
	[[nodiscard]] std::optional<SessionUp> succeed(Pair &pair, bool as_initiator, Time now, Actions &actions);
	[[nodiscard]] bool is_twin(const Pair &pair, const BootNonce &nonce, Time now) const;
	[[nodiscard]] Duration word_gap() const;
	[[nodiscard]] Duration drain_time() const;
	[[nodiscard]] SessionUp become_up(Pair &pair, SessionId session, bool as_initiator, Time now, Actions &actions);
	void drain(Pair &pair, SessionId session, Time now, Actions &actions);
	void end_drain(Pair &pair, Actions &actions);
	void tick(Pair &pair, Time now, Actions &actions);
	void tick_rekey(Pair &pair, Time now, Actions &actions);
	[[nodiscard]] std::uint32_t capabilities() const;
	[[nodiscard]] Suite choose(std::uint32_t capabilities, std::uint32_t policy) const;
	[[nodiscard]] bool acceptable(Suite suite) const;
	void hello(Time now, Actions &actions);
	bool may_alarm(Time now);
	void refuse(HakeDrop why) { ++m_drops[static_cast<std::size_t>(why)]; }
	[[nodiscard]] Notice notice(NoticeKind kind, const Pair &pair, Time now) const;
	[[nodiscard]] bool knows_index(std::uint8_t index) const;
	Duration jittered(Duration base); // +-25 %

	Config m_config;
	BootNonce m_nonce{};
	std::uint64_t m_seed = 1;
	SessionId m_next_session = 1;
	Time m_started{};
	Time m_next_hello{};
	Time m_last_hello{};
	Time m_next_alarm = Time::min(); // duplicate member, crossed cables, mismatch claimed in a HELLO
	bool m_group_speaks_gcm = true;
	FixedVector<std::uint8_t, 2> m_indexes; // of our passwords, the one to begin with first
	TokenBucket m_tokens;                   // evaluations without a ticket
	TokenBucket m_beginnings{16, 4};        // exchanges with identities nobody has proven
	std::array<std::uint64_t, hake_drop_count> m_drops{};
	std::uint64_t m_evaluations = 0;
	FixedVector<Pair, max_pairs> m_pairs;
};

} // namespace systole::core
