// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What takeovers need later than in the step that changed a role.
#include "control/takeover_timers.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace systole::control {

namespace {

using boost::asio::steady_timer;
using boost::system::error_code;

// Addresses go at once; the macvlans follow when the successor has long announced itself: downing them holds the
// kernel's network lock for some 20 ms.
constexpr auto finish_release_after = std::chrono::milliseconds{50};
// The successor has announced itself before we hear of it, and does so every millisecond at first: after a few of those
// the switches send nothing here any more, and what was under way has passed.
constexpr auto linger_for = std::chrono::milliseconds{5};
// A claim that the kernel did not carry out is tried again so often.
constexpr auto claim_retry_interval = std::chrono::milliseconds{500};

// The kernel was short of memory or buffers: addresses that the cluster believes to be here must come.
bool is_worth_another_try(const TakeoverError &error)
{
	return error.fault == TakeoverFault::netlink || error.fault == TakeoverFault::link_up ||
	       error.fault == TakeoverFault::address_add;
}

} // namespace

void TakeoverTimers::claimed(std::uint8_t vcluster, const ClaimReport &claim)
{
	m_record.take(vcluster, claim);
	if (std::any_of(claim.errors.begin(), claim.errors.end(), is_worth_another_try)) {
		m_failed.insert(vcluster);
		claim_again();
	}
}

void TakeoverTimers::claim_again()
{
	m_retry.expires_after(claim_retry_interval);
	m_retry.async_wait([this](const error_code &error) {
		if (error)
			return;
		m_look();
		for (const std::uint8_t vcluster : std::exchange(m_failed, {})) {
			Takeover &takeover = m_takeovers.of(vcluster);
			if (takeover.state() != Takeover::State::primary)
				continue;
			const ClaimReport again = takeover.claim();
			log_errors(again.errors);
			claimed(vcluster, again);
		}
		arm_announcements();
	});
}

void TakeoverTimers::released(std::uint8_t vcluster, const ReleaseReport &release)
{
	m_record.take(vcluster, release);
	m_finish.expires_after(finish_release_after);
	m_finish.async_wait([this](const error_code &error) {
		if (!error)
			log_errors(m_takeovers.finish_releases());
	});
}

void TakeoverTimers::lingers(std::uint8_t vcluster, std::function<void()> let_go)
{
	m_lingering[vcluster] = std::move(let_go);
	m_linger.expires_after(linger_for);
	m_linger.async_wait([this](const error_code &error) {
		if (error)
			return;
		m_look();
		for (const auto &[id, done] : std::exchange(m_lingering, {}))
			if (m_takeovers.of(id).state() == Takeover::State::lingering) // else it is primary again
				done();
	});
}

void TakeoverTimers::arm_announcements()
{
	const core::Time due = m_takeovers.next_announcement();
	if (due == core::never) {
		m_announce.cancel();
		return;
	}
	m_announce.expires_at(steady_timer::time_point{due.time_since_epoch()});
	m_announce.async_wait([this](const error_code &error) {
		if (error)
			return;
		m_look();
		log_errors(m_takeovers.announce(core::Time{steady_timer::clock_type::now().time_since_epoch()}));
		arm_announcements();
	});
}

} // namespace systole::control
