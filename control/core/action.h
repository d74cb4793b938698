// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the core wants done, in order, as values. The executor carries them out; the simulator plays them.
#pragma once

#include "control/core/election.h"
#include "control/core/fixed_vector.h"
#include "control/core/heartbeat.h"
#include "control/core/message.h"
#include "control/core/types.h"

#include <type_traits>
#include <variant>

namespace systole::core {

struct SendHello {}; // broadcast on every heartbeat port

// ---- key agent: one session per exchange; keys never pass through the core
struct BeginExchange { // as A: new X, scalar and SPI base; send KE1
	SessionId session = 0;
	MemberId peer;
	BootNonce peer_nonce{};
	LinkIndex link = 0;
	MacAddress destination{};
	PeerSlot slot = 0;              // sealed in the heartbeat SA of this peer; 0: in the clear
	std::uint32_t capabilities = 0; // what we offer
	std::uint8_t password_index = 0;
	bool continues = false;
	bool older_ticket = false; // by the resume key before the newest: the peer may not have got that one
};
struct ResendKe1 { // the same bytes again
	SessionId session = 0;
};
struct EvaluateKe1 { // as B: compute KE2 and the session's secrets; answer with KeyResult{ke1}
	SessionId session = 0;
	LinkIndex link = 0;
	MacAddress source{};
	Suite suite = Suite::none; // B's choice, none = no common protection
	HakeBytes ke1;
	PeerSlot slot = 0; // as in BeginExchange
	std::uint32_t capabilities = 0;
	bool continues = false;
};
struct SendKe2 { // the session's cached KE2, again if need be
	SessionId session = 0;
};
struct EvaluateKe2 { // as A; answer with KeyResult{ke2}
	SessionId session = 0;
	HakeBytes ke2;
};
struct SendKe3 {
	SessionId session = 0;
};
struct CheckKe3 { // as B; answer with KeyResult{ke3}
	SessionId session = 0;
	HakeBytes ke3;
};
struct InstallInboundKeys { // SAs towards us; slot 0 = candidate
	SessionId session = 0;
	PeerSlot slot = 0;
	std::uint8_t link_bitmap = 0;
	Suite suite = Suite::none;
};
struct BindCandidate { // a candidate proved itself: its packets count from now on
	SessionId session = 0;
	PeerSlot slot = 0;
};
struct InstallOutboundKeys {
	SessionId session = 0;
	PeerSlot slot = 0;
	std::uint8_t link_bitmap = 0;
	Suite suite = Suite::none;
};
struct AskRekey { // a sealed HELLO
	PeerSlot slot = 0;
};
struct SayBye { // sealed, to every peer that hears us: do not wait for our silence
	PeerSlot slot = 0;
	MemberId peer;
	BootNonce peer_nonce{};
};
struct KeepResumeKey { // of a session that was agreed on in the clear
	SessionId session = 0;
};
struct DropSession { // wipe keys, take both directions out of use
	SessionId session = 0;
};

// ---- worker
struct StartPeerBeats { // a new boot of the peer: numbers, echo and liveness start again
	PeerSlot slot = 0;
	SessionId generation = 0; // PeerLinkChanged of an earlier generation is of an earlier boot
	// Which of the pair has the higher serial, and so 169.254.0.1. Not the rank in the cluster: members may know
	// different others, and would then refuse each other's addresses.
	bool above_peer = false;
	std::uint8_t link_bitmap = 0;
	std::array<MacAddress, max_links> macs{};
};
struct StopPeerBeats {
	PeerSlot slot = 0;
};
struct SetPeerMac {
	PeerSlot slot = 0;
	LinkIndex link = 0;
	MacAddress mac{};
};
struct SetBeatContent { // the content is Node::beat() as it is after the step
	bool immediate = false;
};

// ---- takeover
struct BecomePrimary {
	std::uint8_t vcluster = 1;
	std::uint32_t epoch = 0;
	Decision decision;
	bool offered = false; // the predecessor forwards until it hears of this claim
};
struct BecomeSecondary {
	std::uint8_t vcluster = 1;
	std::uint32_t epoch = 0;
	Decision decision;
	bool succeeded = false; // the successor holds the addresses already: what is on its way to us may still pass
};
struct SuspendClaim { // we were away: hold on to nothing and announce nothing until ResumeClaim or BecomeSecondary
	std::uint8_t vcluster = 1;
};
struct ResumeClaim { // nobody took the role meanwhile: everything is ours as before, at the same epoch
	std::uint8_t vcluster = 1;
};
struct SeekWitness { // hold the lease of the virtual cluster, or give it away
	std::uint8_t vcluster = 1;
	bool wanted = false;
};
struct EndSilence {}; // beats may go out again
// Our state is that of an earlier moment (a restored snapshot): nothing of it may be used. A new nonce, and Started again.
struct BeginAnew {};
struct Reannounce { // still primary, but others claimed the addresses meanwhile: gratuitous ARP and hooks again
	std::uint8_t vcluster = 1;
	bool hooks = true; // false: our own predecessor has let go, as planned
};

// ---- record: history, events, log
enum class NoticeKind : std::uint8_t {
	started, // "hatalk started"
	stopped,
	peer_found,     // a member's beats count from now on
	peer_lost,      // no beats on any link for the dead interval
	peer_restarted, // same serial, new boot, while it counted as alive
	peer_link_up,   // one link of one peer
	peer_link_lost,
	peer_link_one_way,
	carrier, // heartbeat port link status; value 0/1
	monitor, // monitored interface link status; value 0/1; index in link
	role,    // from -> to; to work: peer, the primary whose loss led to it, if any; value: ns since that was judged
	wrong_password,
	unconfirmed, // asked us for a session and never proved that it knows the password
	policy_mismatch,
	duplicate_member,       // somebody else uses our serial
	cross_cabled,           // link of the sender in value, ours in link
	no_slot,                // more members than max_members
	peer_left,              // it said goodbye
	unknown_password_index, // value: the index a peer names
	rekeyed,                // new keys of a live session
	rekey_overdue,          // old keys have been in use for long beyond their time
	rolled_back,
	absent,    // we were away; told on our return, value: for how many ns
	reentered, // our silence is over; value 1: with the role we had
	uptime_reset,
	failover_flag,     // value 0/1
	override_in_force, // value 0/1
	maintenance,       // value 0/1
	ping_monitor,      // a link monitor that counts; value 0 dead, 1 alive; index in link
	ping_failure,      // what counts in the election now; value: the sum, 0 = cleared
	flip_started,      // value: for how many s
	flip_expired,
	mem_failover,    // value 0/1
	ssd,             // value 0/1: failed
	lease,           // value 0/1: held
	priority,        // value: the new one
	handed_over,     // to the peer, as planned; value: ns from the request to its claim
	not_handed_over, // the peer, if there was one, was to take over; value: a HandOverFailure
};
enum class HandOverFailure : std::uint8_t {
	none,
	nobody,     // there is no other member that could
	worse,      // the best of the others is worse off than this member
	sessions,   // the successor did not have them in time
	no_pickup,  // the successor cannot have them: session pickup is off there, or it is of an earlier version
	no_claim,   // the successor did not claim in time
	lost,       // the successor was lost
	superseded, // the role went another way meanwhile
};
struct Notice {
	NoticeKind kind = NoticeKind::started;
	Time at{};      // when it was judged
	Time last_rx{}; // peer_lost, peer_link_lost, role (of the peer it was lost with): last beat accepted
	MemberId peer;
	LinkIndex link = 0;
	std::uint8_t vcluster = 1;
	HaState from = HaState::hello;
	HaState to = HaState::hello;
	std::uint32_t epoch = 0;
	std::int64_t value = 0;
	Decision decision;
};

using Action = std::variant<SendHello, BeginExchange, ResendKe1, EvaluateKe1, SendKe2, EvaluateKe2, SendKe3, CheckKe3,
			    InstallInboundKeys, BindCandidate, InstallOutboundKeys, AskRekey, SayBye, KeepResumeKey,
			    DropSession, StartPeerBeats, StopPeerBeats, SetPeerMac, SetBeatContent, BecomePrimary,
			    BecomeSecondary, SuspendClaim, ResumeClaim, SeekWitness, EndSilence, BeginAnew, Reannounce,
			    Notice>;
static_assert(std::is_trivially_copyable_v<Action>);

// One step's actions, in the order in which they must happen. The bound is generous: see Node::step.
using Actions = FixedVector<Action, 512>;

} // namespace systole::core
