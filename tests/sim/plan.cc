// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/plan.h"

#include <algorithm>
#include <cassert>
#include <cstdio>

namespace systole::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::int64_t beats_per_second = 4000; // of the whole cluster: keeps a seed cheap

core::Config draw_config(Random &random, std::size_t count, std::size_t links, bool long_run)
{
	static constexpr Duration slow[] = {milliseconds{100}, milliseconds{100}, milliseconds{150}, milliseconds{200}};
	static constexpr Duration margins[] = {seconds{1}, seconds{5}, seconds{300}};
	core::Config config;
	config.group_id = 103;
	const std::string_view name = "sim";
	std::copy(name.begin(), name.end(), config.group_name.begin());
	config.hb_interval = random.permille(200) ? Duration{milliseconds{10}} : random.pick(slow);
	if (long_run)
		config.hb_interval = random.between(Duration{milliseconds{700}}, Duration{milliseconds{1200}});
	const auto ways = static_cast<std::int64_t>(count * (count - 1) * links);
	while (ways * Duration{seconds{1}} / config.hb_interval > beats_per_second)
		config.hb_interval *= 2;
	config.hb_lost_threshold = static_cast<std::uint8_t>(
		config.hb_interval > milliseconds{50} ? random.between(3, 5) : random.between(3, 8));
	config.hello_holddown = random.between(seconds{5}, seconds{7});
	config.uptime_margin = random.pick(margins);
	config.link_count = static_cast<std::uint8_t>(links);
	return config;
}

// Of `count` things, some.
std::uint64_t draw_set(Random &random, std::size_t count)
{
	const std::uint64_t all = (std::uint64_t{1} << count) - 1;
	return random.permille(400) ? all : random.next() & all;
}

// What all members of the group have alike in their virtual clusters, their priorities aside.
void draw_vclusters(Plan &plan, core::Config &config, Random &random)
{
	static constexpr Duration none{};
	const int dice = random.between(0, 99);
	const auto count = static_cast<std::size_t>(dice < 62   ? 1
						    : dice < 90 ? random.between(2, 3)
						    : dice < 98 ? 4
								: random.between(5, 30));
	config.monitor_count = static_cast<std::uint8_t>(random.between(0, 3));
	const int link_monitors = random.permille(500) ? random.between(1, 3) : 0;
	for (int i = 0; i < link_monitors; ++i)
		config.ping_priority.push_back(static_cast<std::uint8_t>(random.between(1, 10)));
	plan.probe_delay = random.between(Duration{milliseconds{300}}, Duration{seconds{2}});
	const Duration flip = plan.long_run ? random.between(Duration{minutes{6}}, Duration{minutes{8}})
					    : random.between(Duration{seconds{5}}, Duration{seconds{30}});
	const Duration override_wait =
		random.permille(250) ? random.between(Duration{seconds{3}}, Duration{seconds{15}}) : none;
	config.vclusters.clear();
	std::uint8_t id = 0;
	for (std::size_t i = 0; i < count; ++i) {
		core::VclusterConfig vcluster;
		const auto room = static_cast<int>(core::max_vclusters - (count - i) - id);
		id = static_cast<std::uint8_t>(id + 1 +
					       (count > 1 && random.permille(300) ? random.between(0, room) : 0));
		vcluster.id = id;
		vcluster.monitors = count == 1 ? (std::uint64_t{1} << config.monitor_count) - 1
					       : draw_set(random, config.monitor_count);
		vcluster.ping_monitors = count == 1 ? (std::uint64_t{1} << config.ping_priority.size()) - 1
						    : draw_set(random, config.ping_priority.size());
		vcluster.ping_threshold = static_cast<std::uint8_t>(random.permille(500) ? 0 : random.between(1, 12));
		vcluster.flip_timeout = flip;
		vcluster.force_reset = random.permille(750);
		vcluster.override_wait = override_wait;
		config.vclusters.push_back(vcluster);
	}
}

void draw_health(Plan &plan, core::Config &config, Random &random)
{
	if (random.permille(250))
		config.failover_hold = random.between(Duration{seconds{1}}, Duration{seconds{8}});
	config.ssd_failover = random.permille(300);
	config.memory.enabled = random.permille(200);
	config.memory.threshold_percent = static_cast<std::uint8_t>(random.permille(500) ? 0 : random.between(60, 90));
	config.memory.monitor_period = random.between(Duration{seconds{2}}, Duration{seconds{6}});
	config.memory.sample_interval = milliseconds{random.permille(500) ? 500 : 1000};
	config.memory.flip_timeout = plan.long_run ? random.between(Duration{minutes{6}}, Duration{minutes{8}})
						   : random.between(Duration{seconds{5}}, Duration{seconds{30}});
	config.memory.failback = random.permille(500);
	const int dice = random.between(0, 99);
	if (dice < 60)
		return;
	config.isolation = dice < 80 ? core::Isolation::demote : core::Isolation::witness;
	config.witness_fallback_act = config.isolation == core::Isolation::witness && random.permille(300);
	// As control/config/configuration.cc computes it.
	config.isolation_wait = config.hb_interval + config.dead_interval() * 3 / 2 + milliseconds{100};
	if (config.isolation == core::Isolation::witness)
		return;
	const Duration pings = config.ping_priority.empty() ? Duration{} : plan.probe_delay;
	const Duration links = config.monitor_count == 0 ? Duration{} : Duration{milliseconds{250}};
	config.isolation_wait += std::max(pings, links);
}

void draw_members(Plan &plan, Random &random, std::size_t count)
{
	core::Config common = draw_config(random, count, plan.links, plan.long_run);
	draw_vclusters(plan, common, random);
	draw_health(plan, common, random);
	plan.direct = count == 2 && random.permille(400);
	common.carrier_loss_immediate = plan.direct && random.permille(600);
	const bool same_priority = random.permille(500);
	const int override_permille = random.permille(350) ? 600 : 0;
	// Who decides by counting must know how many there are (docs/ISOLATION.md); and an outsider would take the lease.
	const bool witness = common.isolation == core::Isolation::witness;
	const bool expected = random.permille(500) || witness;
	const bool outsider = count > 2 && random.permille(150) && !witness;
	const int drift = random.permille(300) ? 500 : 50; // ppm
	const bool late_joiner = random.permille(300);
	for (std::size_t i = 0; i < count; ++i) {
		MemberPlan member;
		member.config = common;
		// Which member has the highest serial is a matter of chance.
		const std::uint64_t number = 1'000'000'000'000 + random.below(100'000'000) * 1000 + i + 1;
		member.config.self = core::MemberId::from(std::string("SIM").append(std::to_string(number)));
		for (core::VclusterConfig &vcluster : member.config.vclusters) {
			vcluster.priority = static_cast<std::uint8_t>(same_priority ? 128 : random.between(100, 103));
			vcluster.override_enabled = random.permille(override_permille);
		}
		if (random.permille(200))
			member.config.capabilities &= ~std::uint32_t{core::cap_gcm};
		member.password = 1;
		member.outsider = outsider && i + 1 == count;
		if (member.outsider && random.permille(500))
			member.config.policy = core::policy_authentication;
		else if (member.outsider)
			member.password = 2;
		member.clock = MemberClock(random.between(Duration{seconds{1}}, Duration{seconds{1'000'000}}),
					   random.between(-drift, drift));
		member.first_boot = random.between(Duration{}, Duration{seconds{2}});
		if (late_joiner && random.permille(400))
			member.first_boot = random.between(Duration{seconds{8}}, Duration{seconds{18}});
		plan.members.push_back(member);
	}
	if (expected)
		for (MemberPlan &member : plan.members)
			member.config.expected_members = static_cast<std::uint8_t>(count - (outsider ? 1 : 0));
}

void draw_network(Plan &plan, Random &random)
{
	static constexpr int losses[] = {0, 0, 0, 2, 10, 30, 100, 200};
	NetworkPlan &network = plan.network;
	network.loss_permille = random.pick(losses);
	network.duplicate_permille = random.permille(400) ? random.between(1, 100) : 0;
	network.straggler_permille = random.permille(300) ? random.between(1, 50) : 0;
	network.delay = random.between(microseconds{20}, milliseconds{2});
	network.jitter = random.between(Duration{}, Duration{plan.interval() / 4});
	network.straggle = network.straggler_permille == 0 ? Duration{}
							   : random.between(Duration{}, Duration{plan.interval() * 2});
	if (plan.direct) { // a cable, and nothing in it
		network.duplicate_permille = 0;
		network.straggler_permille = 0;
		network.straggle = Duration{};
		network.delay = microseconds{2};
		network.jitter = random.permille(500) ? random.between(Duration{}, microseconds{200}) : Duration{};
	}
}

void draw_faults(Plan &plan, Random &random)
{
	static constexpr Duration gaps[] = {milliseconds{150}, milliseconds{600}, seconds{2}, seconds{5}, seconds{12}};
	const bool quiet = random.permille(100);
	if (quiet)
		return;
	// Much of everything; or one or two kinds, far apart, so that one's consequences are over before the next, and often
	// with nothing else between.
	const bool single = random.permille(350);
	plan.fault_gap = single ? gaps[random.between(2, 4)] : random.pick(gaps);
	if (plan.long_run)
		plan.fault_gap = random.between(Duration{seconds{15}}, Duration{seconds{90}});
	const core::Config &config = plan.common();
	const auto off = [&](Fault fault, bool useless) {
		if (useless)
			plan.faults.reset(static_cast<std::size_t>(fault));
	};
	const int wanted = single ? random.between(1, 2) : 0;
	do {
		if (single)
			plan.faults.set(random.index(fault_kinds));
		for (std::size_t i = 0; !single && i < fault_kinds; ++i)
			plan.faults[i] = random.permille(450);
		off(Fault::cable, !plan.direct);
		off(Fault::monitor, config.monitor_count == 0);
		off(Fault::flap, config.monitor_count == 0);
		off(Fault::path, config.ping_priority.empty());
		off(Fault::witness, config.isolation != core::Isolation::witness);
		off(Fault::memory, !config.memory.enabled);
		off(Fault::ssd, !config.ssd_failover);
	} while (plan.faults.none() || static_cast<int>(plan.faults.count()) < wanted);
	const bool clean = single && random.permille(500);
	if (clean) {
		plan.network.loss_permille = 0;
		plan.network.straggler_permille = 0;
		plan.network.straggle = Duration{};
	}
	const auto enable = [&](Fault fault) { plan.faults.set(static_cast<std::size_t>(fault)); };
	const auto enabled = [&](Fault fault) { return plan.faults[static_cast<std::size_t>(fault)]; };
	// What breaks must be mended now and then, or a run is all rubble.
	if (enabled(Fault::crash) || enabled(Fault::kill) || enabled(Fault::stop))
		enable(Fault::restart);
	const bool cuts = enabled(Fault::cut_link) || enabled(Fault::cut_one_way) || enabled(Fault::cut_pair) ||
			  enabled(Fault::cut_switch) || enabled(Fault::isolate) || enabled(Fault::split) ||
			  enabled(Fault::cable);
	if (cuts || !single) {
		enable(Fault::heal_some);
		enable(Fault::heal_all);
	}
	if (!clean && random.permille(250))
		plan.attack_gap = random.between(milliseconds{3}, milliseconds{100});
}

} // namespace

const char *name_of(Fault fault)
{
	static constexpr const char *names[fault_kinds] = {
		"crash",       "kill",     "stop",        "restart",       "pause",       "freeze",
		"host-freeze", "hang",     "cut-link",    "one-way",       "cut-pair",    "cut-switch",
		"isolate",     "split",    "heal-some",   "heal-all",      "cable",       "loss-burst",
		"monitor",     "flap",     "path",        "witness",       "memory",      "ssd",
		"priority",    "override", "maintenance", "failover-flag", "reset-uptime"};
	return names[static_cast<std::size_t>(fault)];
}

// Nothing happens by itself, and flip timers are over some time after a case.
void Plan::only_ask()
{
	what_if = true;
	fault_gap = Duration{};
	faults.reset();
	attack_gap = Duration{};
	ending = Ending::whole;
	network.loss_permille = 0;
	network.straggler_permille = 0;
	network.straggle = Duration{};
	for (MemberPlan &member : members) {
		member.outsider = false;
		member.password = 1;
		member.config.policy = core::Config{}.policy;
		if (member.config.expected_members != 0)
			member.config.expected_members = static_cast<std::uint8_t>(members.size());
		for (core::VclusterConfig &vcluster : member.config.vclusters)
			vcluster.flip_timeout = seconds{60};
	}
}

Plan Plan::draw(std::uint64_t seed, const PlanOptions &options)
{
	Random random(seed ^ 0x53595354'4f4c4531ULL);
	Plan plan;
	plan.seed = seed;
	plan.filter = options.filter;
	plan.links = static_cast<std::size_t>(random.between(1, 3));
	auto count = static_cast<std::size_t>(random.between(options.members_low, options.members_high));
	Duration total = options.total;
	if (options.vary && random.permille(40))
		count = static_cast<std::size_t>(random.between(5, 8));
	if (options.vary && count <= 4 && random.permille(10)) {
		plan.long_run = true;
		total = random.between(Duration{minutes{20}}, Duration{minutes{40}});
	}
	draw_members(plan, random, count);
	draw_network(plan, random);
	draw_faults(plan, random);
	static constexpr Duration control_delays[] = {Duration{}, microseconds{50}, milliseconds{1}};
	plan.control_delay = random.pick(control_delays);
	plan.poll_delay = random.between(Duration{}, Duration{milliseconds{1}});

	// A member that boots again at the heal sits out its holddown; then sessions (a HELLO a second, an exchange given
	// up after about a second, a stale half of a session renewed after three); then the election's patience.
	const auto members = static_cast<int>(count);
	plan.settle = plan.common().hello_holddown + seconds{10} + plan.dead() * (8 + members) +
		      plan.common().failover_hold + plan.claim_delay();
	plan.hold = seconds{4};
	if (count > 2 && random.permille(150)) {
		plan.ending = Ending::split;
		for (std::size_t i = 0; i < count; ++i)
			plan.other_side[i] = random.permille(500);
	} else if (random.permille(250)) {
		plan.ending = Ending::one_way;
		plan.cut_from = random.index(count);
		plan.cut_to = (plan.cut_from + 1 + random.index(count - 1)) % count;
		plan.aftermath =
			plan.echo_belief() + plan.hearsay() * 2 + plan.dead() * (6 + members) + plan.claim_delay();
		plan.hold = seconds{6};
	}
	plan.safety = std::max<Duration>(total - plan.settle - plan.aftermath - plan.hold, seconds{5});
	plan.forger = plan.attack_gap != Duration{} && random.permille(400);
	if (options.what_if)
		plan.only_ask();
	// Dice of its own: what a seed meant before it still means.
	Random keys(seed ^ 0x72656b6579);
	if (keys.permille(700))
		for (MemberPlan &member : plan.members)
			member.config.rekey_interval = keys.between(Duration{seconds{2}} + 20 * plan.dead(),
								    Duration{seconds{40}} + 20 * plan.dead());
	Random readiness(seed ^ 0x72656164796d65);
	plan.fills = readiness.permille(400) && !options.what_if;
	plan.falls_behind = readiness.permille(500);
	const Duration wait =
		readiness.permille(100) ? Duration{} : readiness.between(seconds{2}, Duration{seconds{12}});
	for (MemberPlan &member : plan.members)
		member.config.session_sync_wait = wait;
	return plan;
}

std::size_t Plan::place_of(std::uint8_t id) const
{
	const auto &list = common().vclusters;
	const auto found = std::find_if(list.begin(), list.end(),
					[id](const core::VclusterConfig &vcluster) { return vcluster.id == id; });
	assert(found != list.end());
	return static_cast<std::size_t>(found - list.begin());
}

std::string Plan::vcluster_text(std::size_t place) const
{
	return vcluster_count() == 1 ? std::string()
				     : std::string(" of vcluster ").append(std::to_string(vcluster(place).id));
}

std::string Plan::text() const
{
	const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
	char line[700];
	std::snprintf(line, sizeof line,
		      "%zu members, %zu links%s, interval %.0f ms x %u, holddown %.1f s, margin %.0f s, expected %u, "
		      "loss %d/1000, duplicates %d/1000, "
		      "stragglers %d/1000 +%.1f ms, delay %.2f ms + %.2f ms, control %.2f ms, poll %.2f ms\n",
		      members.size(), links,
		      !direct                           ? ""
		      : common().carrier_loss_immediate ? " (direct, carrier loss immediate)"
							: " (direct)",
		      ms(interval()), common().hb_lost_threshold, ms(common().hello_holddown) / 1000,
		      ms(common().uptime_margin) / 1000, common().expected_members, network.loss_permille,
		      network.duplicate_permille, network.straggler_permille, ms(network.straggle), ms(network.delay),
		      ms(network.jitter), ms(control_delay), ms(poll_delay));
	std::string out = line;
	const core::Config &config = common();
	std::snprintf(
		line, sizeof line,
		"hold %.1f s, memory %s %u %% for %.1f s flip %.1f s%s, ssd %s, isolation %s%s wait %.2f s, probes "
		"%.2f s, link "
		"monitors",
		ms(config.failover_hold) / 1000, config.memory.enabled ? "on" : "off", config.memory.threshold_percent,
		ms(config.memory.monitor_period) / 1000, ms(config.memory.flip_timeout) / 1000,
		config.memory.failback ? "" : " no failback", config.ssd_failover ? "on" : "off",
		config.isolation == core::Isolation::fgcp     ? "fgcp"
		: config.isolation == core::Isolation::demote ? "demote"
							      : "witness",
		config.witness_fallback_act ? " or act" : "", ms(config.isolation_wait) / 1000, ms(probe_delay) / 1000);
	out += line;
	for (const std::uint8_t priority : config.ping_priority)
		out.append(" ").append(std::to_string(priority));
	out += config.ping_priority.empty() ? " none\n" : "\n";
	if (fills) {
		std::snprintf(line, sizeof line, "sessions are filled in%s, session-sync-wait %.1f s\n",
			      falls_behind ? ", at times anew" : "", ms(config.session_sync_wait) / 1000);
		out += line;
	}
	for (const core::VclusterConfig &v : config.vclusters) {
		std::snprintf(line, sizeof line,
			      "vcluster %u: monitors %llx, link monitors %llx threshold %u flip %.1f s reset %s, "
			      "override-wait "
			      "%.1f s\n",
			      v.id, static_cast<unsigned long long>(v.monitors),
			      static_cast<unsigned long long>(v.ping_monitors), v.ping_threshold,
			      ms(v.flip_timeout) / 1000, v.force_reset ? "on" : "off", ms(v.override_wait) / 1000);
		out += line;
	}
	std::snprintf(line, sizeof line,
		      "safety %.1f s, settle %.1f s, hold %.1f s, %s, attacker %s, faults:", ms(safety) / 1000,
		      ms(settle + aftermath) / 1000, ms(hold) / 1000,
		      ending == Ending::split     ? "ends split in two"
		      : ending == Ending::one_way ? "ends with a one-way cut"
						  : "ends whole",
		      attack_gap == Duration{} ? "no"
		      : forger                 ? "forges"
					       : "replays");
	out += line;
	if (fault_gap == Duration{})
		out += " none";
	for (std::size_t i = 0; i < fault_kinds; ++i)
		if (faults[i])
			out.append(" ").append(name_of(static_cast<Fault>(i)));
	out += "\n";
	for (std::size_t i = 0; i < members.size(); ++i) {
		const MemberPlan &m = members[i];
		std::string standing;
		for (const core::VclusterConfig &v : m.config.vclusters)
			standing.append(" ")
				.append(std::to_string(v.priority))
				.append(v.override_enabled ? " override" : "");
		std::snprintf(line, sizeof line, "m%zu serial %s priority%.300s%s, boots at %.3f s%s\n", i + 1,
			      std::string(m.config.self.view()).c_str(), standing.c_str(),
			      m.outsider ? (m.password != 1 ? ", another password" : ", another policy") : "",
			      ms(m.first_boot) / 1000,
			      ending == Ending::split ? (other_side[i] ? ", side B" : ", side A") : "");
		out += line;
	}
	return out;
}

} // namespace systole::sim
