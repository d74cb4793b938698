// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Three members that elect a primary, as control/core/vcluster_election.cc does it (docs/MODEL.md). This file says what may
// happen and in which order; node.pml says what a member then decides, properties.pml what must hold.
//
// Time is rounds of one dead interval. Within a round everything may happen in any order: words arrive, silence is
// noticed, timers that ran out are served, faults strike. A round ends (`tick`) only when every word has arrived and
// every silence and timer has been noticed. So the last words heard may be stale, by less than a dead interval.
#include "settings.pml"
#include "state.pml"
#include "node.pml"
#include "world.pml"
#include "properties.pml"

// An event: `when` says whether it can happen, `what` is one step of the world. MEMBERS and PAIRS offer it for each.
#define EVENT(when, what) :: d_step { c_expr { (when) } -> c_code { what; observe(); }; assert(broken == fine) }
#define MEMBERS(when, what) EVENT(when(0), what(0)) EVENT(when(1), what(1)) EVENT(when(2), what(2))
#define PAIRS(when, what) \
	EVENT(when(0, 1), what(0, 1)) EVENT(when(0, 2), what(0, 2)) EVENT(when(1, 0), what(1, 0)) \
	EVENT(when(1, 2), what(1, 2)) EVENT(when(2, 0), what(2, 0)) EVENT(when(2, 1), what(2, 1))

inline choose(value, highest)
{
	value = 0;
	do
	:: value < highest -> value++
	:: break
	od
}

init {
	atomic {
		choose(device_priority[0], PRIORITIES);
		choose(device_priority[1], PRIORITIES);
		choose(device_priority[2], PRIORITIES);
#ifdef TOP
		device_priority[TOP] = PRIORITIES + 1;
#endif
#ifdef EDGE
		member[1].words.age_origin = MARGIN + 1;
#else
		choose(member[0].words.age_origin, AGES);
		choose(member[1].words.age_origin, AGES);
#endif
		choose(member[2].words.age_origin, AGES);
#ifdef COLD
		c_code { boot_all(); observe(); }
#else
		if
		:: c_expr { (may_have_formed(0)) } -> c_code { form(0); observe(); }
		:: c_expr { (may_have_formed(1)) } -> c_code { form(1); observe(); }
		:: c_expr { (may_have_formed(2)) } -> c_code { form(2); observe(); }
		fi
#endif
	}
	do
	PAIRS(can_deliver, deliver)
	PAIRS(can_lose, lose)
	MEMBERS(can_wake, wake_up)
	EVENT(can_tick(), tick(no_member))
#ifdef EDGE
	EVENT(can_jitter(), jitter())
#endif
#ifdef DRIFT
	// A clock that is slow: this member does not count the round.
	EVENT(can_drift(0), tick(0))
	EVENT(can_drift(1), tick(1))
	EVENT(can_drift(2), tick(2))
#endif
#ifdef CRASH
	MEMBERS(can_crash, crash)
	MEMBERS(can_restart, restart)
#endif
#ifdef MONITOR
	MEMBERS(can_fail_monitor, fail_monitor)
#endif
#if defined MONITOR || defined ISOLATE
	MEMBERS(can_notice_monitor, notice_monitor)
	MEMBERS(can_recover_monitor, recover_monitor)
#endif
#ifdef PATH
	MEMBERS(can_probe, probe)
	MEMBERS(can_fail_path, fail_path)
	MEMBERS(can_recover_path, recover_path)
#endif
#ifdef CUT
	PAIRS(can_cut, cut_link)
	PAIRS(can_heal, heal_link)
#endif
#ifdef ISOLATE
#ifdef CHAIN
	PAIRS(can_sever, sever)
#endif
	MEMBERS(can_isolate, isolate)
	EVENT(can_heal_all(), heal_all())
#endif
#ifdef SPLIT
	MEMBERS(can_split, split)
	EVENT(can_heal_all(), heal_all())
#endif
#ifdef FLAG
	MEMBERS(can_set_failover, set_failover)
	MEMBERS(can_unset_failover, unset_failover)
#endif
#if ISOLATION == ISOLATION_WITNESS
	MEMBERS(can_acquire, acquire)
#ifdef WITNESS_CUT
	MEMBERS(can_cut_witness, cut_witness)
	MEMBERS(can_heal_witness, heal_witness)
#endif
#endif
	:: else -> assert(false) // time stands still: an error of the model
	od
}
