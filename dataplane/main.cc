// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systoled, in the order in which things come to life: command line, configuration, the instance's lock, EAL, ports,
// the worker on its poll core, control on this thread. They go in the opposite order.
#include "control/config/parse.h"
#include "control/daemon.h"
#include "control/instance.h"
#include "control/log.h"
#include "control/ring.h"
#include "control/sandbox/capabilities.h"
#include "control/sandbox/file_modes.h"
#include "control/sandbox/system_calls.h"
#include "control/session_lanes.h"
#include "dataplane/eal.h"
#include "dataplane/options.h"
#include "dataplane/poll_mode.h"
#include "dataplane/port.h"
#include "dataplane/port_keeper.h"
#include "dataplane/prompt.h"
#include "dataplane/worker.h"

#include <rte_launch.h>
#include <rte_version.h>

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <numeric>
#include <thread>

namespace {

using namespace systole;
using namespace systole::dataplane;

void complain(const std::string &what)
{
	std::fprintf(stderr, "systoled: %s\n", what.c_str());
}

// What the configuration may leave to the machine.
bool fill_in(control::Configuration &configuration, const std::string &instance)
{
	if (configuration.global.hostname.empty()) {
		std::array<char, 256> name{};
		if (gethostname(name.data(), name.size() - 1) == 0)
			configuration.global.hostname = name.data();
	}
	if (!configuration.global.serial.empty())
		return true;
	std::string machine_id;
	for (const char *path : {"/etc/machine-id", "/var/lib/dbus/machine-id"})
		if (machine_id.empty())
			std::getline(std::ifstream(path), machine_id);
	if (machine_id.empty())
		return false;
	configuration.global.serial = control::default_serial(machine_id, instance);
	return true;
}

PollMode wanted_mode(control::Configuration::PollMode mode)
{
	switch (mode) {
	case control::Configuration::PollMode::busy: return PollMode::busy;
	case control::Configuration::PollMode::adaptive: return PollMode::adaptive;
	case control::Configuration::PollMode::automatic: break;
	}
	return PollMode::automatic;
}

std::vector<Device> devices_of(const control::Configuration &configuration)
{
	std::vector<Device> devices;
	for (const auto &port : configuration.ha.hbdev) {
		std::string device;
		for (const auto &interface : configuration.interfaces)
			if (interface.name == port.name)
				device = interface.device;
		devices.push_back(parse_device(port.name, device));
	}
	return devices;
}

bool obstacles_reported(std::span<const Device> devices)
{
	bool any = false;
	for (const Device &device : devices) {
		if (const auto obstacle = find_obstacle(device)) {
			complain(*obstacle);
			any = true;
		}
	}
	return any;
}

std::string description(const EalRequest &request, std::span<const std::unique_ptr<Port>> ports)
{
	std::string text = rte_version();
	if (request.given.empty())
		text += ", " + std::to_string(memory_needed_mib(request.devices)) + " MiB " +
			(request.huge_pages ? "in huge pages" : "without huge pages");
	else
		text += ", EAL options as given";
	for (std::size_t i = 0; i < ports.size(); ++i)
		text += ", " + ports[i]->name() + " is " + request.devices[i].ethdev;
	return text;
}

// The worker's thread from its launch to its end.
struct PollCore {
	Worker &worker;
	PollMode mode;
	std::string refused; // by the system, in one line; read once `ready`
	std::atomic<bool> ready{false};
	bool sandbox;
	std::string unconfined; // why the system calls of this thread could not be confined

	static int run(void *context)
	{
		auto &core = *static_cast<PollCore *>(context);
		core.refused = prepare_poll_thread(core.mode);
		const bool confined = !core.sandbox || control::confine_poll_core(core.unconfined);
		core.ready.store(true, std::memory_order_release);
		if (confined)
			core.worker.run();
		return 0;
	}
};

int run_worker_and_control(control::DaemonSetup setup, const control::SystemCallNeeds &needs,
			   const WorkerConfig &config, const PollChoice &choice, std::span<Port *const> ports,
			   unsigned lcore)
{
	const auto channel = std::make_unique<control::WorkerChannel>();
	channel->bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	channel->work_bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	std::unique_ptr<control::SessionLanes> lanes;
	if (setup.configuration.ha.session_pickup) {
		lanes = std::make_unique<control::SessionLanes>();
		lanes->bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		channel->lanes = lanes.get();
	}
	if (channel->bell.fd < 0 || channel->work_bell.fd < 0 || (lanes && lanes->bell.fd < 0)) {
		complain("no eventfd: out of file descriptors");
		return exit_failure;
	}
	if (setup.keeper != nullptr)
		channel->signs = &setup.keeper->page()->signs;
	TscClock clock;
	if (!clock.uses_counter())
		control::log(control::LogApp::dataplane, control::LogLevel::warning,
			     "the time-stamp counter is not invariant here: every clock reading is clock_gettime");
	const auto worker = std::make_unique<Worker>(config, ports, *channel, clock);
	// Ports and threads are there, and the poll core waits in EAL: from here on nobody starts a program.
	PollCore core{*worker, choice.mode, {}, false, setup.sandbox, {}};
	if (std::string error; setup.sandbox && !control::confine_process(needs, error)) {
		complain(error + "; systoled --no-sandbox starts without");
		return exit_keys;
	}
	if (rte_eal_remote_launch(&PollCore::run, &core, lcore) != 0) {
		complain("the poll core " + std::to_string(lcore) + " does not start");
		return exit_eal;
	}
	while (!core.ready.load(std::memory_order_acquire))
		std::this_thread::sleep_for(std::chrono::milliseconds{1});
	if (!core.unconfined.empty()) {
		complain(core.unconfined + "; systoled --no-sandbox starts without");
		rte_eal_wait_lcore(lcore);
		return exit_keys;
	}
	control::log(control::LogApp::dataplane, control::LogLevel::info, "polling is {}; {}", choice.why,
		     to_string(choose_wait(choice.mode, offer_of(ports))));
	if (!core.refused.empty())
		control::log(control::LogApp::dataplane, control::LogLevel::warning, "{}", core.refused);

	setup.channel = channel.get();
	setup.stop_worker = [&channel, lcore] {
		channel->stop.store(true);
		rte_eal_wait_lcore(lcore);
	};
	const int result = control::run_daemon(std::move(setup));
	channel->stop.store(true); // control may have failed before it came to that
	rte_eal_wait_lcore(lcore);
	close(channel->bell.fd);
	close(channel->work_bell.fd);
	if (lanes)
		close(lanes->bell.fd);
	return result;
}

// The ports of `session-sync-dev`; none: the best heartbeat port that works.
std::uint8_t session_links_of(const control::Configuration::Ha &ha)
{
	std::uint8_t links = 0;
	for (std::size_t link = 0; link < ha.hbdev.size(); ++link)
		if (std::ranges::find(ha.session_sync_dev, ha.hbdev[link].name) != ha.session_sync_dev.end())
			links |= static_cast<std::uint8_t>(1U << link);
	return links;
}

// Heartbeat ports, the one with the highest priority first.
std::array<core::LinkIndex, core::max_links> link_order_of(const control::Configuration::Ha &ha)
{
	std::array<core::LinkIndex, core::max_links> order{};
	std::iota(order.begin(), order.end(), core::LinkIndex{0});
	std::stable_sort(
		order.begin(), order.begin() + static_cast<std::ptrdiff_t>(ha.hbdev.size()),
		[&](core::LinkIndex a, core::LinkIndex b) { return ha.hbdev[a].priority > ha.hbdev[b].priority; });
	return order;
}

std::vector<std::string> hooks_of(const control::Configuration &configuration)
{
	std::vector<std::string> hooks;
	for (const std::string &path : {configuration.ha.hook_primary, configuration.ha.hook_secondary})
		if (!path.empty())
			hooks.push_back(path);
	return hooks;
}

control::SystemCallNeeds needs_of(const control::Configuration &configuration, std::span<const Device> devices)
{
	control::SystemCallNeeds needs;
	needs.internet = !configuration.link_monitors.empty() || configuration.ha.uses_witness();
	for (const Device &device : devices) {
		needs.netdev_ports = needs.netdev_ports || device.follows_netdev();
		needs.xdp = needs.xdp || device.driver == "net_af_xdp";
	}
	return needs;
}

bool drop_capabilities(bool sandbox, const control::SystemCallNeeds &needs, std::string &error)
{
	const std::vector<unsigned> kept = control::daemon_capabilities(needs.xdp);
	if (const auto missing = control::missing_capabilities(kept); !missing.empty()) {
		error = "this process lacks the capabilities " + control::capabilities_text(missing) +
			": run it as root, or give them to its user (docs/OPERATIONS.md, \"Without root\")";
		return false;
	}
	return !sandbox || control::keep_only_capabilities(kept, error);
}

std::string sandbox_text(bool sandbox, const control::SystemCallNeeds &needs)
{
	const std::string who = "user " + std::to_string(geteuid()) + ", capabilities " + control::capabilities_text();
	if (!sandbox)
		return "no sandbox, as asked for: " + who + ", every system call";
	return "sandbox: " + who + "; no thread starts programs; internet sockets: " +
	       (needs.internet       ? "the threads of link monitors and witness"
		: needs.netdev_ports ? "the port keeper's"
				     : "none");
}

// What others could read or change although it is secret. Every fault is said.
bool secrets_are_safe(const std::string &file, const control::Configuration &configuration,
		      const std::string &state_directory)
{
	std::vector<std::string> faults = control::loose_state(state_directory);
	if (!configuration.ha.password.view().empty())
		for (std::string &fault : control::loose_configuration(file))
			faults.push_back(std::move(fault));
	for (const std::string &fault : faults)
		complain(fault);
	return faults.empty();
}

bool find_groups(const Options &options, control::AccessGroups &groups)
{
	const auto find = [](const std::string &name, const char *option, std::optional<gid_t> &group) {
		if (name.empty())
			return true;
		group = control::group_of(name);
		if (!group)
			complain(std::string(option) + " " + name + ": there is no such group (getent group)");
		return group.has_value();
	};
	return find(options.read_group, "--read-group", groups.read) &&
	       find(options.write_group, "--write-group", groups.write);
}

int run_daemon(const Options &options, control::Configuration configuration)
{
	control::AccessGroups groups;
	if (!find_groups(options, groups))
		return exit_usage;
	if (!secrets_are_safe(options.file, configuration, control::instance_paths(options.instance).state_directory))
		return exit_keys;
	std::string error;
	control::InstanceRefusal refusal = control::InstanceRefusal::none;
	const auto lock = control::InstanceLock::take(options.instance, error, &refusal);
	if (!lock) {
		complain(error);
		return refusal == control::InstanceRefusal::running ? exit_running
		       : refusal == control::InstanceRefusal::name  ? exit_usage
								    : exit_keys;
	}

	EalRequest request;
	request.instance = options.instance;
	request.devices = devices_of(configuration);
	request.given = options.eal;
	request.cpus = allowed_cpus();
	request.isolated_cpus = isolated_cpus(request.cpus);
	if (obstacles_reported(request.devices))
		return exit_eal;
	for (const Device &device : request.devices)
		clean_leftovers(device);

	// The first of all: as small as they are now, with nothing of EAL's in them and with the rights we have now.
	control::KeeperProcess keeper;
	if (!keeper.start(options.instance, lock->paths().keeper_lock(), configuration.ha.dead_interval(), error))
		control::log(control::LogApp::daemon, control::LogLevel::error, "{}", error);
	control::SpawnerProcess spawner;
	if (!spawner.start(hooks_of(configuration), keeper.running() ? keeper.command() : std::vector<std::string>{},
			   keeper.inherited(), error)) {
		complain(error);
		return exit_failure;
	}
	keeper.start_by(&spawner);

	// Before there is another thread: it would keep what this one has.
	control::DaemonSetup setup;
	const control::SystemCallNeeds needs = needs_of(configuration, request.devices);
	if (!drop_capabilities(options.sandbox, needs, error)) {
		complain(error);
		return exit_keys;
	}
	setup.sandbox = options.sandbox;
	setup.sandbox_text = sandbox_text(options.sandbox, needs);

	// Before EAL: locking is cheap while there is little to lock.
	if (const std::string refused = lock_memory(); !refused.empty())
		control::log(control::LogApp::dataplane, control::LogLevel::warning, "{}", refused);
	// As root EAL keeps its runtime files in /var/run; for others it would take /tmp, where anybody could be before us.
	if (geteuid() != 0)
		setenv("XDG_RUNTIME_DIR", lock->paths().run_directory.c_str(), 1);
	const auto eal = [&] {
		const HugePageTurn turn;
		request.huge_pages = enough_huge_pages(memory_needed_mib(request.devices));
		return Eal::start(request, error);
	}();
	if (!eal) {
		complain(error);
		return exit_eal;
	}
	std::vector<std::unique_ptr<Port>> ports;
	std::vector<Port *> links;
	for (std::size_t i = 0; i < request.devices.size(); ++i) {
		const Device &device = request.devices[i];
		const auto &heartbeat = configuration.ha.hbdev[i];
		auto port = Port::open({.name = heartbeat.name,
					.ethdev = device.ethdev,
					.mbufs = device.mbufs(),
					.own_mac = made_up_mac(configuration.global.serial, heartbeat.name),
					.may_start_later = device.is_memif_client()},
				       error);
		if (port == nullptr) {
			complain(error);
			return exit_eal;
		}
		setup.ports.push_back({.name = heartbeat.name,
				       .netdev = device.netdev,
				       .device = device.argument,
				       .priority = heartbeat.priority,
				       .mac = port->mac()});
		links.push_back(port.get());
		ports.push_back(std::move(port));
	}

	// With EAL options of the operator's, the poll core is where they put it.
	const int cpu = request.given.empty() ? choose_worker_cpu(request) : static_cast<int>(eal->worker_cpu());
	const PollChoice choice = choose_poll_mode(wanted_mode(configuration.ha.poll_mode), cpu, request.isolated_cpus);
	const WorkerConfig worker_config{
		.interval = configuration.ha.interval(),
		.lost_threshold = configuration.ha.hb_lost_threshold,
		.ether_type = configuration.ha.ha_eth_type,
		.session_links = session_links_of(configuration.ha),
		.link_order = link_order_of(configuration.ha),
		.poll_mode = choice.mode,
		.control_watchdog = configuration.ha.control_watchdog_interval(),
	};
	setup.keeper = keeper.running() ? &keeper : nullptr;
	setup.spawner = &spawner;
	setup.groups = groups;
	setup.configuration = std::move(configuration);
	setup.config_file = options.file;
	setup.instance = options.instance;
	setup.file = options.file;
	setup.key_log_dir = options.key_log;
	setup.poll_mode = choice.mode == PollMode::busy ? "busy" : "adaptive";
	setup.dataplane_text = description(request, ports) + ", " + choice.why;
	PortKeeper port_keeper(request.devices, links);
	port_keeper.start();
	std::unique_ptr<Prompt> prompt; // it starts a program
	if (options.prompt)
		prompt = std::make_unique<Prompt>(lock->paths().socket());
	return run_worker_and_control(std::move(setup), needs, worker_config, choice, links, eal->worker());
}

int start(std::span<const char *const> arguments)
{
	const auto [options, error] = parse_options(arguments);
	if (!error.empty()) {
		complain(error + " (systoled --help)");
		return exit_usage;
	}
	if (options.action == Options::Action::help) {
		std::fputs(usage().c_str(), stdout);
		return exit_ok;
	}
	if (options.action == Options::Action::version) {
		std::printf("systoled %s, %s\n", SYSTOLE_VERSION, rte_version());
		return exit_ok;
	}
	if (!control::is_instance_name(options.instance)) {
		complain("'" + options.instance + "' is no instance name: 1 to 32 letters, digits, '_' or '-'");
		return exit_usage;
	}

	// No core dumps, and no ptrace by other processes of this user: from here on there are secrets in memory.
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	control::ParseResult parsed = control::load_configuration(options.file);
	std::fputs(control::to_text(parsed.diagnostics).c_str(), stderr);
	if (!parsed.ok())
		return exit_configuration;
	if (options.action == Options::Action::test) {
		std::printf("%s: configuration is good\n", options.file.c_str());
		return exit_ok;
	}
	if (!fill_in(parsed.configuration, options.instance)) {
		complain(options.file + ": this machine has no /etc/machine-id to make a serial from; set serial in "
					"config system global");
		return exit_configuration;
	}
	return run_daemon(options, std::move(parsed.configuration));
}

} // namespace

int main(int argc, char **argv)
{
	try {
		return start({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
	} catch (const std::exception &error) {
		complain(error.what());
		return exit_failure;
	}
}
