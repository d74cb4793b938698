// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A session, or an expectation, as the kernel's connection tracking writes it (ctnetlink, linux/netfilter/nfnetlink_conntrack.h), both ways.
//
// What the kernel wants of whom creates an entry is not what it shows: NAT is asked for by CTA_NAT_SRC and CTA_NAT_DST
// beside a reply tuple without NAT, and the kernel makes the true reply tuple of it. Of an entry that exists NAT and
// helper cannot be changed, and status bits can only be added. An expectation can only be made and given another timeout.
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
	passed,  // a template, an entry that is dying: no session; an expectation that cannot be told
	unreadable
};

// One message of the ctnetlink subsystem, an event or an answer.
[[nodiscard]] ConntrackReading read_conntrack(const nlmsghdr &header, core::SessionRecord &record);

// One message about expectations, an event or an answer. Those of helpers that build on what only they know (H.323, PPTP,
// helpers in user space) cannot be told. The kernel does not say the zone: it is read as none.
[[nodiscard]] ConntrackReading read_expectation(const nlmsghdr &header, core::SessionRecord &record);
[[nodiscard]] bool is_about_expectations(const nlmsghdr &header);

// No message below is longer.
inline constexpr std::size_t max_conntrack_message = 512;

enum class WithHelper : bool { no, yes };

// Each lays one message at `buffer` and gives back its length, padded; sequence number and further flags are the caller's.
// A new entry; EEXIST if there is one with either of the tuples. It takes packets in mid-stream: the window of TCP is not
// held against them, since nobody knows it here.
std::size_t write_create(char *buffer, const core::SessionRecord &record, std::uint32_t timeout_s, WithHelper helper);
// State of an entry that has the same NAT already. EBUSY if that would take a status bit from it. With its helper, which must
// be the one it has (EOPNOTSUPP: it has none), the helper takes the byte stream up wherever it finds it.
std::size_t write_update(char *buffer, const core::SessionRecord &record, std::uint32_t timeout_s, WithHelper helper);
std::size_t write_timeout(char *buffer, const core::SessionKey &key, std::uint32_t timeout_s);
std::size_t write_remove(char *buffer, const core::SessionKey &key); // a session or an expectation
// Whoever holds this reply tuple.
std::size_t write_remove_reply(char *buffer, const core::SessionRecord &record);
std::size_t write_get(char *buffer, const core::SessionKey &key);
std::size_t write_dump(char *buffer); // of both families

// The master must be there (ENOENT), and have its helper. Without `create` there must be such an expectation, and all that
// counts is the timeout; one that is made gets the timeout its helper gives it, whatever is said here.
enum class Create : bool { no, yes };
std::size_t write_expectation(char *buffer, const core::SessionRecord &record, std::uint32_t timeout_s, Create create);
std::size_t write_expectation_dump(char *buffer);

} // namespace systole::control
