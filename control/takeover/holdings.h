// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What this member holds of the cluster's addresses, in memory that systoled shares with its keeper: the keeper takes it
// away when systoled cannot do so itself any more.
//
//             arm()
//   nothing --------> held -----------------> taking -----------------> taken
//      ^               |  disarm()   (keeper)           (keeper)          |
//      '---------------'                                                  |  arm(), disarm(): once the keeper is done
//      '------------------------------------------------------------------'
//
// One writer of each field: the worker of its sign of life, control of what is held, the keeper of what it has done.
// There are two lists, because virtual clusters come and go while others stay held: control writes the one that is not
// current and then makes it current; the keeper asks which one is current when it has begun to take.
#pragma once

#include "control/core/types.h"
#include "control/netlink/ip_prefix.h"
#include "control/vital_signs.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <type_traits>
#include <vector>

namespace systole::control {

enum class Hold : std::uint32_t { nothing, held, taking, taken };

struct HeldAddress {
	int link = 0; // index of the macvlan
	IpPrefix prefix;
};

struct HoldingsList {
	static constexpr std::size_t room = 1024;

	std::uint32_t count = 0;
	bool overflow = false; // more is held than there is room for: all macvlans must go instead
	std::array<HeldAddress, room> held{};

	[[nodiscard]] std::span<const HeldAddress> addresses() const { return std::span(held).first(count); }
};

struct HoldingsPage {
	VitalSigns signs;
	std::atomic<std::int64_t> armed_ns{0}; // of the last arm()
	std::atomic<Hold> hold{Hold::nothing};
	std::atomic<bool> finished{false};     // systoled ends in good order: nothing is left to do
	std::atomic<std::uint32_t> current{0}; // of the lists
	std::array<HoldingsList, 2> lists;

	[[nodiscard]] const HoldingsList &list() const { return lists[current.load()]; }
};
static_assert(std::is_trivially_copyable_v<HeldAddress>);
static_assert(std::atomic<Hold>::is_always_lock_free);

// A memfd of the size of the page, zeroed; -1 with errno.
[[nodiscard]] int make_holdings_memory();
// Maps it; null with errno. Lives until the process ends.
[[nodiscard]] HoldingsPage *map_holdings(int fd, bool fresh);

// Control's side: what each virtual cluster holds, and all of it on the page. Without a page nobody looks at it.
class Holdings {
public:
	void use(HoldingsPage *page) { m_page = page; }
	// Before the kernel is asked for them, so that there is no moment at which nobody would take them away.
	void arm(std::uint8_t vcluster, std::vector<HeldAddress> addresses, core::Time now);
	void disarm(std::uint8_t vcluster);

private:
	void publish();
	void settle();

	HoldingsPage *m_page = nullptr;
	std::map<std::uint8_t, std::vector<HeldAddress>> m_held; // by virtual cluster
};

} // namespace systole::control
