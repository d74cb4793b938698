// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/what_if.h"

#include "control/core/what_if.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

namespace systole::control {

namespace {

using boost::json::array;
using boost::json::object;
using core::Change;
using core::ChangeKind;
using core::MemberId;
using Words = std::span<const std::string_view>;

constexpr std::string_view grammar =
	"changes are: link [SERIAL] PORT down|up, ping SERIAL dead|alive, member SERIAL lost, priority SERIAL N, "
	"override [SERIAL] enable|disable, failover SERIAL set|unset, maintenance SERIAL set|unset, uptime SERIAL "
	"reset";

class Reader {
public:
	Reader(const ApiBackend &backend, std::size_t place)
	    : m_configuration(backend.configuration()), m_node(backend.node()), m_place(place),
	      m_facts(core::facts_of(m_node, place)), m_now(backend.mono_now())
	{
	}
	// False: see problem().
	[[nodiscard]] bool read(Words words);
	[[nodiscard]] const NotUnderstood &problem() const { return m_problem; }
	[[nodiscard]] object json();

private:
	[[nodiscard]] std::size_t read_one(Words words);
	[[nodiscard]] std::size_t read_link(Words words);
	[[nodiscard]] std::size_t read_ping(Words words);
	[[nodiscard]] std::size_t read_override(Words words);
	[[nodiscard]] std::size_t read_priority(Words words);
	// KIND SERIAL on|off
	[[nodiscard]] std::size_t read_switch(Words words, std::string_view on, std::string_view off, ChangeKind kind);

	[[nodiscard]] bool find_member(std::string_view serial, MemberId &id);
	// 0, 1; -1: neither.
	[[nodiscard]] int choice(Words words, std::size_t at, std::string_view off, std::string_view on);
	std::size_t fail(std::string message, std::string hint = std::string(grammar));
	void say(Words words) { m_said.emplace_back(printable(fmt::format("{}", fmt::join(words, " ")))); }
	void note_isolation(const core::Outlook &outlook);
	void note(std::string text) { m_notes.emplace_back(std::move(text)); }

	const Configuration &m_configuration;
	const core::Node &m_node;
	std::size_t m_place;
	core::Facts m_facts;
	core::Time m_now;
	std::vector<Change> m_changes;
	std::set<std::pair<MemberId, std::string>> m_links; // each once
	array m_said;
	array m_notes;
	NotUnderstood m_problem;
};

std::size_t Reader::fail(std::string message, std::string hint)
{
	m_problem = {std::move(message), std::move(hint)};
	return 0;
}

bool Reader::find_member(std::string_view serial, MemberId &id)
{
	std::vector<std::string> there;
	for (const core::Supposed &member : m_facts.members) {
		id = member.candidate.id;
		if (id.view() == serial)
			return true;
		there.push_back(printable(id.view()));
	}
	fail(fmt::format("no member {} takes part in the election of vcluster-{}", printable(serial),
			 m_node.vcluster(m_place).id),
	     fmt::format("members are: {}", fmt::join(there, ", ")));
	return false;
}

int Reader::choice(Words words, std::size_t at, std::string_view off, std::string_view on)
{
	const std::string_view word = at < words.size() ? words[at] : std::string_view{};
	if (word == off || word == on)
		return word == on ? 1 : 0;
	const std::string before(printable(fmt::format("{}", fmt::join(words.first(std::min(at, words.size())), " "))));
	fail(word.empty()
		     ? fmt::format("'{}' is incomplete: expected {} or {}", before, on, off)
		     : fmt::format("unknown word {} after '{}': expected {} or {}", printable(word), before, on, off));
	return -1;
}

std::size_t Reader::read_link(Words words)
{
	const core::VclusterConfig &config = m_node.virtual_cluster(m_place).config();
	const bool of_another = words.size() > 2 && words[2] != "down" && words[2] != "up";
	MemberId id = m_node.config().self;
	if (of_another && !find_member(words[1], id))
		return 0;
	const std::size_t at = of_another ? 2 : 1;
	if (words.size() <= at)
		return fail("'link' is incomplete: expected PORT down or PORT up");

	const Configuration::Names names = m_configuration.ha.monitored_interfaces();
	std::vector<std::string_view> monitored;
	std::size_t index = names.size();
	for (std::size_t i = 0; i < names.size() && i < core::max_monitors; ++i)
		if ((config.monitors >> i & 1U) != 0) {
			monitored.push_back(names[i]);
			if (names[i] == words[at])
				index = i;
		}
	if (index == names.size())
		return fail(fmt::format("{} is not a monitored interface of vcluster-{}: it does not count",
					printable(words[at]), config.id),
			    monitored.empty() ? "no interface is monitored there: set monitor"
					      : fmt::format("monitored are: {}", fmt::join(monitored, ", ")));
	const int up = choice(words, at + 1, "down", "up");
	if (up < 0)
		return 0;
	if (!m_links.emplace(id, names[index]).second)
		return fail(fmt::format("{} is changed twice", names[index]), "name each interface once");

	if (id == m_node.config().self && m_node.monitor_up(index) == (up == 1))
		note(fmt::format("{} is {} already", names[index], up == 1 ? "up" : "down"));
	else
		m_changes.push_back({up == 1 ? ChangeKind::link_up : ChangeKind::link_down, id, 1});
	return at + 2;
}

std::size_t Reader::read_ping(Words words)
{
	const core::Vcluster &vcluster = m_node.virtual_cluster(m_place);
	const core::VclusterConfig &config = vcluster.config();
	MemberId id;
	if (words.size() < 2)
		return fail("'ping' is incomplete: expected SERIAL dead or SERIAL alive");
	if (!find_member(words[1], id))
		return 0;
	const int alive = choice(words, 2, "dead", "alive");
	if (alive < 0)
		return 0;
	if (config.ping_monitors == 0)
		return fail(fmt::format("no link monitor counts in vcluster-{}", config.id),
			    "name its srcintf in pingserver-monitor-interface");
	if (alive == 1) {
		m_changes.push_back({ChangeKind::ping_alive, id, 0});
		return 3;
	}
	unsigned sum = 0;
	for (std::size_t i = 0; i < m_node.config().ping_priority.size(); ++i)
		if ((config.ping_monitors >> i & 1U) != 0)
			sum += m_node.config().ping_priority[i];
	if (sum == 0 || sum < config.ping_threshold) {
		note(fmt::format(
			"dead link monitors of vcluster-{} add up to {}, less than pingserver-failover-threshold {}: "
			"they do not count",
			config.id, sum, config.ping_threshold));
		return 3;
	}
	if (id != m_facts.primary)
		note(fmt::format("{} is not the primary: it does not probe", printable(id.view())));
	else if (const core::Duration left = vcluster.flip_left(m_now); left > core::Duration::zero())
		note(fmt::format("the flip timer runs for {} s more: dead link monitors count when it has ended",
				 std::chrono::ceil<std::chrono::seconds>(left).count()));
	m_changes.push_back({ChangeKind::ping_dead, id, sum});
	return 3;
}

std::size_t Reader::read_override(Words words)
{
	const bool of_one = words.size() > 1 && words[1] != "enable" && words[1] != "disable";
	MemberId only;
	if (of_one && !find_member(words[1], only))
		return 0;
	const std::size_t at = of_one ? 2 : 1;
	const int enabled = choice(words, at, "disable", "enable");
	if (enabled < 0)
		return 0;
	for (const core::Supposed &member : m_facts.members)
		if (!of_one || member.candidate.id == only)
			m_changes.push_back({ChangeKind::override_enabled, member.candidate.id, enabled});
	return at + 1;
}

std::size_t Reader::read_priority(Words words)
{
	MemberId id;
	if (words.size() < 3)
		return fail("'priority' is incomplete: expected SERIAL N");
	if (!find_member(words[1], id))
		return 0;
	unsigned priority = 0;
	const auto end = words[2].data() + words[2].size();
	if (const auto read = std::from_chars(words[2].data(), end, priority);
	    read.ec != std::errc{} || read.ptr != end || priority > 255)
		return fail(fmt::format("{} is no priority", printable(words[2])), "a priority is 0 to 255");
	m_changes.push_back({ChangeKind::priority, id, priority});
	return 3;
}

std::size_t Reader::read_switch(Words words, std::string_view on, std::string_view off, ChangeKind kind)
{
	MemberId id;
	if (words.size() < 2)
		return fail(fmt::format("'{}' is incomplete: expected SERIAL {}", words[0], on));
	if (!find_member(words[1], id))
		return 0;
	const int set = choice(words, 2, off, on);
	if (set < 0)
		return 0;
	m_changes.push_back({kind, id, set});
	return 3;
}

// How many words it took; 0: not understood.
std::size_t Reader::read_one(Words words)
{
	const std::string_view kind = words[0];
	if (kind == "link")
		return read_link(words);
	if (kind == "ping")
		return read_ping(words);
	if (kind == "priority")
		return read_priority(words);
	if (kind == "override")
		return read_override(words);
	if (kind == "failover")
		return read_switch(words, "set", "unset", ChangeKind::failover_flag);
	if (kind == "maintenance")
		return read_switch(words, "set", "unset", ChangeKind::maintenance);
	if (kind == "member" || kind == "uptime") {
		const std::string_view verb = kind == "member" ? "lost" : "reset";
		return read_switch(words, verb, verb,
				   kind == "member" ? ChangeKind::member_lost : ChangeKind::uptime_reset);
	}
	return fail(fmt::format("unknown change '{}'", printable(kind)));
}

bool Reader::read(Words words)
{
	while (!words.empty()) {
		const std::size_t taken = read_one(words);
		if (taken == 0)
			return false;
		say(words.first(taken));
		words = words.subspan(taken);
	}
	return true;
}

boost::json::value serial_or_null(const MemberId &id)
{
	if (id.empty())
		return nullptr;
	return boost::json::string(printable(id.view()));
}

// An election names who comes first; whether that one may act on its own is decided by what it then finds.
void Reader::note_isolation(const core::Outlook &outlook)
{
	const bool somebody_lost = std::any_of(m_changes.begin(), m_changes.end(), [](const core::Change &change) {
		return change.kind == ChangeKind::member_lost;
	});
	if (!somebody_lost || outlook.primary.empty())
		return;
	const core::Config &config = m_node.config();
	if (config.isolation == core::Isolation::witness)
		note(fmt::format("isolation witness: {} acts once it holds the lease{}",
				 printable(outlook.primary.view()),
				 config.witness_fallback_act ? ", or if no endpoint of the witness answers" : ""));
	else if (config.isolation == core::Isolation::demote)
		note(fmt::format("isolation demote: alone, {} acts only with its monitored interfaces up and its ping "
				 "servers alive{}",
				 printable(outlook.primary.view()),
				 outlook.role_moves ? fmt::format(", and waits {} ms before it does",
								  config.isolation_wait / std::chrono::milliseconds{1})
						    : ""));
}

object Reader::json()
{
	const core::Outlook outlook = core::what_if(m_facts, m_changes);
	note_isolation(outlook);
	const core::Decision &decision = outlook.decision;
	object reply{{"vcluster", m_node.vcluster(m_place).id},
		     {"changes", m_said},
		     {"notes", m_notes},
		     {"primary_now", serial_or_null(m_facts.primary)},
		     {"primary", serial_or_null(outlook.primary)},
		     {"role_moves", outlook.role_moves},
		     {"rule", rule_name(decision.rule)},
		     {"reason", decision.rule == core::Rule::live_primary
					? "a joiner never displaces a live primary while override is disabled"
					: reason_phrase(decision)}};
	if (!decision.runner_up.empty()) {
		reply["over"] = printable(decision.runner_up.view());
		reply["value"] = decision.winner_value;
		reply["over_value"] = decision.runner_up_value;
	}
	return reply;
}

} // namespace

std::optional<std::size_t> place_of_vcluster(const core::Node &node, std::string_view number)
{
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		if (number == std::to_string(node.vcluster(place).id))
			return place;
	return std::nullopt;
}

NotUnderstood no_vcluster(const core::Node &node, std::string_view number)
{
	std::vector<unsigned> ids;
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		ids.push_back(node.vcluster(place).id);
	return {"there is no virtual cluster " + printable(number),
		fmt::format("this member has virtual cluster{} {}", ids.size() == 1 ? "" : "s", fmt::join(ids, ", "))};
}

std::variant<object, NotUnderstood> what_if(const ApiBackend &backend, Words words)
{
	std::size_t place = 0;
	if (words.size() >= 2 && words[0] == "vcluster") {
		const auto found = place_of_vcluster(backend.node(), words[1]);
		if (!found)
			return no_vcluster(backend.node(), words[1]);
		place = *found;
		words = words.subspan(2);
	}
	if (words.empty())
		return NotUnderstood{"what-if takes at least one change", std::string(grammar)};
	Reader reader(backend, place);
	if (!reader.read(words))
		return reader.problem();
	return reader.json();
}

} // namespace systole::control
