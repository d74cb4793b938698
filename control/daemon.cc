// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/daemon.h"

#include "control/api/backend.h"
#include "control/api/server.h"
#include "control/config/show.h"
#include "control/core/node.h"
#include "control/event_source.h"
#include "control/executor.h"
#include "control/instance.h"
#include "control/keeper_supervisor.h"
#include "control/key_agent.h"
#include "control/link_probing.h"
#include "control/log.h"
#include "control/netlink/link_monitor_table.h"
#include "control/netlink/link_poller.h"
#include "control/password_reader.h"
#include "control/readiness.h"
#include "control/record.h"
#include "control/resume_keys.h"
#include "control/sandbox/system_calls.h"
#include "control/session_pickup.h"
#include "control/takeover_timers.h"
#include "control/traffic.h"
#include "control/witness_link.h"
#if defined(SYSTOLE_KEY_LOG)
#include "crypto/key_log.h"
#endif

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <memory>
#include <utility>

namespace systole::control {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int exit_ok = 0;
constexpr int exit_other = 1;
constexpr int exit_keys = 6;
// Below the workers' 50: control may never keep a beat from leaving.
constexpr int control_fifo_priority = 40;
// Carrier loss can sit in the kernel's linkwatch for a second; asking finds it sooner.
constexpr auto link_refresh_interval = std::chrono::milliseconds{100};
constexpr std::size_t events_per_turn = 256;
constexpr auto hook_poll_interval = std::chrono::milliseconds{20};
// How often control shows the worker that it turns, at least: several times within the watchdog's limit.
constexpr int pulses_per_watchdog = 5;
constexpr auto longest_pulse = std::chrono::milliseconds{100};

core::Time clock_now()
{
	timespec t{};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return core::Time{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

double unix_seconds()
{
	timespec t{};
	clock_gettime(CLOCK_REALTIME, &t);
	return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

core::BootNonce fresh_nonce()
{
	core::BootNonce nonce{};
	crypto::random_bytes(std::as_writable_bytes(std::span(nonce)));
	return nonce;
}

core::Started started_event(const DaemonSetup &setup, const core::BootNonce &nonce, const ResumeKeys &resume)
{
	core::Started started;
	started.nonce = nonce;
	crypto::random_bytes(std::as_writable_bytes(std::span(&started.seed, 1)));
	const ConfigurationChecksum checksum = configuration_checksum(setup.configuration);
	std::transform(checksum.begin(), checksum.end(), started.config_checksum.begin(),
		       [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
	started.hostname = core::Hostname::from(setup.configuration.global.hostname);
	for (const HeartbeatPort &port : setup.ports)
		started.macs.push_back(port.mac);
	started.acquainted = resume.acquainted();
	return started;
}

// The sessions of every daemon of this boot run through here; one object per process.
class Daemon final : public ApiBackend {
public:
	Daemon(DaemonSetup setup, PasswordSet passwords, KeyAgent::KeyLogger logger);

	int run();

	// ---- ApiBackend
	const core::Node &node() const override { return m_node; }
	const Configuration &configuration() const override { return m_setup.configuration; }
	const WorkerCounters &counters() const override { return m_setup.channel->counters; }
	std::span<const HeartbeatPort> ports() const override { return m_setup.ports; }
	std::string poll_mode() const override { return m_setup.poll_mode; }
	const History &history() const override { return m_record.history(); }
	core::Time mono_now() const override { return clock_now(); }
	double unix_now() const override { return unix_seconds(); }
	std::string version() const override { return SYSTOLE_VERSION; }
	void command(const core::EventBody &event) override { feed(event); }
	bool rekey(std::optional<std::uint8_t> index, std::string &error) override;
	bool set_debug(std::string_view app, std::string_view level, std::string &error) override
	{
		return log_set_level(app, level, error);
	}
	std::vector<LinkMonitorStatus> link_monitor_status() const override { return m_probing.status(); }
	boost::json::object extra_status() const override;

private:
	void feed(const core::EventBody &event);
	void step(const core::EventBody &event);
	[[nodiscard]] Attendance::Worker worker() const;
	void check_presence();
	void follow_sessions();
	void follow_readiness();
	void tell(Attendance::Word word, core::Time at, core::Duration gap);
	bool drain_ring();
	void take_events();
	void wait_doorbell();
	void wait_netlink();
	void wait_signals();
	void arm_tick();
	void poll_links();
	void arm_pulse();
	void sample_memory();
	void look_around();
	void arm_hook_poll();
	void link_changed(const LinkState &link);
	void noticed(const core::Notice &notice);
	void take_passwords(PasswordSet set, std::optional<std::uint8_t> index);
	void begin_anew();
	void begin_stop();
	void say_goodbye();
	void wait_to_exit(core::Duration wait);
	[[nodiscard]] SpawnResult spawn_hook(const char *path, char *const environment[], int input, int output);

	DaemonSetup m_setup;
	core::Config m_core_config;
	core::BootNonce m_nonce;
	asio::io_context m_io{1};
	WorkerPort m_worker;
	ResumeKeys m_resume;
	KeyAgent m_keys;
	PasswordReader m_passwords;
	core::FixedVector<std::uint8_t, 2> m_password_indexes; // the one to begin exchanges with first
	Takeovers m_takeovers;
	HookRunners m_hooks;
	core::Node m_node;
	Attendance m_attendance;
	Executor m_executor;
	Record m_record;
	TakeoverTimers m_takeover_timers;
	SessionPickup m_sessions;
	ApiServer m_api;
	LinkMonitorTable m_links;
	LinkPoller m_poller;
	LinkProbing m_probing;
	std::unique_ptr<WitnessLink> m_witness; // only where a witness is used
	KeeperSupervisor m_keeper;
	LogRateLimit m_rate;

	asio::posix::stream_descriptor m_doorbell{m_io};
	asio::posix::stream_descriptor m_netlink{m_io};
	asio::steady_timer m_pulse{m_io};
	asio::signal_set m_signals{m_io, SIGINT, SIGTERM, SIGHUP};
	asio::steady_timer m_tick{m_io};
	asio::steady_timer m_look{m_io};
	asio::steady_timer m_hook_poll{m_io};
	asio::steady_timer m_exit{m_io};
	asio::steady_timer m_memory{m_io};

	core::Actions m_actions;
	std::vector<core::KeyResult> m_answers;
	std::vector<std::string> m_monitored; // core::MonitorChanged counts by it
	bool m_roles_changed = false;
	bool m_sessions_were_whole = false;
	bool m_hooks_polled = false;
	bool m_stopping = false;
	bool m_goodbye = false;
};

std::vector<std::string> watched_names(const DaemonSetup &setup, const Takeovers &takeovers)
{
	std::vector<std::string> names = takeovers.watched_links();
	for (const std::string &name : setup.configuration.ha.monitored_interfaces())
		names.push_back(name);
	for (const HeartbeatPort &port : setup.ports)
		if (!port.netdev.empty())
			names.push_back(port.netdev);
	std::sort(names.begin(), names.end());
	names.erase(std::unique(names.begin(), names.end()), names.end());
	return names;
}

NoticeNames names_of(const DaemonSetup &setup)
{
	NoticeNames names;
	names.member = setup.configuration.global.serial;
	for (const HeartbeatPort &port : setup.ports)
		names.hbdevs.push_back(port.name);
	names.monitors = setup.configuration.ha.monitored_interfaces();
	for (const std::size_t place : setup.configuration.counting_link_monitors())
		names.link_monitors.push_back(setup.configuration.link_monitors[place].name);
	return names;
}

TakeoverSettings settings_of(const DaemonSetup &setup)
{
	std::string problem;
	TakeoverSettings settings = takeover_settings(setup.configuration, setup.instance, problem);
	if (!problem.empty())
		log(LogApp::takeover, LogLevel::error, "{}", problem);
	return settings;
}

Daemon::Daemon(DaemonSetup setup, PasswordSet passwords, KeyAgent::KeyLogger logger)
    : m_setup(std::move(setup)), m_core_config(core_config(m_setup.configuration)), m_nonce(fresh_nonce()),
      m_worker(*m_setup.channel), m_keys(std::move(passwords.passwords.at(passwords.indexes[0])), m_core_config,
					 m_nonce, m_worker, std::move(logger)),
      m_passwords(m_io, m_setup.file, m_core_config.group_id, m_setup.configuration.ha.group_name),
      m_takeovers(settings_of(m_setup)),
      m_hooks(
	      m_setup.instance, [this](const HookResult &result) { m_record.take(result); },
	      [this](const char *path, char *const environment[], int input, int output) {
		      return spawn_hook(path, environment, input, output);
	      }),
      m_node(m_core_config),
      m_executor({m_keys, m_worker, m_takeovers, m_hooks, m_attendance, m_node}, m_core_config, m_nonce,
		 {m_setup.configuration.ha.hook_primary, m_setup.configuration.ha.hook_secondary,
		  m_setup.configuration.ha.hook_timeout}),
      m_record(names_of(m_setup)), m_takeover_timers(m_io, m_takeovers, m_record, [this] { check_presence(); }),
      m_sessions(m_setup.configuration, m_core_config.self, *m_setup.channel, instance_paths(m_setup.instance)),
      m_api(m_io, *this, {}, m_setup.groups),
      m_links(
	      watched_names(m_setup, m_takeovers), [this](const LinkState &link) { link_changed(link); },
	      [this](int ifindex, const IpPrefix &prefix, bool present) {
		      m_takeovers.handle_address(ifindex, prefix, present);
	      }),
      m_probing(m_io, m_setup.configuration, [this](const core::EventBody &event) { feed(event); }),
      m_keeper(m_io, m_setup.keeper), m_monitored(m_setup.configuration.ha.monitored_interfaces())
{
	m_executor.on_claimed([this](std::uint8_t vcluster, const ClaimReport &claim) {
		m_roles_changed = true;
		m_takeover_timers.claimed(vcluster, claim);
	});
	// Sessions are those of the first virtual cluster's primary.
	m_executor.before_releases([this](std::uint8_t vcluster) {
		if (vcluster == m_node.vcluster().id)
			m_sessions.hold();
	});
	m_executor.on_released([this](std::uint8_t vcluster, const ReleaseReport &release) {
		if (vcluster == m_node.vcluster().id)
			m_sessions.renew();
		m_roles_changed = true;
		m_takeover_timers.released(vcluster, release);
	});
	m_executor.on_lingering([this](std::uint8_t vcluster, std::function<void()> let_go) {
		m_takeover_timers.lingers(vcluster, std::move(let_go));
	});
	m_executor.before_claims([this](std::uint8_t vcluster) {
		if (vcluster == m_node.vcluster().id)
			(void)m_sessions.commit();
	});
	m_executor.on_noticed([this](const core::Notice &n) { noticed(n); });
	m_executor.on_anew([this] { asio::post(m_io, [this] { begin_anew(); }); });
	if (passwords.indexes.size() > 1)
		m_keys.add_password(passwords.indexes[1], std::move(passwords.passwords.at(passwords.indexes[1])));
	m_keys.use(m_resume);
	m_password_indexes = passwords.indexes;
	if (m_setup.configuration.ha.uses_witness()) {
		m_witness = std::make_unique<WitnessLink>(m_io, m_setup.configuration,
							  [this](const core::EventBody &event) { feed(event); });
		m_executor.on_sought([this](const core::SeekWitness &wish) { m_witness->seek(wish); });
	}
}

// ---------------------------------------------------------------- the one way in

Attendance::Worker Daemon::worker() const
{
	const WorkerChannel &channel = *m_setup.channel;
	const std::int64_t last_turn_ns = channel.counters.last_turn_ns.load(std::memory_order_acquire);
	const bool lately = last_turn_ns == 0 || // it has not begun
			    clock_now() - core::Time{core::Duration{last_turn_ns}} <= m_core_config.dead_interval();
	return {lately, channel.silence.load(std::memory_order_acquire)};
}

// Before anything else is done: see Attendance.
void Daemon::check_presence()
{
	tell(m_attendance.look(m_node.presence(), worker()), clock_now(), {});
}

void Daemon::tell(Attendance::Word word, core::Time at, core::Duration gap)
{
	switch (word) {
	case Attendance::Word::nothing: break;
	case Attendance::Word::absent: step(core::Absent{}); break;
	case Attendance::Word::returned: step(core::Returned{at, gap}); break;
	}
}

void Daemon::feed(const core::EventBody &event)
{
	check_presence();
	follow_sessions();
	step(event);
}

// They are told in a thread of their own, which rings our bell.
void Daemon::follow_sessions()
{
	if (const auto told = m_sessions.told(m_node.vcluster().hand_over, m_node.now()))
		step(*told);
	const bool whole = m_sessions.whole();
	if (whole != std::exchange(m_sessions_were_whole, whole))
		follow_readiness();
}

void Daemon::follow_readiness()
{
	const auto ready =
		readiness_for_election({m_node, clock_now(), m_setup.configuration, m_record.blockers(), m_sessions});
	if (ready && *ready != m_node.ready())
		step(core::Readiness{*ready});
}

void Daemon::step(const core::EventBody &event)
{
	m_setup.channel->watchdog.fetch_add(1, std::memory_order_relaxed);
	m_answers.clear();
	m_actions.clear();
	core::Time now = clock_now();
	m_node.step({now, event}, m_actions);
	m_executor.carry_out(m_actions, now, m_answers);
	for (std::size_t i = 0; i < m_answers.size(); ++i) {
		m_actions.clear();
		now = clock_now();
		m_node.step({now, m_answers[i]}, m_actions);
		m_executor.carry_out(m_actions, now, m_answers);
	}
	m_worker.flush();
	m_sessions.follow(m_node);
	if (std::exchange(m_roles_changed, false))
		m_probing.follow(m_node);
	arm_tick();
	if (m_stopping && !m_goodbye && m_node.stopped())
		say_goodbye();
	m_takeover_timers.arm_announcements();
	arm_hook_poll();
}

// True when the ring is empty. Bounded, so that a flood of frames leaves time for timers, netlink and the socket.
bool Daemon::drain_ring()
{
	WorkerEvent event;
	for (std::size_t taken = 0; taken < events_per_turn; ++taken) {
		if (!m_setup.channel->events.pop(event))
			return true;
		if (const auto *sa = std::get_if<ReleasedInbound>(&event)) {
			m_keys.released(sa->sa);
		} else if (const auto *out = std::get_if<ReleasedOutbound>(&event)) {
			m_keys.released(out->sa);
		} else if (const auto *late = std::get_if<WorkerLate>(&event)) {
			m_rate.line(LogApp::dataplane, LogLevel::warning, "late", late->at.time_since_epoch(),
				    fmt::format("this machine kept the poll core away for {:.1f} ms; peers were given "
						"that time back",
						std::chrono::duration<double, std::milli>(late->gap).count()));
		} else if (const auto *back = std::get_if<WorkerReturned>(&event)) {
			tell(m_attendance.returned(back->number, worker()), back->at, back->gap);
		} else if (auto body = core_event(event)) {
			if (auto *hake = std::get_if<core::HakeReceived>(&*body); hake != nullptr && hake->slot == 0)
				hake->ticketed = m_keys.ticketed(hake->message);
			feed(*body);
		}
	}
	return false;
}

// Until the ring is empty, with everything else in between.
void Daemon::take_events()
{
	if (!drain_ring()) {
		asio::post(m_io, [this] { take_events(); });
		return;
	}
	// Say that we sleep, then look once more: what came in between has not rung.
	m_setup.channel->bell.sleeping.store(true);
	std::atomic_thread_fence(std::memory_order_seq_cst); // as in Doorbell::ring()
	follow_sessions();
	if (drain_ring())
		wait_doorbell();
	else
		asio::post(m_io, [this] { take_events(); });
}

void Daemon::wait_doorbell()
{
	m_doorbell.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code &error) {
		if (error)
			return;
		std::uint64_t rung = 0;
		(void)!::read(m_setup.channel->bell.fd, &rung, sizeof(rung));
		take_events();
	});
}

void Daemon::wait_netlink()
{
	m_netlink.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code &error) {
		if (error)
			return;
		check_presence();
		if (const auto failure = m_links.drain())
			log(LogApp::daemon, LogLevel::error, "netlink: {}", failure.message());
		if (m_links.take_overrun()) // addresses may have gone unseen
			m_takeovers.doubt_addresses();
		log_errors(m_takeovers.mend_addresses());
		wait_netlink();
	});
}

void Daemon::wait_signals()
{
	m_signals.async_wait([this](const error_code &error, int number) {
		if (error)
			return;
		if (m_stopping) { // the second time: at once
			m_io.stop();
			return;
		}
		log(LogApp::daemon, LogLevel::info, "signal {}: giving the role away and stopping", number);
		begin_stop();
		wait_signals();
	});
}

// ---------------------------------------------------------------- timers

void Daemon::arm_tick()
{
	const core::Time due = m_node.next_deadline();
	if (due == core::never)
		return;
	m_tick.expires_at(asio::steady_timer::time_point{due.time_since_epoch()});
	m_tick.async_wait([this](const error_code &error) {
		if (!error)
			feed(core::Tick{});
	});
}

void Daemon::poll_links()
{
	m_poller.start(
		link_refresh_interval, [this] { return m_links.moment(); },
		[this](LinkPoller::Answer answer) {
			asio::post(m_io, [this, answer = std::move(answer)] {
				check_presence();
				if (answer.error)
					m_rate.line(LogApp::daemon, LogLevel::error, "netlink",
						    clock_now().time_since_epoch(),
						    fmt::format("netlink: {}", answer.error.message()));
				else
					m_links.take_in(answer.links, answer.asked_at);
			});
		});
}

void Daemon::arm_pulse()
{
	m_pulse.expires_after(std::min<core::Duration>(
		m_setup.configuration.ha.control_watchdog_interval() / pulses_per_watchdog, longest_pulse));
	m_pulse.async_wait([this](const error_code &error) {
		if (error)
			return;
		m_setup.channel->watchdog.fetch_add(1, std::memory_order_relaxed);
		check_presence();
		follow_sessions();
		m_worker.flush();
		arm_pulse();
	});
}

// ---------------------------------------------------------------- looking around

// What status says of readiness and of the machine; a second old at most.
void Daemon::look_around()
{
	m_record.look(m_takeovers.blockers());
	check_presence();
	follow_readiness();
	m_look.expires_after(std::chrono::seconds{1});
	m_look.async_wait([this](const error_code &error) {
		if (!error)
			look_around();
	});
}

void Daemon::sample_memory()
{
	if (const auto used = memory_used_percent())
		feed(core::MemorySample{*used});
	m_memory.expires_after(m_core_config.memory.sample_interval);
	m_memory.async_wait([this](const error_code &error) {
		if (!error)
			sample_memory();
	});
}

void Daemon::arm_hook_poll()
{
	if (!m_hooks.busy() || m_hooks_polled)
		return;
	m_hooks_polled = true;
	m_hook_poll.expires_after(hook_poll_interval);
	m_hook_poll.async_wait([this](const error_code &error) {
		m_hooks_polled = false;
		if (error)
			return;
		m_hooks.poll(clock_now());
		arm_hook_poll();
	});
}

// ---------------------------------------------------------------- links

void Daemon::link_changed(const LinkState &link)
{
	log_errors(m_takeovers.handle_link(link.name));
	for (std::size_t i = 0; i < m_monitored.size() && i < core::max_monitors; ++i)
		if (m_monitored[i] == link.name)
			feed(core::MonitorChanged{static_cast<std::uint8_t>(i), link.up});
	for (std::size_t i = 0; i < m_setup.ports.size(); ++i)
		if (m_setup.ports[i].netdev == link.name)
			feed(core::CarrierChanged{static_cast<core::LinkIndex>(i), link.up});
}

// ---------------------------------------------------------------- record

void Daemon::noticed(const core::Notice &notice)
{
	m_api.publish(m_record.take(notice, clock_now(), unix_seconds()));
}

boost::json::object Daemon::extra_status() const
{
	boost::json::object status;
	status["dataplane"] = m_setup.dataplane_text;
	m_record.tell(status);
	boost::json::object interfaces;
	for (const std::string &name : m_monitored)
		interfaces[name] = interface_usage(name);
	for (std::size_t i = 0; i < m_setup.ports.size(); ++i) {
		const PortCounters &port = m_setup.channel->counters.ports[i];
		boost::json::object usage = interface_usage(m_setup.ports[i].netdev);
		usage["rx_bytes"] = port.rx_bytes.load(std::memory_order_relaxed);
		usage["rx_packets"] = port.rx_packets.load(std::memory_order_relaxed);
		usage["tx_bytes"] = port.tx_bytes.load(std::memory_order_relaxed);
		usage["tx_packets"] = port.tx_packets.load(std::memory_order_relaxed);
		interfaces[m_setup.ports[i].name] = std::move(usage);
	}
	status["interfaces"] = std::move(interfaces);
	status["keeper"] = m_keeper.running();
	boost::json::array held;
	bool all_held = true;
	for (const auto &takeover : m_takeovers.all()) {
		if (takeover->state() != Takeover::State::primary)
			continue;
		if (m_record.claim_was_good(takeover->vcluster()))
			held.emplace_back(takeover->vcluster());
		else
			all_held = false;
	}
	status["session_pickup"] = m_sessions.status();
	status["ha_ready"] =
		readiness_json({m_node, clock_now(), m_setup.configuration, m_record.blockers(), m_sessions});
	status["control_socket"] = {{"clients", m_api.clients()},
				    {"refused", m_api.refused()},
				    {"evicted", m_api.evicted()},
				    {"denied", m_api.denied()}};
	status["addresses_held"] = all_held && !held.empty();
	status["vclusters_held"] = std::move(held);
	if (m_witness != nullptr)
		status["witness"] = m_witness->status();
	return status;
}

// ---------------------------------------------------------------- life

void Daemon::begin_stop()
{
	m_stopping = true;
	feed(core::Stopping{});
}

// Long enough for a few beats to say it, so that a successor need not wait for the dead interval.
void Daemon::say_goodbye()
{
	m_goodbye = true;
	wait_to_exit(std::clamp<core::Duration>(m_core_config.hb_interval * 3, std::chrono::milliseconds{30},
						std::chrono::seconds{1}));
}

// A hook of the role just given away may finish; its own deadline bounds that.
void Daemon::wait_to_exit(core::Duration wait)
{
	m_exit.expires_after(wait);
	m_exit.async_wait([this](const error_code &error) {
		if (error)
			return;
		if (m_hooks.busy())
			wait_to_exit(hook_poll_interval);
		else
			m_io.stop();
	});
}

// By systole-spawner: this process may start nothing any more.
SpawnResult Daemon::spawn_hook(const char *path, char *const environment[], int input, int output)
{
	const bool ran = m_setup.spawner->running();
	const SpawnResult result = m_setup.spawner->hook(path, environment, input, output);
	if (ran && !m_setup.spawner->running())
		log(LogApp::daemon, LogLevel::error,
		    "systole-spawner has ended or hangs: hooks and another keeper cannot be started until systoled is "
		    "started again");
	return result;
}

// ---------------------------------------------------------------- keys

bool Daemon::rekey(std::optional<std::uint8_t> index, std::string &error)
{
	const bool begun = m_passwords.read([this, index](PasswordSet set) { take_passwords(std::move(set), index); });
	if (!begun)
		error = "the passwords are being read already; try again in a moment";
	return begun;
}

void Daemon::take_passwords(PasswordSet set, std::optional<std::uint8_t> index)
{
	if (!set.error.empty()) {
		log(LogApp::hatalk, LogLevel::error, "rekey: {}", set.error);
		return;
	}
	if (!set.unchanged) {
		m_keys.set_passwords(std::move(set.passwords));
		m_password_indexes = set.indexes;
	}
	auto &indexes = m_password_indexes;
	const bool known = !index || m_keys.knows(*index);
	if (known && index && indexes.size() > 1 && indexes[0] != *index)
		std::swap(indexes[0], indexes[1]);
	feed(core::PasswordsChanged{indexes});
	if (!known) {
		log(LogApp::hatalk, LogLevel::error,
		    "rekey: {} has no password with index {}: set password-next and password-next-index first",
		    m_setup.file, *index);
		return;
	}
	feed(core::Rekey{});
}

// Our state was set back: what the core, the key agent and the peers agreed on is void.
void Daemon::begin_anew()
{
	if (m_stopping)
		return;
	m_nonce = fresh_nonce();
	m_keys.begin_anew(m_nonce);
	m_executor.set_nonce(m_nonce);
	feed(started_event(m_setup, m_nonce, m_resume));
	feed(core::PasswordsChanged{m_password_indexes}); // they may have changed since the configuration was read
}

int Daemon::run()
{
	if (std::string error; !m_resume.open(
		    instance_paths(m_setup.instance).resume_keys(),
		    [](const std::string &complaint) { log(LogApp::hatalk, LogLevel::warning, "{}", complaint); },
		    error)) {
		log(LogApp::daemon, LogLevel::error, "{}", error);
		return exit_keys;
	}
	if (std::string error; !m_api.start(instance_paths(m_setup.instance).socket(), error)) {
		log(LogApp::api, LogLevel::error, "{}", error);
		return exit_other;
	}
	m_takeovers.holdings().use(m_keeper.page());
	if (std::string error; !m_record.start(instance_paths(m_setup.instance).history(), error))
		log(LogApp::daemon, LogLevel::error, "{}", error);
	log_errors(m_takeovers.start());
	m_probing.start(m_setup.instance);
	if (m_witness != nullptr)
		m_witness->start();
	if (std::string error; !m_sessions.start(error)) {
		log(LogApp::hasync, LogLevel::error, "session pickup cannot be: {}", error);
		return exit_other;
	}
	look_around();
	for (const std::string &blocker : m_record.blockers())
		log(LogApp::takeover, LogLevel::warning, "{}", blocker);
	if (const auto failure = m_links.start()) { // tells every watched link's state once, before the core starts
		log(LogApp::daemon, LogLevel::error, "netlink: {}", failure.message());
		return exit_other;
	}
	m_netlink.assign(m_links.fd());
	m_doorbell.assign(m_setup.channel->bell.fd);

	// Every thread that may do slow things exists by now and keeps its ordinary priority.
	const sched_param fifo{.sched_priority = control_fifo_priority};
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo) != 0)
		log(LogApp::daemon, LogLevel::warning,
		    "control runs without real-time priority ({}); it may be late on a busy machine", strerror(errno));

	// The threads that speak TCP and UDP exist too; this one never needs to.
	if (std::string error; m_setup.sandbox && !confine_control(error)) {
		log(LogApp::daemon, LogLevel::error, "{}", error);
		return exit_keys;
	}

	m_keeper.watch();
	feed(started_event(m_setup, m_nonce, m_resume));
	if (m_core_config.memory.enabled)
		sample_memory();
	arm_pulse();
	wait_signals();
	wait_netlink();
	poll_links();
	take_events();
	m_io.run();

	m_poller.stop();
	m_probing.stop();
	m_hooks.stop(clock_now());
	log_errors(m_takeovers.shutdown());
	if (m_witness != nullptr) // after the addresses are gone
		m_witness->stop();
	m_sessions.stop();
	m_keeper.finish();
	m_api.stop();
	m_record.stop();
	m_doorbell.release();
	m_netlink.release();
	return exit_ok;
}

struct WorkerEnd {
	const std::function<void()> &stop;
	~WorkerEnd() { stop(); }
};

} // namespace

int run_daemon(DaemonSetup setup)
{
	std::signal(SIGPIPE, SIG_IGN); // a log reader that goes away must not take a primary with it
	log_start();
	log(LogApp::daemon, LogLevel::info, "instance {}: {}", setup.instance, setup.dataplane_text);
	log(LogApp::daemon, setup.sandbox ? LogLevel::info : LogLevel::warning, "{}", setup.sandbox_text);

	KeyAgent::KeyLogger logger;
#if defined(SYSTOLE_KEY_LOG)
	std::unique_ptr<crypto::KeyLog> key_log;
	if (!setup.key_log_dir.empty()) {
		std::string error;
		if (auto opened = crypto::KeyLog::open(setup.key_log_dir, error))
			key_log = std::make_unique<crypto::KeyLog>(std::move(*opened));
		if (!key_log) {
			log(LogApp::daemon, LogLevel::error, "{}", error);
			log_stop();
			return exit_keys;
		}
		log(LogApp::daemon, LogLevel::warning, "every ESP key of this run is written to {}/esp_sa",
		    setup.key_log_dir);
		logger = [&key_log](std::uint32_t spi, crypto::Suite suite, crypto::Bytes key) {
			if (!key_log->append({spi, suite, key}))
				log(LogApp::daemon, LogLevel::error, "key log: a line could not be written");
		};
	}
#endif
	const Configuration::Ha &ha = setup.configuration.ha;
	PasswordSet passwords = stretched(ha, ha.group_id, ha.group_name);
	setup.configuration.ha.password = SecretText("*"); // `show` tells that there is one
	if (!ha.password_next.empty())
		setup.configuration.ha.password_next = SecretText("*");
	if (!passwords.error.empty()) {
		log(LogApp::daemon, LogLevel::error, "{}", passwords.error);
		log_stop();
		return exit_keys;
	}
	const auto stop_worker = setup.stop_worker;
	int code = exit_other;
	{
		Daemon daemon(std::move(setup), std::move(passwords), std::move(logger));
		const WorkerEnd end{stop_worker}; // before the daemon's end, also when something throws
		code = daemon.run();
	}
	log_stop();
	return code;
}

} // namespace systole::control
