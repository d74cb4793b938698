// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Between the core and the witness: which leases it wants, and what is known about them. A member that does not use a witness
// has none of this.
#pragma once

#include "control/config/configuration.h"
#include "control/core/action.h"
#include "control/core/event.h"
#include "control/witness/witness.h"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace systole::control {

[[nodiscard]] WitnessSettings witness_settings(const Configuration &configuration);

class WitnessLink {
public:
	using Feed = std::function<void(const core::EventBody &)>; // on the control thread, never from within a call

	WitnessLink(boost::asio::io_context &io, const Configuration &configuration, Feed feed);

	// Starts the witness's thread. What stands in the way is logged and shown in the status: the core then holds the
	// witness for unreachable, and does what `witness-fallback` says.
	void start();
	void seek(const core::SeekWitness &wish);
	// Waits, but not long, until the leases are given back.
	void stop();
	// {"used":true,"error":"","ttl_granted_s":2,"endpoints":[{"url":..,"reachable":..,"error":..,"latency_us":..}],
	//  "vclusters":[{"id":1,"wanted":true,"reachable":true,"holding":true,"held_ms":1432,"holder":SERIAL,"error":""}]}
	[[nodiscard]] boost::json::object status() const;

private:
	struct Lease {
		bool wanted = false;
		std::uint64_t wishes = 0; // told to the witness
		WitnessReport report;
	};

	void take(const WitnessReport &report);
	void want(std::uint8_t vcluster, bool wanted);

	boost::asio::io_context &m_io;
	WitnessSettings m_settings;
	Feed m_feed;
	std::map<std::uint8_t, Lease> m_leases; // by virtual cluster
	std::unique_ptr<Witness> m_witness;     // null: not started
	std::string m_error;
};

} // namespace systole::control
