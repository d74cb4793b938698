// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What each message does. handshake_upkeep.cc has timers, rekeying and the ends of sessions.
#include "control/core/handshake.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration hello_answer_gap = milliseconds{50}; // at most 20 answers a second
constexpr Duration first_retry = milliseconds{50};
constexpr std::uint8_t bad_ke2_limit = 8; // online guesses at one scalar
constexpr Duration candidate_life = seconds{3};
constexpr Duration exchange_gap = milliseconds{50};
constexpr Duration rekey_gap = seconds{1};           // a rekey is not given up for a clear HELLO that soon
constexpr Duration answer_gap = milliseconds{25};    // to a KE1 seen before: an honest retry is slower
constexpr Duration silent_before_again = seconds{3}; // a live session nobody is heard on may be negotiated again
constexpr Duration first_back_off = milliseconds{500};
constexpr Duration longest_back_off = seconds{30};

bool sane(const ExchangeHead &head)
{
	return head.spi_base >= 256 && (head.spi_base & 0x1f) == 0;
}

} // namespace

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
	else
		refuse(HakeDrop::crowded);
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

Notice Handshake::notice(NoticeKind kind, const Pair &pair, Time now) const
{
	Notice record;
	record.kind = kind;
	record.at = now;
	record.peer = pair.id;
	return record;
}

bool Handshake::knows_index(std::uint8_t index) const
{
	return std::find(m_indexes.begin(), m_indexes.end(), index) != m_indexes.end();
}

// A frame of our group, not from us, on the link it names.
bool Handshake::ours(const HakeHeader &header, const HakeReceived &frame, Time now, Actions &actions)
{
	const auto refused = [&](HakeDrop why) {
		refuse(why);
		return false;
	};
	const auto alarm = [&](NoticeKind kind) {
		if (!may_alarm(now))
			return;
		Notice record;
		record.kind = kind;
		record.at = now;
		record.peer = header.sender;
		record.link = frame.link;
		record.value = header.link;
		actions.push_back(record);
	};
	if (header.group_id != m_config.group_id)
		return refused(HakeDrop::group);
	if (header.sender.empty())
		return refused(HakeDrop::malformed);
	if (header.sender == m_config.self) {
		if (header.nonce != m_nonce) // our own nonce: a loop in the cabling, harmless
			alarm(NoticeKind::duplicate_member);
		return refused(HakeDrop::self);
	}
	if (header.link != frame.link) {
		alarm(NoticeKind::cross_cabled);
		return refused(HakeDrop::link);
	}
	return true;
}

void Handshake::on_frame(Time now, const HakeReceived &frame, Actions &actions)
{
	const auto header = decode_header(frame.message.span());
	if (!header)
		return refuse(HakeDrop::malformed);
	if (!ours(*header, frame, now, actions))
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
	case HakeType::bye: refuse(HakeDrop::role); break; // anybody could say it
	}
}

std::optional<Farewell> Handshake::on_sealed(Time now, std::size_t index, const HakeReceived &frame, Actions &actions)
{
	Pair &pair = m_pairs[index];
	const auto header = decode_header(frame.message.span());
	if (!header) {
		refuse(HakeDrop::malformed);
	} else if (header->sender != pair.id || header->group_id != m_config.group_id || header->link != frame.link) {
		refuse(HakeDrop::role);
	} else if (pair.live == 0 || header->nonce != pair.live_nonce) {
		refuse(HakeDrop::stale);
	} else if (header->type == HakeType::hello) { // it wants new keys, and may not begin
		if (frame.session == pair.live && !pair.exchange_sealed && m_config.self < pair.id)
			pair.rekey_at = std::min(pair.rekey_at, now);
	} else if (header->type != HakeType::bye) {
		on_frame(now, frame, actions);
	} else if (const auto bye = decode_bye(frame.message.span());
		   bye && bye->destination == m_config.self && bye->destination_nonce == m_nonce) {
		return Farewell{index};
	} else {
		refuse(HakeDrop::role);
	}
	return std::nullopt;
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
		return refuse(HakeDrop::group);
	Pair *pair = find_or_add(hello_message.header.sender);
	if (pair == nullptr)
		return;
	const bool new_nonce = pair->nonce != hello_message.header.nonce;
	const bool first = pair->last_hello == Time{};
	if (new_nonce)
		pair->heard_links = 0;
	if (new_nonce && !first) {
		pair->mismatch_told = false;
		pair->unconfirmed_told = false;
		pair->index_told = false;
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
	if (is_twin(*pair, pair->nonce, now))
		return refuse(HakeDrop::crowded);
	if (hello_message.policy != m_config.policy) {
		pair->obstacle = Obstacle::policy;
		if (!pair->mismatch_told && may_alarm(now)) {
			pair->mismatch_told = true;
			Notice record = notice(NoticeKind::policy_mismatch, *pair, now);
			record.value = hello_message.policy;
			actions.push_back(record);
		}
	}
	// Whoever is new to us is told that we are here, so that joining does not wait for our next HELLO.
	if ((new_nonce || first) && now - m_last_hello >= hello_answer_gap)
		hello(now, actions);
	if (m_config.self < pair->id && now >= pair->not_before) {
		const bool idle = pair->exchange == 0;
		const bool other_boot =
			pair->exchange_nonce != pair->nonce && pair->held != Pair::Held::exchange &&
			now - pair->exchange_started >= (pair->exchange_sealed ? rekey_gap : exchange_gap);
		if (!idle && !other_boot)
			return;
		if (!pair->authenticated && !m_beginnings.take(now))
			return refuse(HakeDrop::budget);
		begin(*pair, false, now, actions);
	}
}

void Handshake::begin(Pair &pair, bool sealed, Time now, Actions &actions)
{
	give_up_exchange(pair, actions);
	// The next link on which the peer was heard.
	LinkIndex link = pair.exchange_link;
	for (std::size_t i = 0; i < max_links; ++i) {
		link = static_cast<LinkIndex>((link + 1) % max_links);
		if (pair.heard_links & 1U << link)
			break;
	}
	pair.exchange = m_next_session++;
	pair.exchange_sealed = sealed;
	pair.exchange_nonce = sealed ? pair.live_nonce : pair.nonce;
	pair.exchange_link = link;
	pair.exchange_started = now;
	pair.exchange_continues = pair.live != 0 && pair.live_nonce == pair.exchange_nonce;
	pair.tries = 1;
	pair.bad = 0;
	pair.evaluating = false;
	pair.retry_at = now + jittered(first_retry);
	BeginExchange action;
	action.session = pair.exchange;
	action.peer = pair.id;
	action.peer_nonce = pair.exchange_nonce;
	action.link = link;
	action.destination = pair.macs[link];
	action.slot = sealed ? pair.slot : PeerSlot{0};
	action.capabilities = capabilities();
	action.password_index = m_indexes[pair.index_place % m_indexes.size()];
	action.continues = pair.exchange_continues;
	action.older_ticket = pair.exchanges++ % 2 == 1;
	actions.push_back(action);
}

// Whether a KE1 is worth the dear part, and takes what it costs from a budget.
bool Handshake::may_evaluate(Pair &pair, const Ke1 &ke1, const HakeReceived &frame, Time now)
{
	const bool sealed = frame.slot != 0;
	const auto refused = [&](HakeDrop why) {
		refuse(why);
		return false;
	};
	if (std::find(pair.used.begin(), pair.used.end(), ke1.head.x) != pair.used.end())
		return refused(HakeDrop::repeated);
	if (pair.candidate != 0) { // whoever proves less does not push it aside
		if (pair.candidate_nonce == ke1.head.header.nonce && !pair.answered)
			return refused(HakeDrop::budget); // one evaluation at a time
		const bool restarted = frame.ticketed && pair.candidate_nonce != ke1.head.header.nonce &&
				       now - pair.last_word > word_gap(); // a ticket may be a replay
		if (pair.held == Pair::Held::candidate || (pair.candidate_sealed && !sealed && !restarted) ||
		    (pair.candidate_ticketed && !sealed && !frame.ticketed))
			return refused(HakeDrop::crowded);
	}
	if (sealed)
		return true;
	if (!(frame.ticketed ? pair.ticket_tokens : m_tokens).take(now))
		return refused(HakeDrop::budget);
	return true;
}

void Handshake::on_ke1(Time now, const Ke1 &ke1, const HakeReceived &frame, Actions &actions)
{
	const ExchangeHead &head = ke1.head;
	const bool sealed = frame.slot != 0;
	// Roles are fixed: only the smaller id starts. A frame for another boot of ours is stale.
	if (head.destination != m_config.self || !(head.header.sender < m_config.self))
		return refuse(HakeDrop::role);
	if (head.destination_nonce != m_nonce)
		return refuse(HakeDrop::stale);
	if (!sane(head))
		return refuse(HakeDrop::malformed);
	Pair *pair = find_or_add(head.header.sender);
	if (pair == nullptr)
		return;
	if (!sealed && is_twin(*pair, head.header.nonce, now))
		return refuse(HakeDrop::crowded);
	if (pair->candidate != 0 && pair->candidate_ke1 == frame.message) {
		if (!pair->answered || now - pair->answered_at < answer_gap)
			return refuse(HakeDrop::repeated);
		pair->answered_at = now;
		actions.push_back(SendKe2{pair->candidate});
		return;
	}
	if (!knows_index(head.password_index)) {
		refuse(HakeDrop::password_index);
		if (!pair->index_told && (sealed || may_alarm(now))) {
			pair->index_told = true;
			Notice record = notice(NoticeKind::unknown_password_index, *pair, now);
			record.value = head.password_index;
			actions.push_back(record);
		}
		pair->obstacle = Obstacle::password_index;
		return;
	}
	if (!may_evaluate(*pair, ke1, frame, now))
		return;
	give_up_candidate(*pair, actions);
	if (pair->used.full())
		pair->used[pair->used_next++ % pair->used.size()] = head.x;
	else
		pair->used.push_back(head.x);
	++m_evaluations;
	const bool continues = pair->live != 0 && pair->live_nonce == head.header.nonce;
	pair->candidate = m_next_session++;
	pair->candidate_ke1 = frame.message;
	pair->candidate_nonce = head.header.nonce;
	pair->candidate_sealed = sealed;
	pair->candidate_slot = frame.slot;
	pair->candidate_ticketed = frame.ticketed;
	pair->candidate_renumber = !continues || !head.continues;
	pair->answered = false;
	pair->candidate_suite = choose(head.capabilities, head.policy);
	pair->candidate_links = head.link_bitmap;
	// The peer sends on the new SAs from KE2 on, and hears the old ones for as long as it drains them.
	pair->candidate_expires = now + (sealed ? std::max(candidate_life, drain_time()) : candidate_life);
	if (!sealed && (pair->last_hello == Time{} || pair->live == 0))
		pair->macs[frame.link] = frame.source;
	EvaluateKe1 action;
	action.session = pair->candidate;
	action.link = frame.link;
	action.source = frame.source;
	action.slot = frame.slot;
	action.suite = pair->candidate_suite;
	action.capabilities = capabilities();
	action.continues = continues;
	action.ke1 = frame.message;
	actions.push_back(action);
}

void Handshake::on_ke2(Time now, const Ke2 &ke2, const HakeReceived &frame, Actions &actions)
{
	const ExchangeHead &head = ke2.head;
	const bool sealed = frame.slot != 0;
	Pair *pair = find(head.header.sender);
	if (head.destination != m_config.self)
		return refuse(HakeDrop::role);
	if (pair == nullptr || pair->exchange == 0 || head.destination_nonce != m_nonce ||
	    head.header.nonce != pair->exchange_nonce || pair->exchange_sealed != sealed)
		return refuse(HakeDrop::stale);
	if (!sane(head))
		return refuse(HakeDrop::malformed);
	if (pair->held == Pair::Held::exchange)
		return refuse(HakeDrop::repeated);
	// A forged one costs a token and one of eight places; the real one of a peer we have met has a ticket.
	const bool free = sealed || frame.ticketed;
	if (pair->evaluating || (!free && pair->bad >= bad_ke2_limit) ||
	    (!sealed && !(free ? pair->ticket_tokens : m_tokens).take(now)))
		return refuse(HakeDrop::budget);
	++m_evaluations;
	pair->evaluating = true;
	pair->evaluating_free = free;
	pair->exchange_suite = static_cast<Suite>(head.suite);
	pair->common_policy = head.policy == m_config.policy && acceptable(pair->exchange_suite);
	pair->other_continues = head.continues;
	pair->peer_links = head.link_bitmap;
	EvaluateKe2 action;
	action.session = pair->exchange;
	action.ke2 = frame.message;
	actions.push_back(action); // X is compared by the key agent, which knows it
}

void Handshake::on_ke3(Time, const Ke3 &ke3, const HakeReceived &frame, Actions &actions)
{
	Pair *pair = find(ke3.header.sender);
	if (ke3.destination != m_config.self)
		return refuse(HakeDrop::role);
	if (pair == nullptr || pair->candidate == 0 || !pair->answered || ke3.destination_nonce != m_nonce ||
	    ke3.header.nonce != pair->candidate_nonce)
		return refuse(HakeDrop::stale);
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

// ---------------------------------------------------------------- what the key agent found

std::optional<SessionUp> Handshake::on_key_result(Time now, const KeyResult &result, Actions &actions)
{
	for (Pair &pair : m_pairs) {
		if (result.session == 0)
			break;
		if (pair.candidate == result.session && result.step == KeyStep::ke1) {
			answered_ke1(now, pair, result, actions);
			return std::nullopt;
		}
		if (pair.candidate == result.session && result.step == KeyStep::ke3) {
			if (result.outcome != KeyOutcome::ok) // changes nothing
				refuse(result.outcome == KeyOutcome::failed ? HakeDrop::stale : HakeDrop::confirm_bad);
			else if (pair.candidate_suite != Suite::none)
				return succeed(pair, false, now, actions);
			return std::nullopt;
		}
		if (pair.exchange == result.session && result.step == KeyStep::ke2)
			return answered_ke2(now, pair, result, actions);
	}
	return std::nullopt;
}

void Handshake::answered_ke1(Time now, Pair &pair, const KeyResult &result, Actions &actions)
{
	if (result.outcome != KeyOutcome::ok) {
		refuse(HakeDrop::point);
		give_up_candidate(pair, actions);
		return;
	}
	pair.answered = true;
	pair.answered_at = now;
	// Asked for by the peer itself, the new SAs count from their first packet: that is a beat, and no beat may be lost.
	if (pair.candidate_suite != Suite::none)
		actions.push_back(InstallInboundKeys{pair.candidate, pair.candidate_slot, pair.candidate_links,
						     pair.candidate_suite});
	actions.push_back(SendKe2{pair.candidate});
}

std::optional<SessionUp> Handshake::answered_ke2(Time now, Pair &pair, const KeyResult &result, Actions &actions)
{
	pair.evaluating = false;
	if (!pair.exchange_sealed && (result.outcome == KeyOutcome::ok || result.outcome == KeyOutcome::failed))
		(pair.evaluating_free ? pair.ticket_tokens : m_tokens).give_back();
	if (result.outcome == KeyOutcome::failed) { // of another exchange: no guess at this one
		refuse(HakeDrop::stale);
		return std::nullopt;
	}
	if (result.outcome == KeyOutcome::ok && pair.common_policy) {
		actions.push_back(InstallInboundKeys{pair.exchange, 0, pair.peer_links, pair.exchange_suite});
		actions.push_back(SendKe3{pair.exchange});
		return succeed(pair, true, now, actions);
	}
	if (result.outcome == KeyOutcome::ok) { // authentic, but the other side is set differently
		pair.obstacle = Obstacle::policy;
		actions.push_back(notice(NoticeKind::policy_mismatch, pair, now));
		give_up_exchange(pair, actions);
		back_off(pair, now);
		return std::nullopt;
	}
	refuse(result.outcome == KeyOutcome::point ? HakeDrop::point : HakeDrop::confirm_bad);
	++pair.bad;
	// Of a peer that we have met only what carries its ticket or came sealed says anything about its password: the rest
	// may be forged, and must not keep it away.
	const bool telling = pair.evaluating_free || !pair.authenticated;
	if (result.outcome == KeyOutcome::confirm_bad && telling && pair.bad == 1) {
		// Another password, or a forged KE2 that raced the real one: keep listening for this exchange's time, start
		// the next one later, with the other password if there is one.
		pair.obstacle = Obstacle::wrong_password;
		actions.push_back(notice(NoticeKind::wrong_password, pair, now));
		++pair.index_place;
		back_off(pair, now);
	}
	return std::nullopt;
}

std::optional<SessionUp> Handshake::on_confirmed(Time now, SessionId session, Actions &actions)
{
	for (Pair &pair : m_pairs)
		if (pair.candidate == session && session != 0 && pair.answered && pair.candidate_suite != Suite::none)
			return succeed(pair, false, now, actions);
	return std::nullopt;
}

} // namespace systole::core
