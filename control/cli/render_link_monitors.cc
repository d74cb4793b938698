// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys link-monitor status` as the product prints it. Lines of ours: "Last error" under a server that is losing
// probes, and the state "not probed" of a member that is not the primary.
#include "control/cli/fields.h"
#include "control/cli/render.h"

#include <fmt/format.h>

namespace systole::control::cli {

namespace {

constexpr const char *create_time = "%a %b %e %H:%M:%S %Y";

std::string state_text(const std::string &state)
{
	return state == "dead" ? "die" : state == "not-probed" ? "not probed" : state;
}

std::string spread_text(const object &spread)
{
	return fmt::format("{:.3f}/{:.3f}/{:.3f}", real(spread, "min"), real(spread, "max"), real(spread, "avg"));
}

std::string server_text(const object &monitor, const object &server)
{
	const std::string source = text(server, "source_ip", "0.0.0.0");
	const std::string address = text(server, "address");
	std::string out = fmt::format("  Peer: {}({})\n", text(server, "name"), address);
	if (!source.empty()) {
		const std::string gateway = text(server, "gateway");
		out += fmt::format("        Source IP({})\n        Route: {}->{}/{}, gwy({})\n", source, source,
				   address, number(server, "prefix_length"), gateway.empty() ? source : gateway);
	}
	out += fmt::format("        protocol: {}, state: {}\n", text(server, "protocol"),
			   state_text(text(server, "state")));
	const std::string deep(16, ' ');
	if (const object &latency = part(server, "latency_ms"); !latency.empty())
		out += deep + "Latency(Min/Max/Avg): " + spread_text(latency) + " ms\n" + deep +
		       "Jitter(Min/Max/Avg): " + spread_text(part(server, "jitter_ms")) + "\n";
	out += fmt::format("{}Packet lost: {:.3f}%\n", deep, real(server, "loss_percent"));
	out += fmt::format("{}Number of out-of-sequence packets: {}\n", deep, number(server, "out_of_sequence"));
	out += deep;
	if (text(server, "state") == "dead")
		out += fmt::format("Recovery times({}/{}) ", number(server, "recovery_times"),
				   number(monitor, "recoverytime"));
	out += fmt::format("Fail Times({}/{})\n", number(server, "fail_times"), number(monitor, "failtime"));
	out += fmt::format("{}Packet sent: {}, received: {}, Sequence(sent/rcvd/exp): {}/{}/{}\n", deep,
			   number(server, "sent"), number(server, "received"), number(server, "sequence_sent"),
			   number(server, "sequence_received"), number(server, "sequence_expected"));
	if (const std::string error = text(server, "last_error");
	    !error.empty() && (number(server, "fail_times") > 0 || text(server, "state") == "dead"))
		out += fmt::format("{}Last error: {}\n", deep, error);
	return out;
}

} // namespace

std::string render_link_monitors(const object &reply)
{
	std::string out;
	each(list(reply, "monitors"), [&](const object &monitor) {
		const std::string state = state_text(text(monitor, "state"));
		const array &servers = list(monitor, "servers");
		out += out.empty() ? "" : "\n";
		out += fmt::format("Link Monitor: {}, Status: {}, Server num({}), HA state: local({}), shared({})\n",
				   text(monitor, "name"), state, servers.size(), state,
				   state_text(text(monitor, "shared")));
		out += "Flags=0x1 init, Create time: " + local_time(real(monitor, "created_unix"), create_time) + "\n";
		out += fmt::format("Source interface: {} ({})\n", text(monitor, "source_interface"),
				   number(monitor, "device_index"));
		out += fmt::format("Interval: {} ms\n", number(monitor, "interval_ms"));
		each(servers, [&](const object &server) { out += server_text(monitor, server); });
	});
	return out.empty() ? "no link monitor is configured\n" : out;
}

} // namespace systole::control::cli
