// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/trace.h"

namespace systole::sim {

const char *name_of(core::HaState state)
{
	switch (state) {
	case core::HaState::hello: return "hello";
	case core::HaState::work: return "work";
	case core::HaState::standby: return "standby";
	}
	return "?";
}

const char *name_of(core::Rule rule)
{
	switch (rule) {
	case core::Rule::none: return "none";
	case core::Rule::only_member: return "only-member";
	case core::Rule::failover_flag: return "failover-flag";
	case core::Rule::failure_sum: return "failure-sum";
	case core::Rule::uptime: return "uptime";
	case core::Rule::priority: return "priority";
	case core::Rule::serial: return "serial";
	case core::Rule::live_primary: return "live-primary";
	case core::Rule::stopping: return "stopping";
	case core::Rule::handed_over: return "handed over";
	case core::Rule::readiness: return "readiness";
	case core::Rule::tie_break: return "tie-break";
	case core::Rule::maintenance: return "maintenance";
	case core::Rule::mem_failover: return "mem-failover";
	case core::Rule::ssd: return "ssd";
	case core::Rule::isolated: return "isolated";
	}
	return "?";
}

const char *name_of(core::NoticeKind kind)
{
	using enum core::NoticeKind;
	switch (kind) {
	case started: return "started";
	case stopped: return "stopped";
	case peer_found: return "peer-found";
	case peer_lost: return "peer-lost";
	case peer_restarted: return "peer-restarted";
	case peer_link_up: return "link-up";
	case peer_link_lost: return "link-lost";
	case peer_link_one_way: return "link-one-way";
	case carrier: return "carrier";
	case monitor: return "monitor";
	case role: return "role";
	case wrong_password: return "wrong-password";
	case unconfirmed: return "unconfirmed";
	case policy_mismatch: return "policy-mismatch";
	case duplicate_member: return "duplicate-member";
	case cross_cabled: return "cross-cabled";
	case no_slot: return "no-slot";
	case peer_left: return "peer-left";
	case unknown_password_index: return "unknown-password-index";
	case rekeyed: return "rekeyed";
	case rekey_overdue: return "rekey-overdue";
	case rolled_back: return "rolled-back";
	case absent: return "absent";
	case reentered: return "reentered";
	case uptime_reset: return "uptime-reset";
	case failover_flag: return "failover-flag";
	case override_in_force: return "override";
	case maintenance: return "maintenance";
	case ping_monitor: return "ping-monitor";
	case ping_failure: return "ping-failure";
	case flip_started: return "flip-started";
	case flip_expired: return "flip-expired";
	case mem_failover: return "mem-failover";
	case ssd: return "ssd";
	case lease: return "lease";
	case priority: return "priority";
	case handed_over: return "handed-over";
	case not_handed_over: return "not-handed-over";
	}
	return "?";
}

} // namespace systole::sim
