// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Replies as text, in the product's classic formats where they are known: an operator's eyes and scripts find what
// they are used to. Times are in the reader's time zone. Every text ends with a newline, or is empty.
#pragma once

#include "control/cli/command_tree.h"

#include <boost/json/object.hpp>

#include <string>

namespace systole::control::cli {

[[nodiscard]] std::string render(View view, const boost::json::object &reply);

[[nodiscard]] std::string render_status(const boost::json::object &reply);    // get system ha status
[[nodiscard]] std::string render_diagnosis(const boost::json::object &reply); // diagnose sys ha status
[[nodiscard]] std::string render_dump(const boost::json::object &reply);      // diagnose sys ha dump-by group|vcluster
[[nodiscard]] std::string render_history(const boost::json::object &reply);   // diagnose sys ha history read
[[nodiscard]] std::string render_explanation(const boost::json::object &reply);   // diagnose sys ha explain
[[nodiscard]] std::string render_what_if(const boost::json::object &reply);       // diagnose sys ha what-if
[[nodiscard]] std::string render_poll(const boost::json::object &reply);          // diagnose sys ha poll
[[nodiscard]] std::string render_link_monitors(const boost::json::object &reply); // diagnose sys link-monitor status
[[nodiscard]] std::string render_event(const boost::json::object &event);         // one line of events

} // namespace systole::control::cli
