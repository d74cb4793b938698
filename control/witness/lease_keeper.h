// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When to ask etcd what, so that one virtual cluster of this member holds the witness key, and until when it holds it.
// Pure: step(now, event) gives the request to send, if any; the owner sends it, and calls again with the answer or at
// next_due(). One request is out at a time; an answer to an earlier one is ignored.
//
//   idle --wanted--> looking --key absent--> granting --> acquiring --created, or already ours--> holding
//    |                ^  | key of another: look again        |                                      |
//    '--look now      |  '--<--'                             | key of another                       | not wanted
//       and then      |                                      v                                      v
//                     '------------- gone <------------- releasing <--------------------------------'
//
// The key is bound to a lease of this process. "Ours" means: the key carries the number of our present lease, which
// etcd gives out once. What the key says (our serial) proves nothing:
//
// - The answer to the creation got lost: the creation is sent again with the same lease. Where the first one did
//   arrive, the second finds the key, and its lease number tells whose it is.
// - The key has our serial and another lease: it is of an earlier process of ours. That one may be frozen, not dead,
//   and believe after its thaw that it holds; rightly so until its held_until, which only the end of its lease bounds.
//   To take its key over would make two holders, so we wait for the expiry like everybody else.
//
// Held until when: etcd ends a lease no sooner than its TTL after it granted or renewed it, which is after we sent the
// request. So held_until = time just before sending + TTL - (TTL/1000 + 10 ms) for clocks that run apart, all on our
// CLOCK_MONOTONIC. A renewal counts only when it is confirmed: etcd's leader answers a keep-alive from memory, even one
// that was frozen and replaced meanwhile and does not know. A read that needs a majority follows; it must find the key
// with our lease, in the same raft term: then the leader of the keep-alive was still the leader after it. It also tells
// of a key that somebody deleted by hand.
//
// CLOCK_MONOTONIC stands still while a machine is suspended (CLOCK_BOOTTIME would not), and while a hypervisor pauses
// a guest (where no clock of the guest tells). After that held_until is late by the time slept: machines that use the
// witness must not be suspended, see docs/ISOLATION.md.
#pragma once

#include "control/core/types.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace systole::control {

using LeaseId = std::int64_t; // 0: none

// look: a read of the key that needs a majority. acquire: "create the key if it does not exist, else read it".
enum class Ask : std::uint8_t { look, grant, acquire, keep_alive, revoke };

struct LeaseRequest {
	std::uint64_t id = 0;
	Ask ask = Ask::look;
	std::size_t endpoint = 0; // index
	LeaseId lease = 0;
	std::chrono::seconds ttl{}; // of grant
	core::Duration timeout{};   // then it counts as failed
};

enum class LeaseOutcome : std::uint8_t {
	answered,
	lease_gone, // etcd does not know the lease any more
	failed,     // no answer, or one that makes no sense: it may still have been carried out
};

struct LeaseAnswer {
	std::uint64_t request = 0;
	LeaseOutcome outcome = LeaseOutcome::failed;
	std::string error{}; // of failed
	std::uint64_t cluster = 0;
	std::uint64_t term = 0;
	LeaseId lease = 0;          // grant: the new one; look, acquire: of the key
	std::chrono::seconds ttl{}; // grant, keep_alive
	bool created = false;       // acquire
	bool key_exists = false;    // look, acquire that did not create
	std::string holder{};       // what the key says
};

struct LeaseWanted {
	bool wanted = false;
};
struct LeaseTick {};
using LeaseEvent = std::variant<LeaseWanted, LeaseTick, LeaseAnswer>;

struct LeaseView {
	bool reachable = false; // false: not one endpoint answered in the last round
	bool holding = false;
	core::Time held_until{}; // a past time when nothing was held
	std::string holder{};    // serial in the key, "" if unknown or none
	std::string error{};     // what stands in the way, "" if nothing

	friend bool operator==(const LeaseView &, const LeaseView &) = default;
};

struct LeaseKeeperSettings {
	std::size_t endpoints = 1;
	std::string serial;
	std::chrono::seconds ttl{10};                         // etcd grants more if that is below its minimum
	core::Duration timeout = std::chrono::seconds{1};     // of a request, at most
	core::Duration look = std::chrono::milliseconds{100}; // wanted and held by another: how often
	core::Duration probe = std::chrono::seconds{5};       // not wanted: how often, the endpoints by turns
	std::uint64_t jitter_seed = 1;
};

class LeaseKeeper {
public:
	explicit LeaseKeeper(LeaseKeeperSettings settings)
	    : m_settings(std::move(settings)), m_random(m_settings.jitter_seed)
	{
	}

	[[nodiscard]] std::optional<LeaseRequest> step(core::Time now, const LeaseEvent &event);
	// When step() must be called with LeaseTick at the latest.
	[[nodiscard]] core::Time next_due() const;
	[[nodiscard]] LeaseView view(core::Time now) const;
	[[nodiscard]] std::chrono::seconds granted() const { return m_ttl; } // 0: no lease so far
	// Wants nothing and has nothing to give back.
	[[nodiscard]] bool at_rest() const { return m_state == State::idle; }

	// What clocks that run apart by 1000 ppm, and the rounding of both, may take from a TTL.
	[[nodiscard]] static constexpr core::Duration allowance(core::Duration ttl)
	{
		return ttl / 1000 + std::chrono::milliseconds{10};
	}

private:
	enum class State : std::uint8_t { idle, looking, granting, acquiring, holding, releasing };
	struct Flight {
		LeaseRequest request;
		core::Time sent{};
	};
	struct Renewal { // a keep-alive that waits for its confirmation
		core::Time sent{};
		std::chrono::seconds ttl{};
		std::uint64_t term = 0;
	};

	void want(bool wanted, core::Time now);
	void answer(const LeaseAnswer &answer, core::Time now);
	void look_answered(const LeaseAnswer &answer, core::Time now);
	void acquire_answered(const LeaseAnswer &answer, core::Time now);
	void confirm(const LeaseAnswer &answer, core::Time now);
	void failed(const std::string &error, core::Time now);
	void become_idle(core::Time now);
	void become_looking(core::Time when);
	void become_holding(core::Time now);
	void become_releasing(core::Time now);
	void lease_ended(core::Time now);
	void see_key(const LeaseAnswer &answer);
	[[nodiscard]] Ask next_ask() const;
	[[nodiscard]] LeaseRequest make_request(core::Time now);
	[[nodiscard]] core::Time deadline() const; // of the request that is out
	[[nodiscard]] core::Duration timeout() const;
	[[nodiscard]] core::Duration about(core::Duration duration); // 0.5 to 1.5 times that

	LeaseKeeperSettings m_settings;
	State m_state = State::idle;
	bool m_wanted = false;
	std::optional<Flight> m_flight;
	core::Time m_next{}; // nothing is asked before
	std::uint64_t m_last_id = 0;
	std::uint64_t m_random;

	std::size_t m_endpoint = 0; // the one that answered last
	std::size_t m_failures = 0; // in a row
	bool m_take_turns = false;  // of idle: the next look goes to another endpoint
	bool m_reachable = false;
	std::uint64_t m_cluster = 0; // the etcd cluster that answered first
	std::string m_error;         // of the last failure
	std::string m_obstacle;      // etcd answers, yet the key cannot be had
	std::string m_holder;

	LeaseId m_lease = 0;
	std::chrono::seconds m_ttl{};
	core::Time m_granted_from{}; // before the grant was sent
	core::Time m_held_until{};
	bool m_lapsed = false;  // held_until passed, the lease may be there still
	core::Time m_give_up{}; // of releasing
	std::optional<Renewal> m_renewal;
};

} // namespace systole::control
