// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What takeovers need later than in the step that changed a role: the train of announcements, the second half of a release,
// and another try where the kernel refused.
#pragma once

#include "control/record.h"
#include "control/takeover/takeovers.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>

namespace systole::control {

class TakeoverTimers {
public:
	// `look` is called before anything is done at a later moment: this member may have been away in between.
	TakeoverTimers(boost::asio::io_context &io, Takeovers &takeovers, Record &record, std::function<void()> look)
	    : m_takeovers(takeovers), m_record(record), m_look(std::move(look)), m_linger(io), m_announce(io),
	      m_finish(io), m_retry(io)
	{
	}

	void claimed(std::uint8_t vcluster, const ClaimReport &claim);
	void released(std::uint8_t vcluster, const ReleaseReport &release);
	// Its successor has claimed: `let_go` is called when the switches have learnt that.
	void lingers(std::uint8_t vcluster, std::function<void()> let_go);
	// After whatever may have begun or ended a train of announcements.
	void arm_announcements();

private:
	void claim_again();

	Takeovers &m_takeovers;
	Record &m_record;
	std::function<void()> m_look;
	boost::asio::steady_timer m_linger;
	boost::asio::steady_timer m_announce;
	boost::asio::steady_timer m_finish;
	boost::asio::steady_timer m_retry;
	std::map<std::uint8_t, std::function<void()>> m_lingering; // by virtual cluster
	std::set<std::uint8_t> m_failed; // virtual clusters whose last claim the kernel did not carry out
};

} // namespace systole::control
