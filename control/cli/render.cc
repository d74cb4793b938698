// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/render.h"

#include "control/cli/fields.h"

#include <fmt/format.h>

namespace systole::control::cli {

namespace {

constexpr const char *history_time = "%Y-%m-%d %H:%M:%S";

// "uptime 130 s against 12 s": the two values that a rule compared.
std::string values_text(const std::string &rule, std::int64_t winner, std::int64_t other)
{
	if (rule == "uptime")
		return fmt::format("uptime {} s against {} s", winner, other);
	if (rule == "priority")
		return fmt::format("priority {} against {}", winner, other);
	if (rule == "failure-sum")
		return fmt::format("link-failure + pingsvr-failure {} against {}", winner, other);
	return {};
}

// A text of the daemon's as a whole number of lines.
std::string ended(std::string text)
{
	if (!text.empty() && text.back() != '\n')
		text += '\n';
	return text;
}

} // namespace

std::string render_event(const object &event)
{
	return fmt::format("<{}> {}\n", local_time(real(event, "unix"), history_time), text(event, "text"));
}

std::string render_history(const object &reply)
{
	std::string out =
		fmt::format("version={}\nHA state change time: {}\nmessage_count={}/{}\n", text(reply, "version"),
			    local_time(real(reply, "state_change_unix"), history_time), number(reply, "message_count"),
			    number(reply, "message_max"));
	each(list(reply, "entries"), [&](const object &entry) { out += render_event(entry); });
	return out;
}

std::string render_explanation(const object &reply)
{
	const std::int64_t vcluster = number(reply, "vcluster");
	const std::string primary = text(reply, "primary");
	const object &last = part(reply, "last_decision");
	std::string out;
	if (primary.empty())
		out += fmt::format("vcluster-{}: no primary is known\n", vcluster);
	else
		out += fmt::format("vcluster-{}: {} is the primary\n", vcluster, primary);
	if (const std::string reason = text(last, "reason"); !reason.empty()) {
		const std::string values =
			values_text(text(last, "rule"), number(last, "winner_value"), number(last, "runner_up_value"));
		out += fmt::format("Last decision: {}, rule {}: {} because {}{}\n",
				   local_time(real(last, "unix"), history_time), text(last, "rule"),
				   text(last, "winner", "this member"), reason,
				   values.empty() ? "" : " (" + values + ")");
	}
	std::string order;
	for (const boost::json::value &rule : list(reply, "order"))
		if (rule.is_string())
			order += fmt::format("{}{}", order.empty() ? "" : " > ", std::string_view(rule.get_string()));
	out += fmt::format("Order: {} (override is {}in force; uptime differences up to {} s do not count)\n", order,
			   flag(reply, "override_in_force") ? "" : "not ", number(reply, "uptime_margin_s"));
	out += "\n";
	out += fmt::format("{:<16}  {:<9}  {:>13}  {:>11}  {:>12}  {:>8}\n", "member", "role", "failover-flag",
			   "failure-sum", "uptime", "priority");
	each(list(reply, "candidates"), [&](const object &candidate) {
		out += fmt::format("{:<16}  {:<9}  {:>13}  {:>11}  {:>10.1f} s  {:>8}\n", text(candidate, "serial"),
				   text(candidate, "role"), flag(candidate, "failover_flag") ? "set" : "unset",
				   number(candidate, "failure_sum"), real(candidate, "age_s"),
				   number(candidate, "priority"));
	});
	out += "\nIf all of them chose freely now:\n";
	std::size_t place = 0;
	each(list(reply, "ranking"), [&](const object &entry) {
		++place;
		const std::string serial = text(entry, "serial");
		const std::string over = text(entry, "over");
		if (over.empty()) {
			out += fmt::format("{}. {}{}\n", place, serial,
					   place == 1 ? ", because it's the only member in the cluster" : "");
			return;
		}
		const std::string values =
			values_text(text(entry, "rule"), number(entry, "value"), number(entry, "over_value"));
		out += fmt::format("{}. {}, because {}{}\n", place, serial, text(entry, "reason"),
				   values.empty() ? "" : " (" + values + ")");
	});
	return out;
}

std::string render(View view, const object &reply)
{
	switch (view) {
	case View::status: return render_status(reply);
	case View::configuration: return ended(text(reply, "text"));
	case View::diagnosis: return render_diagnosis(reply);
	case View::dump: return render_dump(reply);
	case View::history: return render_history(reply);
	case View::explanation: return render_explanation(reply);
	case View::poll: return render_poll(reply);
	case View::failover_status: return "failover status: " + text(reply, "failover_status") + "\n";
	case View::events: return render_event(reply);
	case View::quiet: break;
	}
	return {};
}

} // namespace systole::control::cli
