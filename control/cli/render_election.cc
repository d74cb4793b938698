// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys ha explain` and `what-if`: who wins, by which rule, and which values were compared.
#include "control/cli/fields.h"
#include "control/cli/render.h"

#include <fmt/format.h>

namespace systole::control::cli {

namespace {

// "uptime 130 s against 12 s": the two values that a rule compared.
std::string values_text(const std::string &rule, std::int64_t winner, std::int64_t other)
{
	if (rule == "uptime")
		return fmt::format(" (uptime {} s against {} s)", winner, other);
	if (rule == "priority")
		return fmt::format(" (priority {} against {})", winner, other);
	if (rule == "failure-sum")
		return fmt::format(" (link-failure + pingsvr-failure {} against {})", winner, other);
	return {};
}

std::string decision_text(const object &decision)
{
	return text(decision, "reason") +
	       values_text(text(decision, "rule"), number(decision, "value"), number(decision, "over_value"));
}

// A member's value by a criterion.
std::string value_text(const std::string &rule, const boost::json::value *value)
{
	if (value == nullptr)
		return {};
	if (value->is_string())
		return std::string(std::string_view(value->get_string()));
	const object holder{{"value", *value}};
	if (!value->is_bool())
		return rule == "uptime" ? fmt::format("+{} s", number(holder, "value"))
					: std::to_string(number(holder, "value"));
	const bool on = value->get_bool();
	if (rule == "failover-flag")
		return on ? "set" : "unset";
	if (rule == "ssd")
		return on ? "failed" : "ok";
	return on ? "yes" : "no";
}

std::string order_text(const object &reply)
{
	std::string order;
	for (const boost::json::value &rule : list(reply, "order"))
		if (rule.is_string())
			order += fmt::format("{}{}", order.empty() ? "" : " > ", std::string_view(rule.get_string()));
	return fmt::format("Order: {}\nOverride is {}in force. Uptime differences up to {} s do not count.\n", order,
			   flag(reply, "override_in_force") ? "" : "not ", number(reply, "uptime_margin_s"));
}

std::string candidates_text(const object &reply)
{
	std::string out =
		fmt::format("{:<16}  {:<9}  {:>11}  {:>13}  {:>12}  {:>11}  {:>6}  {:>10}  {:>8}\n", "member", "role",
			    "maintenance", "failover-flag", "mem-failover", "failure-sum", "ssd", "uptime", "priority");
	each(list(reply, "candidates"), [&](const object &candidate) {
		const std::string state = text(candidate, "state");
		out += fmt::format("{:<16}  {:<9}  {:>11}  {:>13}  {:>12}  {:>11}  {:>6}  {:>10}  {:>8}{}{}{}\n",
				   text(candidate, "serial"), text(candidate, "role"),
				   flag(candidate, "maintenance") ? "yes" : "no",
				   flag(candidate, "failover_flag") ? "set" : "unset",
				   flag(candidate, "mem_failover") ? "yes" : "no", number(candidate, "failure_sum"),
				   flag(candidate, "ssd_failed") ? "failed" : "ok",
				   fmt::format("+{} s", number(candidate, "uptime_s")), number(candidate, "priority"),
				   state == "hello" ? "  (still in state hello)" : "",
				   flag(candidate, "waiting") ? "  (override-wait-time)" : "",
				   candidate.contains("ready") && !flag(candidate, "ready") ? "  (not ready)" : "");
	});
	return out;
}

// The value that all members show; empty if they differ.
std::string common_value(const std::string &rule, const array &members)
{
	std::string common;
	bool alike = true;
	each(members, [&](const object &member) {
		const std::string value = value_text(rule, field(member, "value"));
		alike = alike && (common.empty() || common == value);
		common = value;
	});
	return alike ? common : std::string{};
}

std::string criterion_text(std::size_t place, const object &criterion)
{
	const std::string rule = text(criterion, "rule");
	const array &members = list(criterion, "members");
	if (!flag(criterion, "asked"))
		return fmt::format("{}. {}: not asked, one member is left\n", place, rule);
	if (const std::string common = common_value(rule, members); !common.empty())
		return fmt::format("{}. {}: all alike, {}\n", place, rule, common);
	std::string out = fmt::format("{}. {}{}\n", place, rule, flag(criterion, "decided") ? ": decides" : "");
	each(members, [&](const object &member) {
		const std::string verdict = text(member, "verdict");
		const std::string why = text(member, "why");
		const std::string value = rule == "serial" ? std::string{} : value_text(rule, field(member, "value"));
		out += fmt::format("     {:<16}  {:>8}  {}{}\n", text(member, "serial"), value,
				   verdict == "out" ? "dropped before" : verdict,
				   why.empty() ? "" : (verdict == "dropped" ? ": " : ", ") + why);
	});
	return out;
}

} // namespace

std::string render_explanation(const object &reply)
{
	const std::int64_t vcluster = number(reply, "vcluster");
	const std::string primary = text(reply, "primary");
	std::string out = primary.empty() ? fmt::format("vcluster-{}: no primary is known\n", vcluster)
					  : fmt::format("vcluster-{}: {} is the primary\n", vcluster, primary);
	out += order_text(reply);
	out += "\n" + candidates_text(reply) + "\n";
	std::size_t place = 0;
	each(list(reply, "criteria"), [&](const object &criterion) { out += criterion_text(++place, criterion); });

	out += "\nIf all of them chose freely now:\n";
	place = 0;
	each(list(reply, "ranking"), [&](const object &entry) {
		++place;
		const std::string serial = text(entry, "serial");
		if (text(entry, "over").empty())
			out += fmt::format("{}. {}{}\n", place, serial,
					   place == 1 ? ", because it's the only member in the cluster" : "");
		else
			out += fmt::format("{}. {}, because {}\n", place, serial, decision_text(entry));
	});
	if (const std::string why = text(reply, "primary_stays"); !why.empty())
		out += fmt::format("{} is the primary all the same: {}.\n", primary, why);
	return out;
}

std::string render_what_if(const object &reply)
{
	const std::string primary = text(reply, "primary");
	const std::string before = text(reply, "primary_now");
	std::string out = fmt::format("vcluster-{}, if", number(reply, "vcluster"));
	bool first = true;
	for (const boost::json::value &change : list(reply, "changes"))
		if (change.is_string()) {
			out += fmt::format("{}{}", first ? " " : ", ", std::string_view(change.get_string()));
			first = false;
		}
	out += ":\n";
	if (primary.empty())
		return out + "  nobody would be left to be the primary.\n";
	if (text(reply, "rule") == "live-primary")
		out += fmt::format("  {} would stay the primary: {}.\n", primary, text(reply, "reason"));
	else
		out += fmt::format("  {} would be selected as the primary because {}.\n", primary,
				   decision_text(reply));
	if (!flag(reply, "role_moves"))
		out += "  The role would not move.\n";
	else if (before.empty())
		out += fmt::format("  The role would go to {}; nobody has it now.\n", primary);
	else
		out += fmt::format("  The role would move from {} to {}.\n", before, primary);
	for (const boost::json::value &note : list(reply, "notes"))
		if (note.is_string())
			out += fmt::format("  Note: {}.\n", std::string_view(note.get_string()));
	return out;
}

} // namespace systole::control::cli
