// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a check may set with -D. Faults (CRASH, MONITOR, PATH, CUT, SPLIT, ISOLATE, CHAIN, FLAG, EDGE, DRIFT,
// WITNESS_CUT) are off unless named. COLD starts with three members that boot instead of a cluster that has formed.

#define no_member 3

#define ISOLATION_FGCP 0
#define ISOLATION_DEMOTE 1
#define ISOLATION_WITNESS 2
#ifndef ISOLATION
#define ISOLATION ISOLATION_FGCP
#endif

// A primary offers its role and goes on until it is claimed. Not where a lease decides: one must be without it first. And not
// towards members of an earlier version (NO_OFFERS).
#ifdef NO_OFFERS
#define HAS_OFFERS 0
#else
#define HAS_OFFERS (ISOLATION != ISOLATION_WITNESS)
#endif

// Members that enable override, a bit each.
#ifndef OVERRIDE
#define OVERRIDE 0
#endif
// Priorities are 0 .. PRIORITIES, origins of age at the start 0 .. AGES.
#ifndef PRIORITIES
#define PRIORITIES 1
#endif
#ifndef AGES
#define AGES 2
#endif
// TOP: this member has the highest priority. PRIMARY: this one is primary at the start. SPLIT_ONLY,
// CRASH_ONLY: this one is cut off, crashes.

// What was cut stays cut.
#ifndef NO_HEAL
#define NO_HEAL 0
#endif
// Faults that may strike in one run. What mends a fault is free.
#ifndef BUDGET
#define BUDGET 2
#endif
// ha-uptime-diff-margin in classes of age: 0 and 1 are within, 2 is beyond, and so "within" is not transitive.
#define MARGIN 1
// Rounds: claim_patience, hello-holddown (longer than any wait of isolation), flip timeout.
#define CLAIM_PATIENCE 2
#ifndef HELLO_HOLDDOWN
#define HELLO_HOLDDOWN 2
#endif
#define FLIP_TIMEOUT 3
// Rounds within which a failed monitor or ping server is noticed: 0 = before the next round.
#ifndef NOTICE
#define NOTICE 0
#endif
// Whole rounds a standby waits that lost the primary without hearing it yield.
#ifndef ISOLATION_WAIT
#define ISOLATION_WAIT 0
#endif
// The lease: what the witness grants, and how long its holder counts on it.
#define LEASE_GRANTED 4
#define LEASE_COUNTED 2
// Ends of rounds that two primaries may see while they hear each other: 3 where they may judge ages differently.
#ifndef RIVAL_ROUNDS
#define RIVAL_ROUNDS 1
#endif
#define EPOCHS 15
