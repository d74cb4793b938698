// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A session as the kernel's connection tracking writes it (ctnetlink, linux/netfilter/nfnetlink_conntrack.h), both ways.
//
// What the kernel wants of whom creates an entry is not what it shows: NAT is asked for by CTA_NAT_SRC and CTA_NAT_DST
// beside a reply tuple without NAT, and the kernel makes the true reply tuple of it. Of an entry that exists NAT and
// helper cannot be changed, and status bits can only be added.
#pragma once

#include "control/core/session/session_record.h"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>

namespace systole::control {

enum class ConntrackReading {
	whole,
	partial, // an event that leaves out state which has not changed: ask for the entry
	ended,   // only the key is told
	passed,  // a template, or an entry that is dying: no session
	unreadable
};

// One message of the ctnetlink subsystem, an event or an answer.
[[nodiscard]] ConntrackReading read_conntrack(const nlmsghdr &header, core::SessionRecord &record);

// No message below is longer.
inline constexpr std::size_t max_conntrack_message = 512;

enum class WithHelper : bool { no, yes };

// Each lays one message at `buffer` and gives back its length, padded; sequence number and further flags are the caller's.
// A new entry; EEXIST if there is one with either of the tuples. It takes packets in mid-stream: the window of TCP is not
// held against them, since nobody knows it here.
std::size_t write_create(char *buffer, const core::SessionRecord &record, std::uint32_t timeout_s, WithHelper helper);
// State of an entry that has the same NAT already. EBUSY if that would take a status bit from it.
std::size_t write_update(char *buffer, const core::SessionRecord &record, std::uint32_t timeout_s);
std::size_t write_timeout(char *buffer, const core::SessionKey &key, std::uint32_t timeout_s);
std::size_t write_remove(char *buffer, const core::SessionKey &key);
// Whoever holds this reply tuple.
std::size_t write_remove_reply(char *buffer, const core::SessionRecord &record);
std::size_t write_get(char *buffer, const core::SessionKey &key);
std::size_t write_dump(char *buffer); // of both families

} // namespace systole::control
