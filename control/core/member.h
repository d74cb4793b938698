// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Another member, as this one knows it: its links, what it last said, and that in our own clock.
#pragma once

#include "control/core/heartbeat.h"
#include "control/core/types.h"

#include <array>
#include <cstdint>

namespace systole::core {

// One link to one peer, as the worker judged it.
struct LinkView {
	LinkHealth health = LinkHealth::down;
	bool life = false;
	Time last_rx{};
	// The worker's last word. It does not know of a carrier that was taken for a loss.
	LinkHealth judged_health = LinkHealth::down;
	bool judged_life = false;
};

// Slot 0 of Node's table is unused: it stands for this member.
struct Member {
	MemberId id;          // empty: slot free
	std::size_t pair = 0; // its place in the handshake's table
	SessionId session = 0;
	SessionId generation = 0; // session that began the peer's present boot; 0: no beats go to it
	Suite suite = Suite::none;
	std::uint8_t link_bitmap = 0;
	bool alive = false;   // life on at least one link, and its words are known
	bool known = false;   // was alive since we started
	bool leaving = false; // it said goodbye: an orderly stop, nobody to wait for
	bool unheard = false; // not since we were away ourselves
	bool has_content = false;
	Time found_at{};
	Time lost_at{};
	std::uint32_t link_fails = 0;
	std::uint32_t lateness_us = 0;
	std::array<LinkView, max_links> links{};
	HeartbeatContent content;
	Time heard_at{};          // its last words: in our clock ...
	std::int64_t sent_ns = 0; // ... and in its own
};

using Members = std::array<Member, max_members>;

// nullptr: not known.
[[nodiscard]] const Member *find(const Members &members, const MemberId &id);

// What a member last said of a virtual cluster; nullptr: nothing yet. The index is a guess that is right when both
// have the same virtual clusters.
[[nodiscard]] const VclusterBeat *words_of(const Member &member, std::uint8_t vcluster);

// Moments the member named, in our clock. Authentic numbers may still be nonsense: ages are held to 0 .. 100 years.
[[nodiscard]] Time age_origin_of(const Member &member, const VclusterBeat &words);
// What was left of its flip timer when it spoke; negative: over.
[[nodiscard]] Duration flip_left_of(const Member &member, const VclusterBeat &words);

// By what we see of the links, or by what it says: one of the two may be a little old.
[[nodiscard]] bool hears(const Member &other, const MemberId &self);

} // namespace systole::core
