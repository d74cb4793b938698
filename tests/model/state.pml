// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a state of the model consists of. Names are those of control/core (VclusterBeat, VclusterState, Member).

#define hello 1
#define work 2
#define standby 3

// VclusterBeat and the reception matrix: what a member says in each beat.
typedef Words {
	unsigned state : 2;              // HaState
	unsigned epoch : 4;
	unsigned choice : 2;             // whom it holds for primary
	unsigned age_origin : 3;         // lower = older
	unsigned link_failure : 1;
	unsigned pingserver_failure : 1;
	unsigned failover_flag : 1;
	unsigned reset_count : 1;        // only whether it changed matters
	unsigned boot : 1;               // session: another boot has another one
	unsigned offering : 1;           // a primary that wants `choice` to claim, and holds on until it has
	unsigned hears : 3;              // reception matrix: members it holds for alive
	unsigned flip_epoch : 4;         // the claim that the timer protects
	unsigned flip_until : 2;         // rounds left
};

// What it does not say. Counters of rounds: 0 = not running.
typedef Node {
	Words words;
	unsigned successor : 2;
	unsigned declined : 2;
	unsigned orphan : 3;             // m_orphan_since
	unsigned rival : 2;              // m_rival_since
	unsigned looking : 2;            // m_hello_until
	unsigned lost : 3;               // since somebody was lost, until isolation_wait has passed
	unsigned failback_due : 1;       // the flip timer ran out in this round
	unsigned wake : 1;               // m_wake_at has come
	unsigned unnoticed : 2;          // rounds since the monitor failed, which it has not noticed
	unsigned known : 3;              // members met since boot
	unsigned lease : 2;              // rounds it may count on the lease
	unsigned claim : 4;              // the epoch of its own claim: HandOver::epoch
	unsigned offer : 2;              // rounds since it offered the role
	unsigned offer_by_ping : 1;      // why
	unsigned offer_at_expiry : 1;
	unsigned again : 1;              // a full election is due when that has come to an end
};

Node member[3];
Words heard[9]; // heard[3 * i + j]: what i last heard of j; all zero unless i holds j for alive

byte device_priority[3];
byte up = 7;       // bits: powered
byte cut[3];       // cut[i]: bits of the members whose words do not reach i
byte session[3];   // session[i]: bits of the members it shares keys with
byte path_bad;     // bits: the ping server does not answer it
byte monitor_bad;  // bits: a monitored interface is down
byte witness_cut;  // bits: does not reach the witness
byte lease_holder = no_member;
byte lease_left;
byte clock;        // class of age of whoever resets now
byte faults;       // that have struck
bool edge;         // who looks now sees a difference at the edge of the margin as beyond it
byte drifted;      // rounds a slow clock has missed

// For the properties.
byte broken;               // which one does not hold
bool settled;               // properties.pml
bool ranked;                // the primary is whom the full order names
bool primary_is[3];
bool deaf_rival;            // one primary hears another that does not hear it
byte incumbent = no_member; // the primary of a settled cluster that somebody is about to join
byte flip_guard;            // rounds before a ping failure may move the role again
