// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/lease_keeper.h"

#include <algorithm>
#include <type_traits>

namespace systole::control {

namespace {

using std::chrono::milliseconds;

constexpr core::Duration shortest_timeout = milliseconds{100};
constexpr core::Duration answer_slack = milliseconds{50}; // the sender tells of its time limit itself, with details
constexpr core::Duration shortest_pause = milliseconds{50};
constexpr core::Duration longest_pause = milliseconds{500};
constexpr core::Duration idle_pause = std::chrono::seconds{1};

} // namespace

std::optional<LeaseRequest> LeaseKeeper::step(core::Time now, const LeaseEvent &event)
{
	std::visit(
		[&](const auto &what) {
			using What = std::decay_t<decltype(what)>;
			if constexpr (std::is_same_v<What, LeaseWanted>)
				want(what.wanted, now);
			else if constexpr (std::is_same_v<What, LeaseAnswer>)
				answer(what, now);
		},
		event);
	if (m_flight && now >= deadline()) {
		m_flight.reset();
		failed("no answer in time", now);
	}
	m_lapsed = m_state == State::holding && now >= m_held_until;
	if (m_flight || now < m_next)
		return std::nullopt;
	if (m_state == State::releasing && now >= m_give_up) {
		lease_ended(now); // by itself, whatever etcd would say
		if (now < m_next)
			return std::nullopt;
	}
	return make_request(now);
}

core::Time LeaseKeeper::next_due() const
{
	const core::Time due = m_flight ? deadline() : m_next;
	return m_state == State::holding && !m_lapsed ? std::min(due, m_held_until) : due;
}

LeaseView LeaseKeeper::view(core::Time now) const
{
	const bool lapsed = m_state == State::holding && now >= m_held_until;
	return {
		.reachable = m_reachable,
		.holding = m_state == State::holding && !lapsed,
		.held_until = m_held_until,
		.holder = lapsed ? std::string{} : m_holder,
		.error = m_error.empty() ? m_obstacle : m_error,
	};
}

void LeaseKeeper::want(bool wanted, core::Time now)
{
	if (m_wanted == wanted)
		return;
	m_wanted = wanted;
	switch (m_state) {
	case State::idle: // its look may hang
		m_flight.reset();
		become_looking(now);
		break;
	case State::looking:
	case State::granting: // a lease without a key ends by itself
		m_flight.reset();
		become_idle(now);
		break;
	case State::acquiring: // the creation may be on its way: without the lease it will be refused
	case State::holding:
		m_flight.reset();
		become_releasing(now);
		break;
	case State::releasing: break; // first to the end: the key still carries the old lease
	}
}

void LeaseKeeper::answer(const LeaseAnswer &answer, core::Time now)
{
	if (!m_flight || answer.request != m_flight->request.id)
		return;
	const Flight flight = *m_flight;
	m_flight.reset();
	if (answer.outcome == LeaseOutcome::failed) {
		failed(answer.error, now);
		return;
	}
	// Several endpoints are members of one etcd cluster. Two of different clusters would give the key away twice.
	if (answer.cluster != 0) {
		if (m_cluster == 0)
			m_cluster = answer.cluster;
		if (answer.cluster != m_cluster) {
			failed("belongs to another etcd cluster than the endpoint that answered first; all endpoints "
			       "must be "
			       "members of one (after setting etcd up anew, restart systoled)",
			       now);
			return;
		}
	}
	m_reachable = true;
	m_failures = 0;
	m_error.clear();
	m_endpoint = flight.request.endpoint;
	if (answer.outcome == LeaseOutcome::lease_gone) {
		lease_ended(now);
		return;
	}
	switch (flight.request.ask) {
	case Ask::look: look_answered(answer, now); break;
	case Ask::grant:
		m_lease = answer.lease;
		m_ttl = answer.ttl;
		m_granted_from = flight.sent;
		m_state = State::acquiring;
		m_next = now;
		break;
	case Ask::acquire: acquire_answered(answer, now); break;
	case Ask::keep_alive:
		m_renewal = Renewal{.sent = flight.sent, .ttl = answer.ttl, .term = answer.term};
		m_next = now;
		break;
	case Ask::revoke: lease_ended(now); break;
	}
}

void LeaseKeeper::look_answered(const LeaseAnswer &answer, core::Time now)
{
	switch (m_state) {
	case State::idle:
		see_key(answer);
		m_obstacle.clear();
		m_take_turns = true;
		m_next = now + about(m_settings.probe);
		break;
	case State::looking:
		see_key(answer);
		if (answer.key_exists) {
			m_next = now + about(m_settings.look);
		} else {
			m_state = State::granting;
			m_next = now;
		}
		break;
	case State::holding: confirm(answer, now); break;
	case State::granting:
	case State::acquiring:
	case State::releasing: break; // they do not look
	}
}

void LeaseKeeper::acquire_answered(const LeaseAnswer &answer, core::Time now)
{
	if (answer.created || (answer.key_exists && answer.lease == m_lease)) {
		become_holding(now);
		return;
	}
	see_key(answer);
	become_releasing(now);
}

void LeaseKeeper::confirm(const LeaseAnswer &answer, core::Time now)
{
	if (!answer.key_exists || answer.lease != m_lease) {
		become_releasing(now);
		see_key(answer);
		m_obstacle = "the key of the witness was deleted or overwritten by hand";
		return;
	}
	const Renewal renewal = *m_renewal;
	m_renewal.reset();
	if (answer.term != renewal.term) { // etcd has a new leader: did the old one or the new one renew it? Once more
		m_next = now + about(shortest_pause);
		return;
	}
	m_ttl = renewal.ttl;
	m_held_until = std::max(m_held_until, renewal.sent + m_ttl - allowance(m_ttl));
	m_next = renewal.sent + core::Duration{m_ttl} / 4;
}

void LeaseKeeper::failed(const std::string &error, core::Time now)
{
	m_error = error;
	m_renewal.reset();
	m_endpoint = (m_endpoint + 1) % m_settings.endpoints;
	m_next = now;
	if (++m_failures % m_settings.endpoints != 0)
		return;
	// A whole round without an answer.
	m_reachable = false;
	if (m_state != State::holding)
		m_holder.clear();
	m_next = now + about(m_state == State::idle ? idle_pause
						    : std::clamp<core::Duration>(core::Duration{m_settings.ttl} / 16,
										 shortest_pause, longest_pause));
}

void LeaseKeeper::become_idle(core::Time now)
{
	m_state = State::idle;
	m_obstacle.clear();
	m_next = now + about(m_settings.look);
}

void LeaseKeeper::become_looking(core::Time when)
{
	m_state = State::looking;
	m_next = when;
}

void LeaseKeeper::become_holding(core::Time now)
{
	m_state = State::holding;
	m_renewal.reset();
	m_obstacle.clear();
	m_holder = m_settings.serial;
	m_held_until = m_granted_from + m_ttl - allowance(m_ttl);
	m_next = std::max(now, m_granted_from + core::Duration{m_ttl} / 4);
}

// From here on nothing is held. etcd is asked to end the lease, which deletes the key, until it says so or the lease
// must be long over.
void LeaseKeeper::become_releasing(core::Time now)
{
	m_state = State::releasing;
	m_renewal.reset();
	m_held_until = {};
	m_give_up = now + 2 * core::Duration{m_ttl};
	if (m_holder == m_settings.serial)
		m_holder.clear();
	m_next = now;
}

void LeaseKeeper::lease_ended(core::Time now)
{
	const bool after_another = m_state == State::releasing && !m_holder.empty();
	m_lease = 0;
	m_held_until = {};
	m_renewal.reset();
	if (m_state != State::releasing)
		m_holder.clear();
	if (m_wanted)
		become_looking(after_another ? now + about(m_settings.look) : now);
	else
		become_idle(now);
}

void LeaseKeeper::see_key(const LeaseAnswer &answer)
{
	m_holder = answer.key_exists ? answer.holder : std::string{};
	m_obstacle.clear();
	if (!answer.key_exists)
		return;
	if (answer.lease == 0)
		m_obstacle =
			"the key of the witness has no lease: it was written by hand and blocks every member until it "
			"is deleted";
	else if (answer.holder == m_settings.serial)
		m_obstacle =
			"the key of the witness is of an earlier process of this member; waiting for its lease to end";
}

Ask LeaseKeeper::next_ask() const
{
	switch (m_state) {
	case State::idle:
	case State::looking: return Ask::look;
	case State::granting: return Ask::grant;
	case State::acquiring: return Ask::acquire;
	case State::holding: return m_renewal ? Ask::look : Ask::keep_alive;
	case State::releasing: return Ask::revoke;
	}
	return Ask::look;
}

LeaseRequest LeaseKeeper::make_request(core::Time now)
{
	LeaseRequest request{
		.id = ++m_last_id,
		.ask = next_ask(),
		.endpoint = m_endpoint,
		.lease = m_lease,
		.ttl = m_settings.ttl,
		.timeout = timeout(),
	};
	if (m_state == State::idle && m_take_turns) {
		request.endpoint = (m_endpoint + 1) % m_settings.endpoints;
		m_take_turns = false;
	}
	m_flight = Flight{.request = request, .sent = now};
	return request;
}

core::Time LeaseKeeper::deadline() const
{
	return m_flight->sent + m_flight->request.timeout + answer_slack;
}

// Renewal begins at TTL/4. Half a TTL is then enough to ask every endpoint once, even if all before the last one hang.
core::Duration LeaseKeeper::timeout() const
{
	const core::Duration ttl = m_lease != 0 ? m_ttl : m_settings.ttl;
	const core::Duration share = ttl / (2 * static_cast<std::int64_t>(m_settings.endpoints));
	return std::min(m_settings.timeout, std::max(share, shortest_timeout));
}

// Spread, so that members that lost etcd at the same moment do not come back at the same moment.
core::Duration LeaseKeeper::about(core::Duration duration)
{
	std::uint64_t z = (m_random += 0x9e3779b97f4a7c15); // splitmix64
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return duration / 2 + duration * static_cast<std::int64_t>(z % 1024) / 1024;
}

} // namespace systole::control
