// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The control thread's hold on session pickup: what the core decides goes to the session thread, what that thread counts
// goes to status. Does nothing where `session-pickup` is off.
#pragma once

#include "control/config/configuration.h"
#include "control/core/node.h"
#include "control/instance.h"
#include "control/ring.h"
#include "control/sessions/session_engine.h"
#include "control/sessions/session_filter.h"
#include "control/sessions/tcp_liberality.h"

#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <string>

namespace systole::control {

// What `config system session-filter` and the options of session pickup say is to be synchronised.
[[nodiscard]] SessionFilterRules session_filter_rules(const Configuration &configuration);

class SessionPickup {
public:
	// `paths`: where a data plane finds its session ring (session-source shared-memory), and what a crash must not forget.
	SessionPickup(const Configuration &configuration, const core::MemberId &self, WorkerChannel &channel,
		      const InstancePaths &paths);

	// Off is fine. False: it should be on and cannot be, `error` says why.
	[[nodiscard]] bool start(std::string &error);
	void stop();
	[[nodiscard]] bool on() const { return m_engine != nullptr; }

	// After every step of the core.
	void follow(const core::Node &node);
	// Before a release: what the kernel does with the addresses' sessions from here on concerns this member alone.
	void hold();
	void renew(); // the release is done
	// Before a claim: everything we were told is in the kernel when it returns, or patience has ended.
	[[nodiscard]] CommitReport commit();
	// What a planned change of the role waits for, if it has come.
	[[nodiscard]] std::optional<core::SessionsTold> told(const core::HandOver &plan, core::Time now) const;
	// The election's question: not whether the last millisecond is here, but whether the table was filled at all.
	[[nodiscard]] bool whole() const;
	// As a standby: why a takeover now would lose sessions; empty: it would not.
	[[nodiscard]] std::string lacks() const;
	[[nodiscard]] boost::json::object status() const;

private:
	const Configuration &m_configuration;
	std::unique_ptr<SessionEngine> m_engine;
	SessionSituation m_situation;
	TcpLiberality m_liberality;
};

} // namespace systole::control
