// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the core noticed, as the operator reads it: a line in the product's own phrases where one is published (and in
// clear words of ours where none is), and the JSON object that `events` and `history read` give.
#pragma once

#include "control/core/action.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

// What a Notice says by number.
struct NoticeNames {
	std::string member;                       // own serial
	std::vector<std::string> hbdevs;          // in the order of `set hbdev`
	std::vector<std::string> monitors;        // in the order of Configuration::Ha::monitored_interfaces()
	std::vector<std::string> link_monitors{}; // in the order of Configuration::counting_link_monitors()
};

// When a Notice was judged, in the three clocks a reader may want.
struct NoticeTime {
	std::int64_t mono_ns = 0; // CLOCK_MONOTONIC
	double unix_s = 0;
	std::string boot_id; // tells one boot's mono_ns from another's
};

[[nodiscard]] std::string_view state_name(core::HaState state); // hello, work, standby
[[nodiscard]] std::string_view role_name(core::HaState state);  // hello, primary, secondary
[[nodiscard]] std::string_view rule_name(core::Rule rule);
[[nodiscard]] std::string_view suite_name(core::Suite suite);
[[nodiscard]] std::string_view health_name(core::LinkHealth health); // up, one-way, down
[[nodiscard]] std::string_view event_name(core::NoticeKind kind);

// Names come from the network too, some before anything is proven: what is not printable ASCII becomes '?', so that
// no log line, terminal or JSON reader sees anything else.
[[nodiscard]] std::string printable(std::string_view text);

// Why the winner won: "its uptime is larger than peer member Y". Empty for Rule::none.
[[nodiscard]] std::string reason_phrase(const core::Decision &decision);
// Why a role has not gone over as planned.
[[nodiscard]] std::string failure_phrase(core::HandOverFailure failure, std::string_view successor);
// "vcluster-1: X is selected as the primary because ..."; empty when nothing was decided.
[[nodiscard]] std::string selection_text(const core::Decision &decision, std::uint8_t vcluster);

[[nodiscard]] std::string notice_text(const core::Notice &notice, const NoticeNames &names);
[[nodiscard]] boost::json::object notice_json(const core::Notice &notice, const NoticeNames &names,
					      const NoticeTime &time);

} // namespace systole::control
