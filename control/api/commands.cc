// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/commands.h"

#include "control/api/cluster_view.h"
#include "control/api/dump.h"
#include "control/api/explanation.h"
#include "control/api/link_monitor_status.h"
#include "control/api/poll_core.h"
#include "control/api/role_switch.h"
#include "control/api/status.h"
#include "control/api/what_if.h"
#include "control/config/show.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace systole::control {

namespace {

using boost::json::object;
using Words = std::vector<std::string_view>;
using Arguments = std::span<const std::string_view>;

ApiReply reply(object body)
{
	return {.kind = ApiReply::Kind::object, .body = std::move(body)};
}

ApiReply refuse(std::string_view code, std::string_view message, std::string_view hint)
{
	return reply(api_error(code, message, hint));
}

ApiReply done()
{
	return reply({{"result", "ok"}});
}

// The text form is for people, so it is asked for by name.
ApiReply show(ApiBackend &backend, Arguments arguments, std::string_view section, ShowForm form)
{
	if (!arguments.empty() && arguments[0] == "--text")
		return reply({{"text", show_configuration(backend.configuration(), section, form).value_or("")}});
	return reply(configuration_json(backend.configuration(), section, form).value_or(object{}));
}

ApiReply read_history(ApiBackend &backend, Arguments)
{
	boost::json::array newest_first;
	const auto &entries = backend.history().entries();
	newest_first.reserve(entries.size());
	for (auto it = entries.rbegin(); it != entries.rend(); ++it)
		newest_first.push_back(*it);
	return reply({{"version", "1.1"},
		      {"state_change_unix", view_cluster(backend).unix_of(backend.node().vcluster().changed_at)},
		      {"message_count", entries.size()},
		      {"message_max", History::max_entries},
		      {"entries", std::move(newest_first)}});
}

ApiReply refuse(const NotUnderstood &problem)
{
	return refuse("bad-argument", problem.message, problem.hint);
}

// The virtual clusters that a command is about: the one that is named, or all of them. Empty: there is none such.
std::vector<std::size_t> places(const ApiBackend &backend, Arguments arguments)
{
	if (!arguments.empty()) {
		const auto place = place_of_vcluster(backend.node(), arguments[0]);
		return place ? std::vector{*place} : std::vector<std::size_t>{};
	}
	std::vector<std::size_t> all(backend.node().vcluster_count());
	std::iota(all.begin(), all.end(), std::size_t{0});
	return all;
}

ApiReply set_failover(ApiBackend &backend, Arguments arguments, bool set)
{
	const auto asked = places(backend, arguments);
	if (asked.empty())
		return refuse(no_vcluster(backend.node(), arguments[0]));
	for (const std::size_t place : asked)
		backend.command(core::SetFailover{set, backend.node().vcluster(place).id});
	return done();
}

ApiReply switch_role(ApiBackend &backend, Arguments arguments)
{
	auto asked = places(backend, arguments);
	return asked.empty() ? refuse(no_vcluster(backend.node(), arguments[0]))
			     : switch_roles(backend, std::move(asked));
}

ApiReply failover_status(ApiBackend &backend, Arguments arguments)
{
	const auto asked = places(backend, arguments);
	if (asked.empty())
		return refuse(no_vcluster(backend.node(), arguments[0]));
	const auto word = [&](std::size_t place) {
		return backend.node().vcluster(place).failover_flag ? "set" : "unset";
	};
	object body{{"failover_status", word(asked.front())}};
	if (asked.size() > 1) {
		boost::json::array list;
		for (const std::size_t place : asked)
			list.push_back(
				object{{"id", backend.node().vcluster(place).id}, {"failover_status", word(place)}});
		body["vclusters"] = std::move(list);
	}
	return reply(std::move(body));
}

// Said of whatever is set by a command: it is no configuration.
constexpr std::string_view until_the_next_start =
	"This lasts until systoled starts again; it is not in the configuration.";

ApiReply done_until_start()
{
	return reply({{"result", "ok"}, {"text", until_the_next_start}});
}

ApiReply set_maintenance(ApiBackend &backend, bool set)
{
	backend.command(core::SetMaintenance{set});
	return done_until_start();
}

ApiReply maintenance_status(ApiBackend &backend, Arguments)
{
	const std::string_view word = backend.node().maintenance() ? "enable" : "disable";
	return reply({{"maintenance", word}, {"text", "maintenance: " + std::string(word)}});
}

ApiReply set_ssd(ApiBackend &backend, bool failed)
{
	backend.command(core::SsdChanged{failed});
	object body = done_until_start().body;
	if (!backend.node().config().ssd_failover)
		body["text"] = std::string(until_the_next_start) +
			       "\nIt does not count in the election: ssd-failover is disabled.";
	return reply(std::move(body));
}

ApiReply ssd_status(ApiBackend &backend, Arguments)
{
	const std::string_view word = backend.node().ssd_failed() ? "failed" : "ok";
	const bool counts = backend.node().config().ssd_failover;
	return reply({{"ssd", word},
		      {"counts", counts},
		      {"text",
		       "ssd: " + std::string(word) + (counts ? "" : " (does not count: ssd-failover is disabled)")}});
}

ApiReply set_priority(ApiBackend &backend, Arguments arguments)
{
	unsigned priority = 0;
	const auto end = arguments[0].data() + arguments[0].size();
	if (const auto read = std::from_chars(arguments[0].data(), end, priority);
	    read.ec != std::errc{} || read.ptr != end || priority > 255)
		return refuse("bad-argument", printable(arguments[0]) + " is no priority", "a priority is 0 to 255");
	const auto asked = places(backend, arguments.subspan(1));
	if (asked.empty())
		return refuse(no_vcluster(backend.node(), arguments[1]));
	for (const std::size_t place : asked)
		backend.command(
			core::SetPriority{static_cast<std::uint8_t>(priority), backend.node().vcluster(place).id});
	return done_until_start();
}

ApiReply set_override(ApiBackend &backend, Arguments arguments, bool enabled)
{
	const auto asked = places(backend, arguments);
	if (asked.empty())
		return refuse(no_vcluster(backend.node(), arguments[0]));
	for (const std::size_t place : asked)
		backend.command(core::SetOverride{enabled, backend.node().vcluster(place).id});
	return done_until_start();
}

ApiReply explain(ApiBackend &backend, Arguments arguments)
{
	const auto asked = places(backend, arguments);
	if (asked.empty())
		return refuse(no_vcluster(backend.node(), arguments[0]));
	return reply(ha_explanation(backend, asked.front()));
}

ApiReply suppose(ApiBackend &backend, Arguments arguments)
{
	auto answer = what_if(backend, arguments);
	if (const auto *problem = std::get_if<NotUnderstood>(&answer))
		return refuse(*problem);
	return reply(std::get<object>(std::move(answer)));
}

ApiReply reset_uptime(ApiBackend &backend, Arguments)
{
	backend.command(core::ResetUptime{});
	return done();
}

// [INDEX]
ApiReply rekey(ApiBackend &backend, Arguments arguments)
{
	std::optional<std::uint8_t> index;
	if (!arguments.empty()) {
		unsigned number = 256;
		const std::string_view word = arguments[0];
		const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
		if (read.ec != std::errc{} || read.ptr != word.data() + word.size() || number > 255)
			return refuse("bad-argument", printable(word) + " is no password-index",
				      "rekey takes nothing, or the index of a password, 0 to 255");
		index = static_cast<std::uint8_t>(number);
	}
	std::string error;
	if (!backend.rekey(index, error))
		return refuse("busy", error, "execute ha rekey");
	return reply(
		{{"result", "ok"},
		 {"text", "The passwords are read again, and new keys are agreed on with every member: events tells "
			  "with whom."}});
}

ApiReply set_debug(ApiBackend &backend, Arguments arguments)
{
	std::string error;
	if (!backend.set_debug(arguments[0], arguments[1], error))
		return refuse("bad-argument", printable(error), "for example: diagnose debug app hatalk -1");
	return done();
}

ApiReply events(ApiBackend &, Arguments arguments)
{
	if (!arguments.empty() && arguments[0] != "--follow")
		return refuse("bad-argument", "events takes nothing or --follow, not " + printable(arguments[0]),
			      "events --follow");
	return {arguments.empty() ? ApiReply::Kind::events : ApiReply::Kind::follow, {}};
}

constexpr std::size_t any_number = SIZE_MAX;

struct Request {
	std::string_view words;
	std::size_t least_arguments;
	std::size_t most_arguments;
	ApiReply (*run)(ApiBackend &, Arguments);
	Access needs = Access::change; // Access::read is said of those that change nothing
};

constexpr std::array<Request, 30> requests{{
	{"get system ha status", 0, 0, [](ApiBackend &b, Arguments) { return reply(ha_status(b)); }, Access::read},
	{"show system ha", 0, 1, [](ApiBackend &b, Arguments a) { return show(b, a, "system ha", ShowForm::changed); },
	 Access::read},
	{"show full-configuration system ha", 0, 1,
	 [](ApiBackend &b, Arguments a) { return show(b, a, "system ha", ShowForm::full); }, Access::read},
	{"show system session-filter", 0, 1,
	 [](ApiBackend &b, Arguments a) { return show(b, a, "system session-filter", ShowForm::changed); },
	 Access::read},
	{"show full-configuration system session-filter", 0, 1,
	 [](ApiBackend &b, Arguments a) { return show(b, a, "system session-filter", ShowForm::full); }, Access::read},
	{"diagnose sys ha status", 0, 0, [](ApiBackend &b, Arguments) { return reply(ha_diagnosis(b)); }, Access::read},
	{"diagnose sys ha dump-by group", 0, 0, [](ApiBackend &b, Arguments) { return reply(dump_group(b)); },
	 Access::read},
	{"diagnose sys ha dump-by vcluster", 0, 0, [](ApiBackend &b, Arguments) { return reply(dump_vclusters(b)); },
	 Access::read},
	{"diagnose sys ha history read", 0, 0, read_history, Access::read},
	{"diagnose sys ha reset-uptime", 0, 0, reset_uptime},
	{"diagnose sys ha explain", 0, 1, explain, Access::read},
	{"diagnose sys ha what-if", 1, any_number, suppose, Access::read},
	{"diagnose sys ha poll", 0, 0, [](ApiBackend &b, Arguments) { return reply(poll_status(b)); }, Access::read},
	{"diagnose sys link-monitor status", 0, 0,
	 [](ApiBackend &b, Arguments) { return reply(link_monitors_status(b)); }, Access::read},
	{"diagnose debug app", 2, 2, set_debug},
	{"execute ha failover set", 0, 1, [](ApiBackend &b, Arguments a) { return set_failover(b, a, true); }},
	{"execute ha failover unset", 0, 1, [](ApiBackend &b, Arguments a) { return set_failover(b, a, false); }},
	{"execute ha failover switch", 0, 1, switch_role},
	{"execute ha failover status", 0, 1, failover_status, Access::read},
	{"execute ha maintenance enable", 0, 0, [](ApiBackend &b, Arguments) { return set_maintenance(b, true); }},
	{"execute ha maintenance disable", 0, 0, [](ApiBackend &b, Arguments) { return set_maintenance(b, false); }},
	{"execute ha maintenance status", 0, 0, maintenance_status, Access::read},
	{"execute ha ssd fail", 0, 0, [](ApiBackend &b, Arguments) { return set_ssd(b, true); }},
	{"execute ha ssd ok", 0, 0, [](ApiBackend &b, Arguments) { return set_ssd(b, false); }},
	{"execute ha ssd status", 0, 0, ssd_status, Access::read},
	{"execute ha priority", 1, 2, set_priority},
	{"execute ha override enable", 0, 1, [](ApiBackend &b, Arguments a) { return set_override(b, a, true); }},
	{"execute ha override disable", 0, 1, [](ApiBackend &b, Arguments a) { return set_override(b, a, false); }},
	{"execute ha rekey", 0, 1, rekey},
	{"events", 0, 1, events, Access::read},
}};

// Commands of the product that this version does not have. Named, so that nobody takes them for typing errors.
constexpr std::array<std::string_view, 4> not_available{
	"diagnose sys ha checksum",
	"execute ha synchronize",
	"execute ha manage",
	"diagnose test app harelay",
};

std::string how_many(const Request &request)
{
	if (request.most_arguments == any_number)
		return "at least " + std::to_string(request.least_arguments);
	const std::string most = std::to_string(request.most_arguments);
	if (request.least_arguments == request.most_arguments)
		return most;
	return (request.least_arguments == 0 ? "up to " : std::to_string(request.least_arguments) + " to ") + most;
}

Words split(std::string_view line)
{
	Words words;
	while (true) {
		const std::size_t begin = line.find_first_not_of(" \t\r");
		if (begin == std::string_view::npos)
			return words;
		const std::size_t end = line.find_first_of(" \t\r", begin);
		words.push_back(line.substr(begin, end - begin));
		if (end == std::string_view::npos)
			return words;
		line.remove_prefix(end);
	}
}

// How many of `words` the request's own words are; 0 if they are others.
std::size_t match(std::string_view request, const Words &words)
{
	const Words wanted = split(request);
	if (words.size() < wanted.size())
		return 0;
	for (std::size_t i = 0; i < wanted.size(); ++i)
		if (words[i] != wanted[i])
			return 0;
	return wanted.size();
}

} // namespace

object api_error(std::string_view code, std::string_view message, std::string_view hint)
{
	return {{"error", object{{"code", code}, {"message", message}, {"hint", hint}}}};
}

ApiReply answer(ApiBackend &backend, std::string_view line, Access access)
{
	const Words words = split(line);
	for (const Request &request : requests) {
		const std::size_t matched = match(request.words, words);
		if (matched == 0)
			continue;
		if (request.needs == Access::change && access != Access::change) {
			ApiReply refusal =
				refuse("not-permitted",
				       "'" + std::string(request.words) + "' changes something; you may only read",
				       "ask root or a member of the write group (systoled --write-group)");
			refusal.denied = true;
			return refusal;
		}
		const Arguments arguments(words.begin() + static_cast<std::ptrdiff_t>(matched), words.end());
		if (arguments.size() < request.least_arguments || arguments.size() > request.most_arguments)
			return refuse("bad-argument",
				      "'" + std::string(request.words) + "' takes " + how_many(request) +
					      " argument(s), got " + std::to_string(arguments.size()),
				      "systolectl '" + std::string(request.words) + " ?' tells which");
		return request.run(backend, arguments);
	}
	for (const std::string_view name : not_available)
		if (match(name, words) != 0)
			return refuse("not-available", "'" + std::string(name) + "' is not available in this version",
				      "systolectl ? lists what this version has");
	return refuse("unknown-command", "unknown request '" + printable(line.substr(0, 80)) + "'",
		      "send full words, one request a line, for example: get system ha status");
}

} // namespace systole::control
