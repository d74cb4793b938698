// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/render.h"

#include "control/cli/fields.h"

#include <fmt/format.h>

#include <utility>

namespace systole::control::cli {

namespace {

constexpr const char *history_time = "%Y-%m-%d %H:%M:%S";

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
	std::string line = fmt::format("<{}> {}\n", local_time(real(event, "unix"), history_time), text(event, "text"));
	const object &steps = part(event, "steps");
	const char *separator = "    took ms: ";
	for (const auto &[key, name] :
	     {std::pair{"detect_us", "detect"}, std::pair{"elect_us", "elect"}, std::pair{"commit_us", "commit"},
	      std::pair{"arm_us", "arm"}, std::pair{"first_arp_us", "first ARP"}, std::pair{"total_us", "in all"}})
		if (steps.contains(key)) {
			line += fmt::format("{}{} {:.2f}", separator, name, real(steps, key) / 1000);
			separator = ", ";
		}
	return separator[0] == ' ' ? line : line + "\n";
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

namespace {

std::string failover_status_text(const object &reply)
{
	const array &vclusters = list(reply, "vclusters");
	if (vclusters.empty())
		return "failover status: " + text(reply, "failover_status") + "\n";
	std::string out;
	each(vclusters, [&](const object &vcluster) {
		out += fmt::format("vcluster-{}: failover status: {}\n", number(vcluster, "id"),
				   text(vcluster, "failover_status"));
	});
	return out;
}

} // namespace

std::string render(View view, const object &reply)
{
	switch (view) {
	case View::status: return render_status(reply);
	case View::configuration: return ended(text(reply, "text"));
	case View::diagnosis: return render_diagnosis(reply);
	case View::dump: return render_dump(reply);
	case View::history: return render_history(reply);
	case View::explanation: return render_explanation(reply);
	case View::what_if: return render_what_if(reply);
	case View::poll: return render_poll(reply);
	case View::link_monitors: return render_link_monitors(reply);
	case View::failover_status: return failover_status_text(reply);
	case View::words: return ended(text(reply, "text"));
	case View::events: return render_event(reply);
	case View::quiet: break;
	}
	return {};
}

} // namespace systole::control::cli
