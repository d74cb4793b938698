// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/commands.h"

#include "control/api/cluster_view.h"
#include "control/api/dump.h"
#include "control/api/poll_core.h"
#include "control/api/status.h"
#include "control/config/show.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <array>
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
	return {ApiReply::Kind::object, std::move(body)};
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
ApiReply show(ApiBackend &backend, Arguments arguments, ShowForm form)
{
	constexpr std::string_view section = "system ha";
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

bool known_vcluster(const ApiBackend &backend, Arguments arguments)
{
	return arguments.empty() || arguments[0] == std::to_string(backend.node().vcluster().id);
}

ApiReply no_vcluster(std::string_view wanted)
{
	return refuse("bad-argument", "there is no virtual cluster " + printable(wanted),
		      "this cluster has virtual cluster 1 only");
}

ApiReply set_failover(ApiBackend &backend, Arguments arguments, bool set)
{
	if (!known_vcluster(backend, arguments))
		return no_vcluster(arguments[0]);
	backend.command(core::SetFailover{set});
	return done();
}

ApiReply failover_status(ApiBackend &backend, Arguments arguments)
{
	if (!known_vcluster(backend, arguments))
		return no_vcluster(arguments[0]);
	return reply({{"failover_status", backend.node().vcluster().failover_flag ? "set" : "unset"}});
}

ApiReply reset_uptime(ApiBackend &backend, Arguments)
{
	backend.command(core::ResetUptime{});
	return done();
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

struct Request {
	std::string_view words;
	std::size_t least_arguments;
	std::size_t most_arguments;
	ApiReply (*run)(ApiBackend &, Arguments);
};

constexpr std::array<Request, 15> requests{{
	{"get system ha status", 0, 0, [](ApiBackend &b, Arguments) { return reply(ha_status(b)); }},
	{"show system ha", 0, 1, [](ApiBackend &b, Arguments a) { return show(b, a, ShowForm::changed); }},
	{"show full-configuration system ha", 0, 1,
	 [](ApiBackend &b, Arguments a) { return show(b, a, ShowForm::full); }},
	{"diagnose sys ha status", 0, 0, [](ApiBackend &b, Arguments) { return reply(ha_diagnosis(b)); }},
	{"diagnose sys ha dump-by group", 0, 0, [](ApiBackend &b, Arguments) { return reply(dump_group(b)); }},
	{"diagnose sys ha dump-by vcluster", 0, 0, [](ApiBackend &b, Arguments) { return reply(dump_vclusters(b)); }},
	{"diagnose sys ha history read", 0, 0, read_history},
	{"diagnose sys ha reset-uptime", 0, 0, reset_uptime},
	{"diagnose sys ha explain", 0, 0, [](ApiBackend &b, Arguments) { return reply(ha_explanation(b)); }},
	{"diagnose sys ha poll", 0, 0, [](ApiBackend &b, Arguments) { return reply(poll_status(b)); }},
	{"diagnose debug app", 2, 2, set_debug},
	{"execute ha failover set", 0, 1, [](ApiBackend &b, Arguments a) { return set_failover(b, a, true); }},
	{"execute ha failover unset", 0, 1, [](ApiBackend &b, Arguments a) { return set_failover(b, a, false); }},
	{"execute ha failover status", 0, 1, failover_status},
	{"events", 0, 1, events},
}};

// Commands of the product that this version does not have. Named, so that nobody takes them for typing errors.
constexpr std::array<std::string_view, 6> not_available{
	"diagnose sys ha checksum", "diagnose sys ha what-if", "diagnose sys link-monitor",
	"execute ha synchronize",   "execute ha manage",       "diagnose test app harelay",
};

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

ApiReply answer(ApiBackend &backend, std::string_view line)
{
	const Words words = split(line);
	for (const Request &request : requests) {
		const std::size_t matched = match(request.words, words);
		if (matched == 0)
			continue;
		const Arguments arguments(words.begin() + static_cast<std::ptrdiff_t>(matched), words.end());
		if (arguments.size() < request.least_arguments || arguments.size() > request.most_arguments)
			return refuse("bad-argument",
				      "'" + std::string(request.words) + "' takes " +
					      (request.least_arguments == request.most_arguments ? "" : "up to ") +
					      std::to_string(request.most_arguments) + " argument(s), got " +
					      std::to_string(arguments.size()),
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
