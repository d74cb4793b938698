// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/scenario/scenario.h"

#include "tests/scenario/cluster.h"
#include "tests/scenario/trace.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace systole::scenario {

using namespace core;

namespace {

std::vector<std::string> split(const std::string &text, char separator)
{
	std::vector<std::string> parts;
	std::istringstream in(text);
	for (std::string part; std::getline(in, part, separator);)
		if (!part.empty())
			parts.push_back(part);
	return parts;
}

Duration duration_of(const std::string &text)
{
	std::size_t end = 0;
	const double value = std::stod(text, &end);
	const std::string unit = text.substr(end);
	const double unit_ns = unit == "ms" ? 1e6 : unit == "s" ? 1e9 : unit == "min" ? 60e9 : unit == "h" ? 3600e9 : 0;
	if (unit_ns == 0)
		throw std::runtime_error("'" + text + "' has no unit: s, ms, min or h");
	return Duration{static_cast<std::int64_t>(value * unit_ns)};
}

class Player {
public:
	[[nodiscard]] std::string run(const std::string &text)
	{
		std::istringstream in(text);
		int number = 0;
		for (std::string line; std::getline(in, line);) {
			++number;
			const std::vector<std::string> words = split(line, ' ');
			if (!line.empty() && (line[0] == ' ' || line[0] == '\t'))
				continue; // an effect: written anew
			if (words.empty() || words[0][0] == '#') {
				m_quiet +=
					line +
					"\n"; // effects come before the blank line or comment that follows their cause
				continue;
			}
			try {
				cause(words, line);
			} catch (const std::exception &error) {
				throw std::runtime_error("line " + std::to_string(number) + ": '" + line +
							 "': " + error.what());
			}
		}
		flush_quiet();
		return m_out;
	}

private:
	void cause(const std::vector<std::string> &words, const std::string &line)
	{
		if (words[0] == "group" || words[0] == "member") {
			for (std::size_t i = words[0] == "group" ? 1 : 2; i < words.size(); ++i)
				setting(words[0], words[i]);
			if (words[0] == "member")
				add_member(words.at(1));
		} else if (words[0] == "at") {
			pass_until(duration_of(words.at(1)));
			emit(line);
			act({words.begin() + 2, words.end()});
			return;
		} else if (words[0] == "until") {
			pass_until(duration_of(words.at(1)));
			emit(line);
			m_out += "    = " + describe_state(m_cluster) + "\n";
			return;
		} else {
			throw std::runtime_error("expected group, member, at or until");
		}
		emit(line);
	}

	void setting(const std::string &where, const std::string &word)
	{
		const std::size_t equals = word.find('=');
		const std::string name = word.substr(0, equals);
		const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
		Config &config = where == "group" ? m_group : m_next.config;
		const auto all = [&](const auto &change) {
			for (VclusterConfig &vcluster : config.vclusters)
				change(vcluster);
		};
		const auto small = [&] { return static_cast<std::uint8_t>(std::stoi(value)); };
		if (name == "interval")
			config.hb_interval = duration_of(value);
		else if (name == "lost")
			config.hb_lost_threshold = small();
		else if (name == "holddown")
			config.hello_holddown = duration_of(value);
		else if (name == "margin")
			config.uptime_margin = duration_of(value);
		else if (name == "links")
			config.link_count = small();
		else if (name == "expected")
			config.expected_members = small();
		else if (name == "monitor" && where == "group")
			m_names.monitors = split(value, ',');
		else if (name == "ping" && where == "group")
			link_monitors(value);
		else if (name == "threshold")
			all([&](VclusterConfig &v) { v.ping_threshold = small(); });
		else if (name == "flip")
			all([&](VclusterConfig &v) { v.flip_timeout = duration_of(value); });
		else if (name == "force-reset" && value == "off")
			all([](VclusterConfig &v) { v.force_reset = false; });
		else if (name == "hold")
			config.failover_hold = duration_of(value);
		else if (name == "sync-wait")
			config.session_sync_wait = duration_of(value);
		else if (name == "override-wait")
			all([&](VclusterConfig &v) { v.override_wait = duration_of(value); });
		else if (name == "memory" && where == "group")
			memory(duration_of(value));
		else if (name == "ssd-failover")
			config.ssd_failover = true;
		else if (name == "pickup")
			config.session_pickup = value != "off";
		else if (name == "isolation")
			isolation(value);
		else if (name == "vclusters" && where == "group")
			vclusters(small());
		else if (name == "show-links")
			m_names.show_links = true;
		else if (name == "serial")
			config.self = MemberId::from(value);
		else if (name == "priority") { // one for all virtual clusters, or one for each
			const auto each = split(value, ',');
			for (std::size_t i = 0; i < config.vclusters.size(); ++i)
				config.vclusters[i].priority =
					static_cast<std::uint8_t>(std::stoi(each.at(std::min(i, each.size() - 1))));
		} else if (name == "override")
			all([](VclusterConfig &v) { v.override_enabled = true; });
		else if (name == "password")
			m_next.password = value;
		else if (name == "policy" && value == "authentication")
			config.policy = policy_authentication;
		else
			throw std::runtime_error("unknown setting '" + word + "'");
		if (where == "group")
			m_next.config = m_group;
	}

	// ping=NAME:HA-PRIORITY,...
	void link_monitors(const std::string &list)
	{
		for (const std::string &one : split(list, ',')) {
			const auto parts = split(one, ':');
			m_names.link_monitors.push_back(parts.at(0));
			m_group.ping_priority.push_back(static_cast<std::uint8_t>(std::stoi(parts.at(1))));
		}
		for (VclusterConfig &vcluster : m_group.vclusters)
			vcluster.ping_monitors = (std::uint64_t{1} << m_group.ping_priority.size()) - 1;
	}
	void memory(Duration monitor_period)
	{
		m_group.memory.enabled = true;
		m_group.memory.monitor_period = monitor_period;
	}
	void isolation(const std::string &policy)
	{
		if (policy != "demote" && policy != "witness")
			throw std::runtime_error("isolation is demote or witness");
		m_group.isolation = policy == "demote" ? Isolation::demote : Isolation::witness;
		m_group.isolation_wait = m_group.hb_interval + m_group.dead_interval() * 3 / 2 +
					 std::chrono::milliseconds{100} +
					 (policy == "demote" ? Cluster::probe_delay : Duration::zero());
	}
	void vclusters(std::uint8_t count)
	{
		while (m_group.vclusters.size() < count) {
			m_group.vclusters.push_back(m_group.vclusters.back());
			++m_group.vclusters.back().id;
		}
	}

	void add_member(const std::string &name)
	{
		m_next.name = name;
		m_next.config.monitor_everywhere(static_cast<std::uint8_t>(m_names.monitors.size()));
		m_next.clock_offset = std::chrono::seconds{1000 * static_cast<std::int64_t>(m_cluster.size())};
		m_cluster.add(m_next);
		m_next = MemberSettings{};
		m_next.config = m_group;
	}

	[[nodiscard]] std::size_t member(const std::string &name) const
	{
		for (std::size_t i = 0; i < m_cluster.size(); ++i)
			if (m_cluster.settings(i).name == name)
				return i;
		throw std::runtime_error("no member '" + name + "'");
	}
	[[nodiscard]] std::uint8_t monitor(const std::string &name) const
	{
		const auto it = std::find(m_names.monitors.begin(), m_names.monitors.end(), name);
		if (it == m_names.monitors.end())
			throw std::runtime_error("no monitored interface '" + name + "'");
		return static_cast<std::uint8_t>(it - m_names.monitors.begin());
	}

	[[nodiscard]] std::uint8_t link_monitor(const std::string &name) const
	{
		const auto &names = m_names.link_monitors;
		const auto it = std::find(names.begin(), names.end(), name);
		if (it == names.end())
			throw std::runtime_error("no link monitor '" + name + "'");
		return static_cast<std::uint8_t>(it - names.begin());
	}

	void act(const std::vector<std::string> &words)
	{
		const std::string &verb = words.at(0);
		if (verb == "heal") {
			for_links([&](std::size_t a, std::size_t b, LinkIndex link) { m_cluster.heal(a, b, link); });
			return;
		}
		const std::size_t who = member(words.at(1));
		if (verb == "cut" || verb == "cut-one-way") {
			const std::size_t other = member(words.at(2));
			for_links([&](std::size_t a, std::size_t b, LinkIndex link) {
				const bool this_link = words.size() < 4 || words[3] == "hb" + std::to_string(link);
				const bool this_way =
					(a == who && b == other) || (verb == "cut" && a == other && b == who);
				if (this_link && this_way)
					m_cluster.cut(a, b, link);
			});
		} else if (verb == "start") {
			m_cluster.start(who);
		} else if (verb == "crash") {
			m_cluster.crash(who);
		} else if (verb == "stop") {
			m_cluster.stop(who);
		} else if (verb == "down" || verb == "up") {
			m_cluster.give(who, MonitorChanged{monitor(words.at(2)), verb == "up"});
		} else if (verb == "path-dead" ||
			   verb == "path-good") { // what the link monitor looks at, seen from there
			m_cluster.set_path(who, link_monitor(words.at(2)), verb == "path-good");
		} else if (verb == "witness-lost" || verb == "witness-back") {
			m_cluster.reach_witness(who, verb == "witness-back");
		} else if (verb == "set-failover" || verb == "unset-failover") {
			const int vcluster = words.size() > 2 ? std::stoi(words[2]) : 1;
			m_cluster.give(who, SetFailover{verb == "set-failover", static_cast<std::uint8_t>(vcluster)});
		} else if (verb == "switch") {
			m_cluster.give(who, SwitchRole{});
		} else if (verb == "sessions") {
			m_cluster.keep_up_sessions(who, words.at(2) != "behind");
		} else if (verb == "ready" || verb == "unready") {
			m_cluster.give(who, Readiness{verb == "ready"});
		} else if (verb == "maintenance") {
			m_cluster.give(who, SetMaintenance{words.at(2) == "on"});
		} else if (verb == "memory") { // percent in use
			m_cluster.give(who, MemorySample{static_cast<std::uint8_t>(std::stoi(words.at(2)))});
		} else if (verb == "ssd") {
			m_cluster.give(who, SsdChanged{words.at(2) == "failed"});
		} else if (verb == "priority") {
			m_cluster.give(who, SetPriority{static_cast<std::uint8_t>(std::stoi(words.at(2)))});
		} else if (verb == "override") {
			m_cluster.give(who, SetOverride{words.at(2) == "on"});
		} else if (verb == "reset-uptime") {
			m_cluster.give(who, ResetUptime{});
		} else {
			throw std::runtime_error("unknown event '" + verb + "'");
		}
	}

	template <typename Function> void for_links(const Function &function)
	{
		for (std::size_t a = 0; a < m_cluster.size(); ++a)
			for (std::size_t b = 0; b < m_cluster.size(); ++b)
				for (LinkIndex link = 0; a != b && link < m_group.link_count; ++link)
					function(a, b, link);
	}

	void pass_until(Duration at)
	{
		if (m_begin + at < m_cluster.now())
			throw std::runtime_error("time runs backwards");
		m_cluster.run_until(m_begin + at);
		write_effects();
	}

	// What has happened since the last cause belongs below it.
	void write_effects()
	{
		for (; m_shown < m_cluster.record().size(); ++m_shown) {
			const Record &entry = m_cluster.record()[m_shown];
			const auto text = describe(m_cluster, entry, m_names);
			if (!text)
				continue;
			std::array<char, 32> when{};
			std::snprintf(when.data(), when.size(), "%8.3f ",
				      std::chrono::duration<double>(entry.at - m_begin).count());
			m_out += "    " + std::string(when.data()) + *text + "\n";
		}
	}
	void emit(const std::string &line)
	{
		flush_quiet();
		m_out += line + "\n";
	}
	void flush_quiet()
	{
		m_out += m_quiet;
		m_quiet.clear();
	}

	Cluster m_cluster;
	Time m_begin = m_cluster.now();
	Config m_group;
	MemberSettings m_next;
	TraceNames m_names;
	std::size_t m_shown = 0;
	std::string m_out, m_quiet;
};

} // namespace

std::string play(const std::string &text)
{
	return Player().run(text);
}

} // namespace systole::scenario
