// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Everything that can happen to a member, as values. `now` rides in front: the core has no clock of its own.
#pragma once

#include "control/core/heartbeat.h"
#include "control/core/message.h"
#include "control/core/types.h"

#include <type_traits>
#include <variant>

namespace systole::core {

// The daemon has started. `nonce` and `seed` are fresh random bytes of this boot.
struct Started {
	BootNonce nonce{};
	std::uint64_t seed = 0; // spreads retry timers; no secret
	std::array<std::uint8_t, 16> config_checksum{};
	Hostname hostname;
	FixedVector<MacAddress, max_links> macs;       // own heartbeat ports, in link order
	FixedVector<MemberId, max_members> acquainted; // with whom we have a resume key, newest first
};
struct Tick {}; // next_deadline() has come

// A clear frame: nothing in it is believed before a tag proves it. Or a message out of a heartbeat SA: the peer's word.
struct HakeReceived {
	LinkIndex link = 0;
	MacAddress source{};
	HakeBytes message;
	PeerSlot slot = 0;     // 0: clear
	SessionId session = 0; // sealed: of the SA it came in on
	bool ticketed =
		false; // clear: its ticket proves the resume key of an earlier session; it may still be a replay
};

// The key agent's answer to an Evaluate... or Check... action.
enum class KeyStep : std::uint8_t { ke1, ke2, ke3 };
enum class KeyOutcome : std::uint8_t {
	ok,
	confirm_bad, // tag wrong: another password, or forged
	point,       // share does not decode, or identity
	failed,      // no memory, no such session
};
struct KeyResult {
	SessionId session = 0;
	KeyStep step = KeyStep::ke1;
	KeyOutcome outcome = KeyOutcome::ok;
};
struct SessionConfirmed { // first good ESP packet on a session's inbound SA
	SessionId session = 0;
};
struct SessionWorn { // one of its outbound SAs has used half of its sequence numbers
	SessionId session = 0;
};
struct PasswordsChanged {                     // which the key agent knows now
	FixedVector<std::uint8_t, 2> indexes; // the one to begin exchanges with first
};
struct Rekey {}; // execute ha rekey: new keys with everybody

struct BeatReceived {
	PeerSlot slot = 0;
	LinkIndex link = 0;
	SessionId session = 0;
	LinkHealth heard = LinkHealth::up; // one_way: life, but it does not hear us; down: no proof of when it was sent
	bool since_return = true;          // sent after our last absence ended
	std::int64_t sent_ns = 0;          // sender's clock
	std::uint32_t lateness_us = 0;
	HeartbeatContent content;
	Time arrived_at{}; // when the worker took it in
};
struct PeerLinkChanged { // the worker's judgement
	PeerSlot slot = 0;
	SessionId generation = 0; // of the StartPeerBeats it was judged under
	LinkIndex link = 0;
	LinkHealth health = LinkHealth::down;
	bool life = false; // health one_way alone does not say: beats that prove nothing may come for ever
	Time last_rx{};
	Time judged_at{}; // the worker's moment; the step that takes it in comes a little later
};
struct PeerRolledBack { // a peer echoed what we have not sent: our own state was set back
	PeerSlot slot = 0;
	SessionId generation = 0; // as above
};

// We were away ourselves (stopped, frozen, control hung) for longer than the dead interval: others may have taken us for
// dead. Nothing is said or claimed from here on ...
struct Absent {};
// ... until the worker, which listens again since `at`, has heard those who were alive, or a dead interval has passed.
struct Returned {
	Time at{};
	Duration gap{};
};

struct MonitorChanged { // a monitored data interface, index in `set monitor`
	std::uint8_t index = 0;
	bool up = false;
};
struct CarrierChanged { // a heartbeat port
	LinkIndex link = 0;
	bool up = false;
};

// A link monitor that counts, index in Config::ping_priority. Only a primary probes; its monitors begin alive.
struct PingMonitorChanged {
	std::uint8_t index = 0;
	bool alive = true;
};
struct MemorySample { // every MemoryFailover::sample_interval
	std::uint8_t used_percent = 0;
};
struct SsdChanged { // execute ha ssd
	bool failed = false;
};
// What the lease's keeper knows: whether we hold it, and until when that is certain in our own clock.
struct WitnessChanged {
	std::uint8_t vcluster = 1;
	bool reachable = false;
	Time held_until{}; // not held: Time{}
};

struct SetFailover { // execute ha failover set / unset
	bool set = false;
	std::uint8_t vcluster = 1;
};
struct SwitchRole { // execute ha failover switch: to the best of the others, or nothing happens
	std::uint8_t vcluster = 1;
};
// With session pickup, of the hand-over of that number (HandOver::number) of the first virtual cluster: its successor has
// every session that we knew of when it was named; or, after the change, nothing is left to tell (or nobody to tell it to).
struct SessionsTold {
	std::uint32_t number = 0;
	bool rest = false;
};
// Whether a takeover by this member would lose something: sessions it does not know yet, say. Unasked, it would not. Told
// while there is a primary: what changes while one is chosen could only delay that.
struct Readiness {
	bool ready = true;
};
struct SetMaintenance { // execute ha maintenance: every virtual cluster leaves this member
	bool set = false;
};
struct SetPriority { // of this member, until the next start; vcluster 0: all
	std::uint8_t priority = 128;
	std::uint8_t vcluster = 0;
};
struct SetOverride {
	bool enabled = false;
	std::uint8_t vcluster = 0;
};
struct ResetUptime {}; // diagnose sys ha reset-uptime
struct Stopping {};    // orderly exit: a primary gives the role away first

using EventBody =
	std::variant<Started, Tick, HakeReceived, KeyResult, SessionConfirmed, SessionWorn, PasswordsChanged, Rekey,
		     BeatReceived, PeerLinkChanged, PeerRolledBack, Absent, Returned, MonitorChanged, CarrierChanged,
		     PingMonitorChanged, MemorySample, SsdChanged, WitnessChanged, SetFailover, SwitchRole,
		     SessionsTold, Readiness, SetMaintenance, SetPriority, SetOverride, ResetUptime, Stopping>;
struct Event {
	Time now{};
	EventBody body;
};
static_assert(std::is_trivially_copyable_v<Event>);

} // namespace systole::core
