// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/role_switch.h"

#include "control/notice_text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace systole::control {

namespace {

using boost::json::object;
using Stage = core::HandOver::Stage;

struct Wanted {
	std::size_t place;
	std::uint32_t number; // of the hand-over
};

const core::HandOver &plan_of(const ApiBackend &backend, const Wanted &wanted)
{
	return backend.node().vcluster(wanted.place).hand_over;
}

bool ended(const ApiBackend &backend, const Wanted &wanted)
{
	const core::HandOver &plan = plan_of(backend, wanted);
	return plan.number != wanted.number || (!plan.under_way() && plan.stage != Stage::let_go);
}

bool good(const ApiBackend &backend, const Wanted &wanted)
{
	const core::HandOver &plan = plan_of(backend, wanted);
	return plan.number == wanted.number && plan.stage == Stage::done;
}

std::string why_not(const ApiBackend &backend, const Wanted &wanted)
{
	const core::HandOver &plan = plan_of(backend, wanted);
	const auto failure = plan.number == wanted.number ? plan.failure : core::HandOverFailure::superseded;
	return fmt::format("vcluster-{}: {}", backend.node().vcluster(wanted.place).id,
			   failure_phrase(failure, printable(plan.successor.view())));
}

object outcome(const ApiBackend &backend, const std::vector<Wanted> &asked)
{
	if (const auto bad =
		    std::find_if(asked.begin(), asked.end(), [&](const Wanted &w) { return !good(backend, w); });
	    bad != asked.end())
		return api_error(
			"not-switched", "this member keeps the role: " + why_not(backend, *bad),
			"diagnose sys ha explain shows how the members stand; diagnose sys ha history read, what "
			"happened");
	boost::json::array list;
	std::string text;
	for (const Wanted &wanted : asked) {
		const core::HandOver &plan = plan_of(backend, wanted);
		const std::uint8_t id = backend.node().vcluster(wanted.place).id;
		const std::string successor = printable(plan.successor.view());
		const bool overlaps = plan.offered_at != core::Time{};
		const core::Duration took = plan.ended_at - plan.begun_at;
		const core::Duration waited = overlaps ? plan.offered_at - plan.begun_at : core::Duration::zero();
		text += fmt::format("{}vcluster-{}: {} is primary after {:.1f} ms{}", text.empty() ? "" : "\n", id,
				    successor, std::chrono::duration<double, std::milli>(took).count(),
				    overlaps ? "; this member forwarded until then"
					     : "; the lease was given up first, so nobody forwarded for a moment");
		list.push_back(object{{"id", id},
				      {"primary", successor},
				      {"switch_us", core::microseconds(took)},
				      {"barrier_us", core::microseconds(waited)},
				      {"make_before_break", overlaps}});
	}
	text += "\nThe failover flag is set here and keeps the role away; execute ha failover unset takes it back.";
	return {{"result", "ok"}, {"vclusters", std::move(list)}, {"text", text}};
}

} // namespace

ApiReply switch_roles(ApiBackend &backend, std::vector<std::size_t> places)
{
	const core::Node &node = backend.node();
	std::erase_if(places, [&](std::size_t place) { return !node.primary(place); });
	if (places.empty())
		return {.body = api_error("not-primary",
					  "this member is not the primary: there is no role to give away",
					  "run it on the primary; get system ha status says who that is")};
	if (node.alive_peers() == 0)
		return {.body = api_error("alone", "there is no other member that could take the role",
					  "start one; get system ha status lists the members")};
	std::vector<Wanted> asked;
	for (const std::size_t place : places) {
		backend.command(core::SwitchRole{node.vcluster(place).id});
		asked.push_back({place, node.vcluster(place).hand_over.number});
	}
	ApiReply reply;
	reply.kind = ApiReply::Kind::later;
	reply.outcome = [&backend, asked]() -> std::optional<object> {
		if (!std::all_of(asked.begin(), asked.end(), [&](const Wanted &w) { return ended(backend, w); }))
			return std::nullopt;
		return outcome(backend, asked);
	};
	return reply;
}

} // namespace systole::control
