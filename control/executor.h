// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Carries out what the core wants, in order: keys, worker, addresses, hooks, record. Decides nothing.
// Key actions answer at once; the answers are collected and go back into the core by the caller.
#pragma once

#include "control/attendance.h"
#include "control/core/action.h"
#include "control/core/event.h"
#include "control/core/node.h"
#include "control/key_agent.h"
#include "control/takeover/hook_runners.h"
#include "control/takeover/takeovers.h"
#include "control/worker_port.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace systole::control {

struct RoleHooks {
	std::string primary, secondary; // absolute paths, empty = none
	core::Duration deadline{};
};

class Executor {
public:
	struct Parts {
		KeyAgent &keys;
		WorkerPort &worker;
		Takeovers &takeovers;
		HookRunners &hooks;
		Attendance &attendance;
		const core::Node &node; // its beat, as it is after the step
	};
	// How the role change of a virtual cluster went, for history and status.
	using Claimed = std::function<void(std::uint8_t vcluster, const ClaimReport &)>;
	using Released = std::function<void(std::uint8_t vcluster, const ReleaseReport &)>;
	using Lingering = std::function<void(std::uint8_t vcluster, std::function<void()> let_go)>;
	using BeforeClaim = std::function<void(std::uint8_t vcluster)>;
	using BeforeRelease = std::function<void(std::uint8_t vcluster)>;
	using Noticed = std::function<void(const core::Notice &)>;
	using Anew = std::function<void()>; // of BeginAnew: Started is due, after this step
	using Sought = std::function<void(const core::SeekWitness &)>;

	// `nonce` is this boot's, which every HELLO carries.
	Executor(Parts parts, const core::Config &config, const core::BootNonce &nonce, RoleHooks hooks);

	void on_claimed(Claimed callback) { m_claimed = std::move(callback); }
	// Called right before addresses are claimed: whatever must be in place by then.
	void before_claims(BeforeClaim callback) { m_before_claim = std::move(callback); }
	void before_releases(BeforeRelease callback) { m_before_release = std::move(callback); }
	void on_released(Released callback) { m_released = std::move(callback); }
	// The successor has claimed: `let_go` is to be called a moment later.
	void on_lingering(Lingering callback) { m_linger = std::move(callback); }
	void on_noticed(Noticed callback) { m_noticed = std::move(callback); }
	void on_anew(Anew callback) { m_anew = std::move(callback); }
	void set_nonce(const core::BootNonce &nonce) { m_nonce = nonce; }
	void on_sought(Sought callback) { m_sought = std::move(callback); }

	// Appends to `answers` what the key agent found out.
	void carry_out(const core::Actions &actions, core::Time now, std::vector<core::KeyResult> &answers);

private:
	void run(const core::SendHello &action);
	void run(const core::AskRekey &action);
	void run(const core::SayBye &action);
	void run(const core::BeginAnew &action);
	[[nodiscard]] core::HakeBytes hello(core::LinkIndex link) const;
	void send_sealed(core::PeerSlot slot, core::LinkIndex link, const core::HakeBytes &bytes);
	void run(const core::StartPeerBeats &action);
	void run(const core::SetBeatContent &action);
	void run(const core::BecomePrimary &action, core::Time now);
	void run(const core::BecomeSecondary &action, core::Time now);
	void run(const core::SuspendClaim &action);
	void run(const core::ResumeClaim &action, core::Time now);
	void run(const core::SeekWitness &action);
	void run(const core::EndSilence &action);
	void run(const core::Reannounce &action, core::Time now);
	void claim(std::uint8_t vcluster, Takeover::Haste haste = Takeover::Haste::urgent,
		   core::Duration committed_in = {});
	void release(const core::BecomeSecondary &action, core::Time now);
	void primary_hook(std::uint8_t vcluster, core::Time now);
	void hook(const std::string &path, std::string role, std::uint8_t vcluster, std::uint32_t epoch,
		  const core::Decision &decision, core::Time now);

	Parts m_parts;
	core::Config m_config;
	RoleHooks m_hooks;
	core::BootNonce m_nonce;
	std::map<std::uint8_t, core::BecomePrimary> m_last_claims; // a re-announcement calls its hook again
	BeforeClaim m_before_claim;
	BeforeRelease m_before_release;
	Claimed m_claimed;
	Released m_released;
	Lingering m_linger;
	Noticed m_noticed;
	Sought m_sought;
	Anew m_anew;
};

} // namespace systole::control
