// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Asks etcd who may be primary while the members cannot hear each other: one key a virtual cluster, <prefix>/vcluster-N/
// primary, bound to a lease of the member that holds it. When to ask what is decided by LeaseKeeper; this owns the
// thread, the connections and the clock.
//
//   control thread --want()--> witness thread: LeaseKeeper <-> etcd --report callback--> (posted to control by the owner)
//
// A report can arrive late: who acts on `holding` must look at `held_until` itself.
#pragma once

#include "control/core/types.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace systole::control {

struct WitnessSettings {
	std::vector<std::string> endpoints; // "http://10.0.0.5:2379": the members of one etcd cluster
	std::string key_prefix;             // "/systole/<group-name>-<group-id>", the same on all members of the group
	std::string serial;                 // of this member
	std::chrono::milliseconds ttl{10'000};    // rounded up to seconds; etcd 3.4 grants 2 s or more
	std::chrono::milliseconds timeout{1'000}; // of a request, at most; less with a short TTL
	std::string ca_file;                      // "": the machine's own store
	std::string certificate_file;             // of this member, with its key; both or none
	std::string key_file;
};

struct WitnessReport {
	std::uint8_t vcluster = 0;
	std::uint64_t wishes = 0; // calls of want() for it that this takes account of
	bool reachable = false;   // false: no endpoint answered in the last round
	bool holding = false;     // and only until:
	core::Time
		held_until{}; // CLOCK_MONOTONIC; etcd gives the key to nobody else before. Past when nothing was held
	std::string holder;   // serial in the key, "" if unknown or none
	std::string error;    // what stands in the way, "" if nothing

	friend bool operator==(const WitnessReport &, const WitnessReport &) = default;
};

struct WitnessStatus {
	struct Endpoint {
		std::string url;
		bool asked = false;
		bool reachable = false;
		std::string error;        // of the last request, "" if it was answered
		core::Duration latency{}; // of the last answer, connect included
	};
	struct Hold {
		std::uint8_t vcluster = 0;
		std::chrono::milliseconds remaining{};
	};
	std::vector<Endpoint> endpoints;
	std::chrono::seconds ttl_granted{}; // 0: no lease so far
	std::vector<Hold> held;
};

class Witness {
public:
	// On the witness thread, each time something in it changed; every renewal moves held_until.
	using Report = std::function<void(const WitnessReport &)>;

	Witness(WitnessSettings settings, Report report);
	// Ends the thread at once; what is still held stays with etcd until its lease ends. No report comes after.
	~Witness();
	Witness(const Witness &) = delete;
	Witness &operator=(const Witness &) = delete;

	// Checks the settings, reads the certificates, starts the thread. False: one line in `error`.
	[[nodiscard]] bool start(std::string &error);

	// Of a started witness, from any thread. The first call for a virtual cluster begins to report on it, wanted or not.
	// want(N, false) gives the key away at once: first stop acting as primary.
	void want(std::uint8_t vcluster, bool wanted);
	// Waits until all that is not wanted any more was given back, for a stop in good order. False: not in that time.
	[[nodiscard]] bool wait_released(std::chrono::milliseconds limit);

	[[nodiscard]] WitnessStatus status() const;

private:
	class Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::control
