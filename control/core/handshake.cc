// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/handshake.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration hello_interval_young = milliseconds{200}; // for the first 20 s
constexpr Duration hello_interval = seconds{1};
constexpr Duration hello_young_for = seconds{20};
constexpr Duration hello_answer_gap = milliseconds{50}; // at most 20 answers a second
constexpr Duration first_retry = milliseconds{50};
constexpr Duration longest_retry = seconds{1};
constexpr std::uint8_t tries_per_exchange = 4; // then a new X and scalar, on the next link
constexpr std::uint8_t bad_ke2_limit = 8;      // online guesses at one scalar
constexpr Duration candidate_life = seconds{3};
constexpr Duration exchange_gap = milliseconds{50};
constexpr Duration answer_gap = milliseconds{25};    // to a KE1 seen before: an honest retry is slower
constexpr Duration silent_before_again = seconds{3}; // a live session nobody is heard on may be negotiated again
constexpr Duration first_back_off = milliseconds{500};
constexpr Duration longest_back_off = seconds{30};
constexpr double bucket_size = 16; // KE1 evaluations in a burst, then one a second

} // namespace

void Handshake::start(const Config &config, const Started &started, Time now)
{
	*this = Handshake{};
	m_config = config;
	m_nonce = started.nonce;
	m_seed = started.seed | 1;
	m_started = now;
	m_next_hello = now;
	m_last_hello = now - seconds{1};
	m_tokens_at = now;
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

Handshake::Pair *Handshake::find(const MemberId &id)
{
	const auto it = std::find_if(m_pairs.begin(), m_pairs.end(), [&](const Pair &pair) { return pair.id == id; });
	return it == m_pairs.end() ? nullptr : it;
}

Handshake::Pair *Handshake::find_or_add(const MemberId &id)
{
	if (Pair *known = find(id))
		return known;
	Pair fresh;
	fresh.id = id;
	fresh.macs.fill(broadcast_mac);
	if (!m_pairs.full())
		return &m_pairs.push_back(fresh);
	// Full: a claimed identity nobody has proven gives way, the one silent for longest.
	Pair *victim = nullptr;
	for (Pair &pair : m_pairs)
		if (!pair.authenticated && pair.exchange == 0 && pair.candidate == 0 &&
		    (victim == nullptr || pair.last_hello < victim->last_hello))
			victim = &pair;
	if (victim != nullptr)
		*victim = fresh;
	return victim;
}

// Clear frames are anybody's: what they can make us say is limited to once a second.
bool Handshake::may_alarm(Time now)
{
	if (now < m_next_alarm)
		return false;
	m_next_alarm = now + seconds{1};
	return true;
}

// A frame of our group, not from us, on the link it names.
bool Handshake::ours(const HakeHeader &header, const HakeReceived &frame, Time now, Actions &actions)
{
	if (header.group_id != m_config.group_id || header.sender.empty())
		return false;
	if (header.sender == m_config.self) {
		if (header.nonce != m_nonce && may_alarm(now)) { // our own nonce: a loop in the cabling, harmless
			Notice notice;
			notice.kind = NoticeKind::duplicate_member;
			notice.at = now;
			notice.peer = header.sender;
			notice.link = frame.link;
			actions.push_back(notice);
		}
		return false;
	}
	if (header.link != frame.link) {
		if (may_alarm(now)) {
			Notice notice;
			notice.kind = NoticeKind::cross_cabled;
			notice.at = now;
			notice.peer = header.sender;
			notice.link = frame.link;
			notice.value = header.link;
			actions.push_back(notice);
		}
		return false;
	}
	return true;
}

void Handshake::on_frame(Time now, const HakeReceived &frame, Actions &actions)
{
	const auto header = decode_header(frame.message.span());
	if (!header || !ours(*header, frame, now, actions))
		return;
	switch (header->type) {
	case HakeType::hello:
		if (const auto message = decode_hello(frame.message.span()))
			on_hello(now, *message, frame, actions);
		break;
	case HakeType::ke1:
		if (const auto message = decode_ke1(frame.message.span()))
			on_ke1(now, *message, frame, actions);
		break;
	case HakeType::ke2:
		if (const auto message = decode_ke2(frame.message.span()))
			on_ke2(now, *message, frame, actions);
		break;
	case HakeType::ke3:
		if (const auto message = decode_ke3(frame.message.span()))
			on_ke3(now, *message, frame, actions);
		break;
	}
}

bool Handshake::wants_session(const Pair &pair, const BootNonce &nonce, Time now) const
{
	if (pair.live == 0 || pair.live_nonce != nonce)
		return true;
	// Same boot, session there, but nobody heard for long: the other side may have lost its half.
	return !pair.heard && now - pair.unheard_since >= silent_before_again &&
	       now - pair.live_since >= silent_before_again;
}

void Handshake::on_hello(Time now, const Hello &hello_message, const HakeReceived &frame, Actions &actions)
{
	if (hello_message.group_name != m_config.group_name)
		return;
	Pair *pair = find_or_add(hello_message.header.sender);
	if (pair == nullptr)
		return;
	const bool new_nonce = pair->nonce != hello_message.header.nonce;
	const bool first = pair->last_hello == Time{};
	if (new_nonce) {
		pair->heard_links = 0;
		pair->mismatch_told = false;
		pair->unconfirmed_told = false;
	}
	pair->nonce = hello_message.header.nonce;
	pair->last_hello = now;
	pair->heard_links = static_cast<std::uint8_t>(pair->heard_links | 1U << frame.link);
	// Provisional; the addresses of a peer that is heard come from inside ESP. One that is not heard must be able to put
	// right what somebody else's HELLO in its name has spoilt.
	if (!pair->heard || pair->live_nonce != pair->nonce)
		pair->macs[frame.link] = frame.source;
	if (!wants_session(*pair, pair->nonce, now))
		return;
	if (hello_message.policy != m_config.policy && !pair->mismatch_told && may_alarm(now)) {
		pair->mismatch_told = true;
		Notice notice;
		notice.kind = NoticeKind::policy_mismatch;
		notice.at = now;
		notice.peer = pair->id;
		notice.value = hello_message.policy;
		actions.push_back(notice);
	}
	// Whoever is new to us is told that we are here, so that joining does not wait for our next HELLO.
	if ((new_nonce || first) && now - m_last_hello >= hello_answer_gap)
		hello(now, actions);
	if (m_config.self < pair->id && now >= pair->not_before) {
		const bool idle = pair->exchange == 0;
		const bool other_boot =
			pair->exchange_nonce != pair->nonce && now - pair->exchange_started >= exchange_gap;
		if (idle || other_boot)
			begin(*pair, now, actions);
	}
}

void Handshake::begin(Pair &pair, Time now, Actions &actions)
{
	if (pair.exchange != 0)
		actions.push_back(DropSession{pair.exchange});
	// The next link on which the peer was heard.
	LinkIndex link = pair.exchange_link;
	for (std::size_t i = 0; i < max_links; ++i) {
		link = static_cast<LinkIndex>((link + 1) % max_links);
		if (pair.heard_links & 1U << link)
			break;
	}
	pair.exchange = m_next_session++;
	pair.exchange_nonce = pair.nonce;
	pair.exchange_link = link;
	pair.exchange_started = now;
	pair.tries = 1;
	pair.bad = 0;
	pair.evaluating = false;
	pair.retry_at = now + jittered(first_retry);
	BeginExchange action;
	action.session = pair.exchange;
	action.peer = pair.id;
	action.peer_nonce = pair.nonce;
	action.link = link;
	action.destination = pair.macs[link];
	actions.push_back(action);
}

bool Handshake::take_token(Time now)
{
	m_tokens = std::min(bucket_size, m_tokens + std::chrono::duration<double>(now - m_tokens_at).count());
	m_tokens_at = now;
	if (m_tokens < 1)
		return false;
	m_tokens -= 1;
	return true;
}

Suite Handshake::choose(std::uint32_t capabilities, std::uint32_t policy) const
{
	if (policy != m_config.policy)
		return Suite::none;
	const std::uint32_t common = capabilities & m_config.capabilities;
	if (!(policy & policy_encryption))
		return common & cap_null_sha1 ? Suite::null_sha1 : Suite::none;
	if (common & cap_gcm)
		return Suite::gcm;
	return common & cap_cbc_sha1 ? Suite::cbc_sha1 : Suite::none;
}

bool Handshake::acceptable(Suite suite) const
{
	const bool encrypt = (m_config.policy & policy_encryption) != 0;
	switch (suite) {
	case Suite::null_sha1: return !encrypt && (m_config.capabilities & cap_null_sha1);
	case Suite::cbc_sha1: return encrypt && (m_config.capabilities & cap_cbc_sha1);
	case Suite::gcm: return encrypt && (m_config.capabilities & cap_gcm);
	case Suite::none: break;
	}
	return false;
}

void Handshake::on_ke1(Time now, const Ke1 &ke1, const HakeReceived &frame, Actions &actions)
{
	const ExchangeHead &head = ke1.head;
	// Roles are fixed: only the smaller id starts. A frame for another boot of ours is stale.
	if (head.destination != m_config.self || head.destination_nonce != m_nonce ||
	    !(head.header.sender < m_config.self))
		return;
	if (head.spi_base < 256 || (head.spi_base & 0x1f) != 0)
		return;
	Pair *pair = find_or_add(head.header.sender);
	if (pair == nullptr)
		return;
	if (pair->candidate != 0 && pair->candidate_ke1 == frame.message) {
		if (pair->answered && now - pair->answered_at >= answer_gap) {
			pair->answered_at = now;
			actions.push_back(SendKe2{pair->candidate});
		}
		return;
	}
	if (pair->candidate != 0 && pair->candidate_nonce == head.header.nonce && !pair->answered)
		return; // one evaluation at a time
	if (!take_token(now))
		return;
	if (pair->candidate != 0)
		actions.push_back(DropSession{pair->candidate});
	pair->candidate = m_next_session++;
	pair->candidate_ke1 = frame.message;
	pair->candidate_nonce = head.header.nonce;
	pair->answered = false;
	pair->candidate_suite = choose(head.capabilities, head.policy);
	pair->candidate_links = head.link_bitmap;
	pair->candidate_expires = now + candidate_life;
	if (pair->last_hello == Time{} || pair->live == 0)
		pair->macs[frame.link] = frame.source;
	EvaluateKe1 action;
	action.session = pair->candidate;
	action.link = frame.link;
	action.source = frame.source;
	action.suite = pair->candidate_suite;
	action.ke1 = frame.message;
	actions.push_back(action);
}

void Handshake::on_ke2(Time now, const Ke2 &ke2, const HakeReceived &frame, Actions &actions)
{
	(void)now;
	const ExchangeHead &head = ke2.head;
	Pair *pair = find(head.header.sender);
	if (pair == nullptr || pair->exchange == 0 || head.destination != m_config.self ||
	    head.destination_nonce != m_nonce)
		return;
	if (head.header.nonce != pair->exchange_nonce || pair->evaluating || pair->bad >= bad_ke2_limit)
		return;
	if (head.spi_base < 256 || (head.spi_base & 0x1f) != 0)
		return;
	pair->evaluating = true;
	pair->exchange_suite = static_cast<Suite>(head.suite);
	pair->common_policy = head.policy == m_config.policy && acceptable(pair->exchange_suite);
	pair->peer_links = head.link_bitmap;
	EvaluateKe2 action;
	action.session = pair->exchange;
	action.ke2 = frame.message;
	actions.push_back(action); // X is compared by the key agent, which knows it
}

void Handshake::on_ke3(Time now, const Ke3 &ke3, const HakeReceived &frame, Actions &actions)
{
	(void)now;
	Pair *pair = find(ke3.header.sender);
	if (pair == nullptr || pair->candidate == 0 || !pair->answered || ke3.destination != m_config.self)
		return;
	if (ke3.destination_nonce != m_nonce || ke3.header.nonce != pair->candidate_nonce)
		return;
	CheckKe3 action;
	action.session = pair->candidate;
	action.ke3 = frame.message;
	actions.push_back(action);
}

void Handshake::back_off(Pair &pair, Time now)
{
	const Duration wait =
		std::min<Duration>(first_back_off * (1 << std::min<int>(pair.refusals, 6)), longest_back_off);
	pair.refusals = static_cast<std::uint8_t>(std::min(pair.refusals + 1, 100));
	pair.not_before = now + jittered(wait);
}

std::optional<SessionUp> Handshake::on_key_result(Time now, const KeyResult &result, Actions &actions)
{
	for (Pair &pair : m_pairs) {
		if (pair.candidate == result.session && result.session != 0) {
			if (result.step == KeyStep::ke1) {
				if (result.outcome != KeyOutcome::ok) {
					actions.push_back(DropSession{pair.candidate});
					pair.candidate = 0;
					pair.candidate_expires = never;
					return std::nullopt;
				}
				pair.answered = true;
				pair.answered_at = now;
				if (pair.candidate_suite != Suite::none)
					actions.push_back(InstallInboundKeys{pair.candidate, 0, pair.candidate_links,
									     pair.candidate_suite});
				actions.push_back(SendKe2{pair.candidate});
				return std::nullopt;
			}
			if (result.step == KeyStep::ke3 && result.outcome == KeyOutcome::ok &&
			    pair.candidate_suite != Suite::none)
				return become_up(pair, pair.candidate, pair.candidate_nonce, false, now);
			return std::nullopt; // a bad KE3 changes nothing
		}
		if (pair.exchange == result.session && result.session != 0 && result.step == KeyStep::ke2) {
			pair.evaluating = false;
			if (result.outcome == KeyOutcome::ok && pair.common_policy) {
				actions.push_back(
					InstallInboundKeys{pair.exchange, 0, pair.peer_links, pair.exchange_suite});
				actions.push_back(SendKe3{pair.exchange});
				return become_up(pair, pair.exchange, pair.exchange_nonce, true, now);
			}
			Notice notice;
			notice.at = now;
			notice.peer = pair.id;
			if (result.outcome == KeyOutcome::ok) { // authentic, but the other side is set differently
				notice.kind = NoticeKind::policy_mismatch;
				actions.push_back(notice);
				actions.push_back(DropSession{pair.exchange});
				pair.exchange = 0;
				pair.retry_at = never;
				back_off(pair, now);
				return std::nullopt;
			}
			if (result.outcome == KeyOutcome::failed)
				return std::nullopt; // of another exchange: no guess at this one
			++pair.bad;
			if (result.outcome == KeyOutcome::confirm_bad && pair.bad == 1) {
				// Another password, or a forged KE2 that raced the real one: keep listening for this exchange's
				// time, start the next one later.
				notice.kind = NoticeKind::wrong_password;
				actions.push_back(notice);
				back_off(pair, now);
			}
			return std::nullopt;
		}
	}
	return std::nullopt;
}

std::optional<SessionUp> Handshake::on_confirmed(Time now, SessionId session, Actions &actions)
{
	(void)actions;
	for (Pair &pair : m_pairs)
		if (pair.candidate == session && session != 0 && pair.answered && pair.candidate_suite != Suite::none)
			return become_up(pair, session, pair.candidate_nonce, false, now);
	return std::nullopt;
}

std::optional<SessionUp> Handshake::become_up(Pair &pair, SessionId session, const BootNonce &nonce, bool as_initiator,
					      Time now)
{
	SessionUp up;
	up.pair = static_cast<std::size_t>(&pair - m_pairs.begin());
	up.session = session;
	up.replaced = pair.live;
	up.peer = pair.id;
	up.new_boot = pair.live == 0 || pair.live_nonce != nonce;
	up.as_initiator = as_initiator;
	up.suite = as_initiator ? pair.exchange_suite : pair.candidate_suite;
	const auto own_links = static_cast<std::uint8_t>((1U << m_config.link_count) - 1);
	up.link_bitmap = static_cast<std::uint8_t>((as_initiator ? pair.peer_links : pair.candidate_links) & own_links);
	up.macs = pair.macs;

	pair.live = session;
	pair.live_nonce = nonce;
	pair.live_since = now;
	if (up.new_boot) { // the same boot under new keys is heard as before: set_heard() tells changes only
		pair.heard = false;
		pair.unheard_since = now;
	}
	pair.authenticated = true;
	pair.refusals = 0;
	pair.mismatch_told = false;
	pair.unconfirmed_told = false;
	if (as_initiator) {
		pair.exchange = 0;
		pair.retry_at = never;
	} else {
		pair.candidate = 0;
		pair.candidate_expires = never;
		m_tokens = std::min(bucket_size, m_tokens + 1);
	}
	return up;
}

void Handshake::forget(std::size_t pair_index, Time now, Actions &actions)
{
	Pair &pair = m_pairs[pair_index];
	if (pair.live != 0)
		actions.push_back(DropSession{pair.live});
	pair.live = 0;
	back_off(pair, now);
}

void Handshake::set_heard(std::size_t pair_index, bool heard, Time now)
{
	Pair &pair = m_pairs[pair_index];
	if (pair.heard && !heard)
		pair.unheard_since = now;
	pair.heard = heard;
}

void Handshake::on_tick(Time now, Actions &actions)
{
	if (now >= m_next_hello) {
		hello(now, actions);
		m_next_hello =
			now + jittered(now - m_started < hello_young_for ? hello_interval_young : hello_interval);
	}
	for (Pair &pair : m_pairs) {
		if (pair.candidate != 0 && now >= pair.candidate_expires) {
			if (!pair.unconfirmed_told &&
			    pair.candidate_suite != Suite::none) { // else: a mismatch, told before
				pair.unconfirmed_told = true;
				Notice notice;
				notice.kind = NoticeKind::unconfirmed;
				notice.at = now;
				notice.peer = pair.id;
				actions.push_back(notice);
			}
			actions.push_back(DropSession{pair.candidate});
			pair.candidate = 0;
			pair.candidate_expires = never;
		}
		if (pair.exchange == 0 || now < pair.retry_at)
			continue;
		if (pair.tries < tries_per_exchange) {
			++pair.tries;
			actions.push_back(ResendKe1{pair.exchange});
			pair.retry_at = now + jittered(std::min(first_retry * (1 << (pair.tries - 1)), longest_retry));
			continue;
		}
		// Given up: the next HELLO of this peer starts a new exchange with a new X and scalar, on the next link.
		actions.push_back(DropSession{pair.exchange});
		pair.exchange = 0;
		pair.retry_at = never;
	}
}

Time Handshake::deadline() const
{
	Time next = m_next_hello;
	for (const Pair &pair : m_pairs)
		next = std::min({next, pair.retry_at, pair.candidate_expires});
	return next;
}

} // namespace systole::core
