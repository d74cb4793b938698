// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What happens to exchanges and sessions by the clock, by order, and at their ends. handshake.cc has the messages.
#include "control/core/handshake.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration hello_interval_young = milliseconds{200}; // for the first 20 s
constexpr Duration hello_interval = seconds{1};
constexpr Duration hello_young_for = seconds{20};
constexpr Duration first_retry = milliseconds{50};
constexpr Duration longest_retry = seconds{1};
constexpr std::uint8_t tries_per_exchange = 4;        // then a new X and scalar, on the next link
constexpr Duration rekey_retry = seconds{2};          // longer than the tries of one exchange
constexpr Duration exchange_look = milliseconds{100}; // a rekey that waits for the exchange in progress
constexpr Duration shortest_drain = seconds{1};
constexpr Duration words_come_within = milliseconds{150}; // and two intervals: what is said is handed up every 100 ms
constexpr Duration twin_memory = seconds{10};
constexpr Duration stranger_life = seconds{5}; // without a HELLO

} // namespace

void Handshake::start(const Config &config, const Started &started, Time now)
{
	const SessionId next_session = m_next_session; // what is under way from before must never be taken for ours
	*this = Handshake{};
	m_next_session = next_session;
	m_config = config;
	m_nonce = started.nonce;
	m_seed = started.seed | 1;
	m_started = now;
	m_next_hello = now;
	m_last_hello = now - seconds{1};
	m_indexes = config.password_indexes;
	for (const MemberId &id : started.acquainted) {
		Pair *pair = id == config.self ? nullptr : find_or_add(id);
		if (pair != nullptr)
			pair->authenticated = true;
	}
}

Duration Handshake::jittered(Duration base)
{
	// xorshift64: spreads timers of members that boot together, nothing more.
	m_seed ^= m_seed << 13;
	m_seed ^= m_seed >> 7;
	m_seed ^= m_seed << 17;
	return base * (768 + static_cast<std::int64_t>(m_seed % 513)) / 1024;
}

void Handshake::hello(Time now, Actions &actions)
{
	actions.push_back(SendHello{});
	m_last_hello = now;
}

// ---------------------------------------------------------------- suites

// In a group where somebody lacks GCM nobody offers it.
std::uint32_t Handshake::capabilities() const
{
	return m_config.suite_policy_group && !m_group_speaks_gcm ? m_config.capabilities & ~std::uint32_t{cap_gcm}
								  : m_config.capabilities;
}

Suite Handshake::choose(std::uint32_t offered, std::uint32_t policy) const
{
	if (policy != m_config.policy)
		return Suite::none;
	const std::uint32_t common = offered & capabilities();
	if ((policy & policy_encryption) != 0) {
		if ((common & cap_gcm) != 0)
			return Suite::gcm;
		return (common & cap_cbc_sha1) != 0 ? Suite::cbc_sha1 : Suite::none;
	}
	if ((policy & policy_authentication) != 0)
		return (common & cap_null_sha1) != 0 ? Suite::null_sha1 : Suite::none;
	return (common & cap_plain) != 0 ? Suite::plain : Suite::none;
}

Suite Handshake::best_suite() const
{
	return choose(capabilities(), m_config.policy);
}

bool Handshake::acceptable(Suite suite) const
{
	const bool encrypt = (m_config.policy & policy_encryption) != 0;
	const bool authenticate = (m_config.policy & policy_authentication) != 0;
	switch (suite) {
	case Suite::plain: return !encrypt && !authenticate && (m_config.capabilities & cap_plain) != 0;
	case Suite::null_sha1: return !encrypt && authenticate && (m_config.capabilities & cap_null_sha1) != 0;
	case Suite::cbc_sha1: return encrypt && (m_config.capabilities & cap_cbc_sha1) != 0;
	case Suite::gcm: return encrypt && (capabilities() & cap_gcm) != 0;
	case Suite::none: break;
	}
	return false;
}

void Handshake::set_group_speaks_gcm(bool speaks, Time now)
{
	if (m_group_speaks_gcm == speaks)
		return;
	m_group_speaks_gcm = speaks;
	if (!m_config.suite_policy_group)
		return;
	for (Pair &pair : m_pairs)
		if (pair.live != 0 && pair.live_suite != best_suite())
			pair.rekey_at = std::min(pair.rekey_at, now);
}

// ---------------------------------------------------------------- orders

void Handshake::on_worn(Time now, SessionId session)
{
	for (Pair &pair : m_pairs)
		if (pair.live == session && session != 0)
			pair.rekey_at = std::min(pair.rekey_at, now);
}

void Handshake::on_passwords(const PasswordsChanged &event)
{
	m_indexes = event.indexes;
	for (Pair &pair : m_pairs) {
		pair.index_place = 0;
		pair.index_told = false;
		pair.not_before = Time{}; // what was refused before may be right now
	}
}

void Handshake::rekey_all(Time now)
{
	for (Pair &pair : m_pairs)
		if (pair.live != 0)
			pair.rekey_at = std::min(pair.rekey_at, now);
}

// ---------------------------------------------------------------- the ends of sessions

void Handshake::give_up_exchange(Pair &pair, Actions &actions)
{
	if (pair.exchange != 0)
		actions.push_back(DropSession{pair.exchange});
	pair.exchange = 0;
	pair.exchange_sealed = false;
	pair.retry_at = never;
	if (pair.held == Pair::Held::exchange)
		pair.held = Pair::Held::no;
}

void Handshake::give_up_candidate(Pair &pair, Actions &actions)
{
	if (pair.candidate != 0)
		actions.push_back(DropSession{pair.candidate});
	pair.candidate = 0;
	pair.candidate_sealed = false;
	pair.candidate_expires = never;
	if (pair.held == Pair::Held::candidate)
		pair.held = Pair::Held::no;
}

// ---------------------------------------------------------------- two with one serial

Duration Handshake::word_gap() const
{
	return words_come_within + 2 * m_config.hb_interval;
}

bool Handshake::is_twin(const Pair &pair, const BootNonce &nonce, Time now) const
{
	return now < pair.twin_until && nonce == pair.twin;
}

// A peer that has restarted is not heard on its old session any more; whoever is, lives beside the other one.
std::optional<SessionUp> Handshake::succeed(Pair &pair, bool as_initiator, Time now, Actions &actions)
{
	const BootNonce &nonce = as_initiator ? pair.exchange_nonce : pair.candidate_nonce;
	if (pair.held != Pair::Held::no)
		return std::nullopt;
	if (pair.live == 0 || pair.live_nonce == nonce || !pair.heard || now - pair.last_word > word_gap())
		return become_up(pair, as_initiator ? pair.exchange : pair.candidate, as_initiator, now, actions);
	pair.held = as_initiator ? Pair::Held::exchange : Pair::Held::candidate;
	pair.held_since = now;
	pair.held_until = now + word_gap();
	pair.retry_at = as_initiator ? never : pair.retry_at;
	pair.candidate_expires = as_initiator ? pair.candidate_expires : never;
	return std::nullopt;
}

std::optional<SessionUp> Handshake::next_released(Time now, Actions &actions)
{
	for (Pair &pair : m_pairs) {
		if (pair.held == Pair::Held::no || (pair.heard && now < pair.held_until))
			continue;
		const bool as_initiator = pair.held == Pair::Held::exchange;
		pair.held = Pair::Held::no;
		return become_up(pair, as_initiator ? pair.exchange : pair.candidate, as_initiator, now, actions);
	}
	return std::nullopt;
}

void Handshake::on_word(Time now, std::size_t index, SessionId session, Time arrived_at, Actions &actions)
{
	Pair &pair = m_pairs[index];
	if (session != pair.live)
		return;
	pair.last_word = std::max(pair.last_word, arrived_at);
	if (pair.held == Pair::Held::no || arrived_at <= pair.held_since)
		return;
	pair.twin = pair.held == Pair::Held::exchange ? pair.exchange_nonce : pair.candidate_nonce;
	pair.twin_until = now + twin_memory;
	actions.push_back(notice(NoticeKind::duplicate_member, pair, now));
	if (pair.held == Pair::Held::exchange)
		give_up_exchange(pair, actions);
	else
		give_up_candidate(pair, actions);
}

SessionUp Handshake::become_up(Pair &pair, SessionId session, bool as_initiator, Time now, Actions &actions)
{
	const bool sealed = as_initiator ? pair.exchange_sealed : pair.candidate_sealed;
	const BootNonce nonce = as_initiator ? pair.exchange_nonce : pair.candidate_nonce;
	SessionUp up;
	up.pair = static_cast<std::size_t>(&pair - m_pairs.begin());
	up.session = session;
	up.peer = pair.id;
	up.new_boot = pair.live == 0 || pair.live_nonce != nonce;
	up.renumber = up.new_boot ||
		      (as_initiator ? !pair.exchange_continues || !pair.other_continues : pair.candidate_renumber);
	up.as_initiator = as_initiator;
	up.suite = as_initiator ? pair.exchange_suite : pair.candidate_suite;
	const auto own_links = static_cast<std::uint8_t>((1U << m_config.link_count) - 1);
	up.link_bitmap = static_cast<std::uint8_t>((as_initiator ? pair.peer_links : pair.candidate_links) & own_links);
	up.macs = pair.macs;
	if (sealed && !up.renumber) {
		drain(pair, pair.live, now, actions);
		actions.push_back(notice(NoticeKind::rekeyed, pair, now));
	} else {
		up.replaced = pair.live;
		end_drain(pair, actions);
	}
	if (!sealed)
		actions.push_back(KeepResumeKey{session});

	pair.live = session;
	pair.live_nonce = nonce;
	pair.live_suite = up.suite;
	pair.live_since = now;
	// Who begins exchanges is due first; the other asks only when nothing happens.
	const Duration interval = m_config.rekey_interval;
	const Duration spread = (jittered(interval) - interval) * 2 / 5; // +-10 %
	pair.rekey_at = now + interval + spread + (as_initiator ? Duration::zero() : interval / 4);
	pair.overdue_at = now + interval * 2;
	if (up.new_boot) { // the same boot under new keys is heard as before: set_heard() tells changes only
		pair.heard = false;
		pair.unheard_since = now;
	}
	pair.authenticated = true;
	pair.refusals = 0;
	pair.obstacle = Obstacle::none;
	pair.mismatch_told = false;
	pair.unconfirmed_told = false;
	pair.index_told = false;
	if (as_initiator) {
		pair.exchange = 0;
		pair.exchange_sealed = false;
		pair.retry_at = never;
	} else {
		if (!sealed)
			(pair.candidate_ticketed ? pair.ticket_tokens : m_tokens).give_back();
		pair.candidate = 0;
		pair.candidate_sealed = false;
		pair.candidate_expires = never;
	}
	return up;
}

// Its outbound SAs have been replaced; what the peer has sent on the inbound ones is still under way.
void Handshake::drain(Pair &pair, SessionId session, Time now, Actions &actions)
{
	if (pair.draining.full()) {
		actions.push_back(DropSession{pair.draining[0]});
		std::copy(pair.draining.begin() + 1, pair.draining.end(), pair.draining.begin());
		pair.draining.back() = session;
	} else {
		pair.draining.push_back(session);
	}
	pair.drain_until = now + drain_time();
}

Duration Handshake::drain_time() const
{
	return std::max<Duration>(shortest_drain, 2 * m_config.dead_interval());
}

void Handshake::end_drain(Pair &pair, Actions &actions)
{
	for (const SessionId session : pair.draining)
		actions.push_back(DropSession{session});
	pair.draining.clear();
	pair.drain_until = never;
}

bool Handshake::holds(std::size_t index, SessionId session) const
{
	const Pair &pair = m_pairs[index];
	return session != 0 && (pair.live == session ||
				std::find(pair.draining.begin(), pair.draining.end(), session) != pair.draining.end());
}

void Handshake::forget(std::size_t index, Time now, Actions &actions)
{
	Pair &pair = m_pairs[index];
	// What has begun counts on the numbers of the session that goes.
	give_up_exchange(pair, actions);
	give_up_candidate(pair, actions);
	if (pair.live != 0)
		actions.push_back(DropSession{pair.live});
	end_drain(pair, actions);
	pair.live = 0;
	pair.heard = false;
	pair.rekey_at = never;
	pair.overdue_at = never;
	back_off(pair, now);
}

void Handshake::drop_all(Actions &actions)
{
	for (Pair &pair : m_pairs) {
		give_up_exchange(pair, actions);
		give_up_candidate(pair, actions);
		if (pair.live != 0)
			actions.push_back(DropSession{pair.live});
		pair.live = 0;
		end_drain(pair, actions);
	}
}

void Handshake::set_heard(std::size_t index, bool heard, PeerSlot slot, Time now)
{
	Pair &pair = m_pairs[index];
	if (pair.heard && !heard)
		pair.unheard_since = now;
	pair.heard = heard;
	pair.slot = slot;
}

// ---------------------------------------------------------------- by the clock

void Handshake::on_tick(Time now, Actions &actions)
{
	if (now >= m_next_hello) {
		hello(now, actions);
		m_next_hello =
			now + jittered(now - m_started < hello_young_for ? hello_interval_young : hello_interval);
	}
	for (Pair &pair : m_pairs)
		tick(pair, now, actions);
}

void Handshake::tick(Pair &pair, Time now, Actions &actions)
{
	if (now >= pair.drain_until)
		end_drain(pair, actions);
	if (pair.candidate != 0 && now >= pair.candidate_expires) {
		if (pair.candidate_suite != Suite::none && !pair.candidate_sealed) { // else: a mismatch, told before
			pair.obstacle = Obstacle::unconfirmed;
			if (!pair.unconfirmed_told)
				actions.push_back(notice(NoticeKind::unconfirmed, pair, now));
			pair.unconfirmed_told = true;
		}
		give_up_candidate(pair, actions);
	}
	if (pair.exchange != 0 && now >= pair.retry_at) {
		if (pair.tries < tries_per_exchange) {
			++pair.tries;
			actions.push_back(ResendKe1{pair.exchange});
			pair.retry_at = now + jittered(std::min(first_retry * (1 << (pair.tries - 1)), longest_retry));
		} else { // the next HELLO, or the next time to rekey, begins another one: new X and scalar, next link
			++pair.index_place; // perhaps it has the other password only
			give_up_exchange(pair, actions);
		}
	}
	tick_rekey(pair, now, actions);
}

void Handshake::tick_rekey(Pair &pair, Time now, Actions &actions)
{
	if (pair.live == 0 || !pair.heard ||
	    pair.live_suite == Suite::plain) // plain has no keys, and proves no message
		return;
	if (now >= pair.overdue_at) { // never the end of the session: a failed rekey must not split the cluster
		pair.overdue_at = now + m_config.rekey_interval;
		actions.push_back(notice(NoticeKind::rekey_overdue, pair, now));
	}
	if (now < pair.rekey_at)
		return;
	// A clear exchange with a peer that is heard waits: whoever shouts its name must not keep it from new keys.
	if (pair.exchange_sealed || pair.held != Pair::Held::no || pair.candidate_sealed) {
		pair.rekey_at = now + exchange_look;
		return;
	}
	pair.rekey_at = now + rekey_retry;
	if (m_config.self < pair.id)
		begin(pair, true, now, actions);
	else
		actions.push_back(AskRekey{pair.slot});
}

Time Handshake::deadline() const
{
	Time next = m_next_hello;
	for (const Pair &pair : m_pairs) {
		next = std::min({next, pair.retry_at, pair.candidate_expires, pair.drain_until});
		if (pair.held != Pair::Held::no)
			next = std::min(next, pair.held_until);
		if (pair.live != 0 && pair.heard && pair.live_suite != Suite::plain)
			next = std::min({next, pair.rekey_at, pair.overdue_at});
	}
	return next;
}

Strangers Handshake::strangers(Time now) const
{
	Strangers list;
	for (const Pair &pair : m_pairs)
		if (!pair.heard && pair.obstacle != Obstacle::none && pair.last_hello != Time{} &&
		    now - pair.last_hello <= stranger_life)
			list.push_back({pair.id, pair.obstacle, pair.last_hello, pair.heard_links});
	return list;
}

} // namespace systole::core
