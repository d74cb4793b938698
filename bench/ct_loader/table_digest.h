// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a table holds of the loaded sessions, so that two namespaces can be compared: a digest that does not depend on the
// order of the entries, and which of the expected ones are missing or not as they were made.
#pragma once

#include "bench/ct_loader/load_session.h"

#include <cstdint>
#include <vector>

namespace systole::ct_loader {

class TableDigest {
public:
	// Sessions 0 to `expected` - 1 are looked for, made with NAT or without.
	TableDigest(std::uint32_t expected, bool nat) : m_nat(nat), m_seen(expected) {}

	void take(const Session &session);

	std::uint64_t sessions = 0; // loaded ones, whatever their number
	std::uint64_t others = 0;
	std::uint64_t wrong = 0; // NAT, mark, status or TCP state are not as they were made
	std::uint64_t low = 0;   // two sums of two hashes of tuples, NAT, mark, status and TCP state
	std::uint64_t high = 0;
	[[nodiscard]] std::uint64_t missing() const { return m_seen.size() - m_distinct; }

private:
	bool m_nat;
	std::vector<bool> m_seen;
	std::uint64_t m_distinct = 0;
};

} // namespace systole::ct_loader
