// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/record.h"

#include "control/log.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace systole::control {

namespace {

double milliseconds_between(core::Time from, core::Time to)
{
	return to == core::Time{} ? 0.0 : std::chrono::duration<double, std::milli>(to - from).count();
}

// What a takeover consisted of. Addresses are claimed before the change of role is told.
boost::json::object steps_json(const core::Notice &role, const ClaimReport &claim)
{
	boost::json::object steps;
	core::Time begin = role.at;
	if (!role.peer.empty()) {
		const core::Time lost_at = role.at - core::Duration{role.value};
		begin = role.last_rx;
		steps["detect_us"] = core::microseconds(lost_at - role.last_rx);
		steps["elect_us"] = core::microseconds(role.at - lost_at);
	}
	steps["commit_us"] = core::microseconds(claim.committed_in);
	steps["arm_us"] = core::microseconds(claim.netlink_done - claim.start);
	if (claim.first_announced != core::Time{}) {
		steps["first_arp_us"] = core::microseconds(claim.first_announced - claim.netlink_done);
		steps["total_us"] = core::microseconds(claim.first_announced - begin);
	}
	return steps;
}

} // namespace

void log_errors(const TakeoverErrors &errors)
{
	for (const TakeoverError &error : errors)
		log(LogApp::takeover, LogLevel::error, "{}", error.text());
}

boost::json::object Record::take(const core::Notice &notice, core::Time now, double unix_now)
{
	// The wall clock of the moment it was judged, not of this line.
	const double ago = std::chrono::duration<double>(now - notice.at).count();
	boost::json::object entry = notice_json(
		notice, m_names, NoticeTime{notice.at.time_since_epoch().count(), unix_now - ago, m_boot_id});
	log(LogApp::hatalk, LogLevel::info, "{}", notice_text(notice, m_names));
	if (const auto claim = m_claims.find(notice.vcluster);
	    notice.kind == core::NoticeKind::role && notice.to == core::HaState::work && claim != m_claims.end())
		entry["steps"] = steps_json(notice, claim->second);
	m_history.append(entry);
	return entry;
}

void Record::take(std::uint8_t vcluster, const ClaimReport &claim)
{
	m_claims[vcluster] = claim;
	m_last_claimed = vcluster;
	log(LogApp::takeover, LogLevel::info,
	    "vcluster-{}: addresses taken over in {:.2f} ms, first announcement after {:.2f} ms", vcluster,
	    milliseconds_between(claim.start, claim.netlink_done),
	    milliseconds_between(claim.start, claim.first_announced));
}

void Record::take(std::uint8_t vcluster, const ReleaseReport &release)
{
	log(LogApp::takeover, LogLevel::info, "vcluster-{}: addresses released in {:.2f} ms", vcluster,
	    milliseconds_between(release.start, release.netlink_done));
}

void Record::take(const HookResult &result)
{
	m_last_hook = result.text();
	const bool good = result.outcome == HookOutcome::finished && result.exit_status == 0;
	log(LogApp::takeover, good ? LogLevel::info : LogLevel::warning, "{}", m_last_hook);
}

void Record::look(std::vector<std::string> blockers)
{
	m_blockers = std::move(blockers);
	m_usage = m_machine.read();
}

void Record::tell(boost::json::object &status) const
{
	boost::json::array readiness;
	for (const std::string &blocker : m_blockers)
		readiness.emplace_back(blocker);
	status["readiness"] = std::move(readiness);
	status["usage"] = m_usage;
	if (const auto last = m_claims.find(m_last_claimed); last != m_claims.end()) {
		const ClaimReport &claim = last->second;
		const auto us = [&](core::Time to) {
			return to == core::Time{} ? 0 : core::microseconds(to - claim.start);
		};
		status["last_takeover"] = {{"vcluster", last->first},
					   {"mono_ns", claim.start.time_since_epoch().count()},
					   {"addresses_us", us(claim.netlink_done)},
					   {"first_announcement_us", us(claim.first_announced)}};
	}
	if (!m_last_hook.empty())
		status["last_hook"] = m_last_hook;
}

} // namespace systole::control
