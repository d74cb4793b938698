// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A daemon without a data plane: a real core::Node that is fed by hand, and a clock that stands where it is put.
#pragma once

#include "control/api/backend.h"
#include "control/notice_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace systole::control::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline const std::string self_serial = "FGVM02TM23001318";
inline const std::string peer_serial = "FGVM02TM23001313"; // the smaller one: it starts the exchange

inline std::string read_vector(const std::string &name)
{
	std::ifstream file(std::string(SYSTOLE_TEST_VECTORS) + "/api/" + name);
	EXPECT_TRUE(file.good()) << name;
	return {std::istreambuf_iterator<char>(file), {}};
}

// The article's first scenario.
inline Configuration seed_configuration()
{
	Configuration configuration;
	configuration.global.hostname = "m1";
	configuration.global.serial = self_serial;
	configuration.ha.mode = Configuration::Mode::active_passive;
	configuration.ha.group_id = 103;
	configuration.ha.group_name = "remote-mon";
	configuration.ha.hbdev = {{"port5", 50}};
	configuration.ha.monitor = {"port2"};
	configuration.ha.pingserver_monitor_interface = {"port2"};
	configuration.ha.pingserver_failover_threshold = 4;
	configuration.ha.pingserver_flip_timeout = std::chrono::minutes{6};
	configuration.ha.priority = 130;
	Configuration::LinkMonitor monitor;
	monitor.name = "ha-monitor";
	monitor.srcintf = "port2";
	monitor.servers = {"8.8.8.8"};
	monitor.failtime = 2;
	monitor.ha_priority = 5;
	configuration.link_monitors.push_back(monitor);
	return configuration;
}

// Virtual cluster 1 prefers this member and monitors port1; 2 prefers the other, monitors port2 and has the ping server.
inline Configuration two_vclusters()
{
	Configuration configuration = seed_configuration();
	configuration.ha.vcluster_status = true;
	Configuration::Vcluster first, second;
	first.id = 1;
	first.priority = 200;
	first.override_enabled = true;
	first.monitor = {"port1"};
	second.id = 2;
	second.priority = 100;
	second.override_enabled = true;
	second.monitor = {"port2"};
	second.pingserver_monitor_interface = {"port2"};
	second.pingserver_failover_threshold = 4;
	second.pingserver_flip_timeout = std::chrono::minutes{6};
	configuration.ha.vclusters = {first, second};
	return configuration;
}

class FakeBackend final : public ApiBackend {
public:
	explicit FakeBackend(const Configuration &settings = seed_configuration())
	    : m_configuration(settings), m_node(std::make_unique<core::Node>(core_config(settings)))
	{
		for (const auto &hbdev : settings.ha.hbdev)
			m_ports.push_back(
				{hbdev.name, hbdev.name, "net_af_packet0", hbdev.priority, {2, 0, 0, 0, 0, 1}});
		m_names.member = settings.global.serial;
		m_names.monitors = settings.ha.monitored_interfaces();
		for (const auto &hbdev : settings.ha.hbdev)
			m_names.hbdevs.push_back(hbdev.name);
	}

	core::Time now{seconds{1000}};
	double unix_at_zero = 1'763'760'000; // of the monotonic clock
	boost::json::object extra;
	std::vector<LinkMonitorStatus> link_monitors;
	WorkerCounters worker;
	History past;
	std::vector<core::EventBody> commanded;
	std::vector<std::optional<std::uint8_t>> rekeyed; // with which index
	std::string no_rekey;                             // why not, if not
	std::string debug_app, debug_level;

	const core::Node &node() const override { return *m_node; }
	const Configuration &configuration() const override { return m_configuration; }
	const WorkerCounters &counters() const override { return worker; }
	std::span<const HeartbeatPort> ports() const override { return m_ports; }
	std::string poll_mode() const override { return "adaptive"; }
	const History &history() const override { return past; }
	core::Time mono_now() const override { return now; }
	double unix_now() const override
	{
		return unix_at_zero + std::chrono::duration<double>(now.time_since_epoch()).count();
	}
	std::vector<LinkMonitorStatus> link_monitor_status() const override { return link_monitors; }
	std::string version() const override { return "9.9.9"; }
	void command(const core::EventBody &event) override
	{
		commanded.push_back(event);
		step(event);
	}
	bool rekey(std::optional<std::uint8_t> index, std::string &error) override
	{
		rekeyed.push_back(index);
		error = no_rekey;
		return error.empty();
	}
	bool set_debug(std::string_view app, std::string_view level, std::string &error) override
	{
		debug_app = app;
		debug_level = level;
		error = "unknown app 'nonsense'";
		return app != "nonsense";
	}
	boost::json::object extra_status() const override { return extra; }

	void step(const core::EventBody &body)
	{
		m_actions->clear();
		m_node->step({now, body}, *m_actions);
		for (const core::Action &action : *m_actions) {
			if (const auto *notice = std::get_if<core::Notice>(&action))
				past.append(notice_json(*notice, m_names,
							{notice->at.time_since_epoch().count(), unix_now(), "boot"}));
			else if (const auto *evaluate = std::get_if<core::EvaluateKe1>(&action))
				m_session = evaluate->session;
			else if (const auto *begin = std::get_if<core::BeginExchange>(&action))
				m_session = begin->session;
			else if (const auto *beats = std::get_if<core::StartPeerBeats>(&action))
				m_slot = beats->slot;
		}
	}
	void start()
	{
		core::Started started;
		started.nonce = m_nonce;
		started.seed = 1;
		started.hostname = core::Hostname::from("m1");
		for (const HeartbeatPort &port : m_ports)
			started.macs.push_back(port.mac);
		step(started);
	}
	// Ticks that fall due on the way to `until`.
	void pass(core::Duration duration)
	{
		const core::Time end = now + duration;
		while (m_node->next_deadline() <= end) {
			now = std::max(now, m_node->next_deadline());
			step(core::Tick{});
		}
		now = end;
	}
	// A whole key exchange; `beat`, `say` and `link` speak for that peer from here on. Whoever has the smaller serial
	// starts it. `outcome` is what the peer's KE2 is found to be, if it is the peer that answers.
	void session_with(const std::string &serial, std::uint8_t boot = 7,
			  core::KeyOutcome outcome = core::KeyOutcome::ok)
	{
		core::HakeHeader header{
			core::HakeType::ke1, m_configuration.ha.group_id, 0, core::MemberId::from(serial), {}};
		header.nonce.fill(boot);
		const core::Config config = core_config(m_configuration);
		core::ExchangeHead head;
		head.header = header;
		head.destination = config.self;
		head.destination_nonce = m_nonce;
		head.capabilities = config.capabilities;
		head.policy = config.policy;
		head.spi_base = 0x1000;
		head.link_bitmap = static_cast<std::uint8_t>((1U << m_ports.size()) - 1);
		const auto receive = [&](const core::HakeBytes &message) {
			step(core::HakeReceived{0, {2, 0, 0, 0, 0, 9}, message});
		};
		if (header.sender < config.self) {
			receive(core::encode(core::Ke1{head, {}, {}}));
			step(core::KeyResult{m_session, core::KeyStep::ke1, core::KeyOutcome::ok});
		} else {
			header.type = core::HakeType::hello;
			receive(core::encode(
				core::Hello{header, config.group_name, config.capabilities, config.policy}));
			head.header.type = core::HakeType::ke2;
			head.suite = static_cast<std::uint8_t>(core::Suite::gcm);
			receive(core::encode(core::Ke2{head, {}, {}, {}}));
			step(core::KeyResult{m_session, core::KeyStep::ke2, outcome});
			if (outcome != core::KeyOutcome::ok)
				return;
		}
		step(core::SessionConfirmed{m_session});
	}
	core::HeartbeatContent words; // the peer's next beat
	void link(core::LinkIndex link_index, core::LinkHealth health)
	{
		step(core::PeerLinkChanged{m_slot, m_node->members()[m_slot].generation, link_index, health,
					   health != core::LinkHealth::down, now});
		worker.peers[m_slot][link_index].last_rx_ns = now.time_since_epoch().count();
	}
	void beat()
	{
		core::BeatReceived received;
		received.slot = m_slot;
		received.session = m_node->members()[m_slot].session;
		received.sent_ns = now.time_since_epoch().count();
		received.content = words;
		step(received);
	}
	using Edit = std::function<void(core::VclusterBeat &)>;
	// The peer's words with this state in every virtual cluster, aged `age` now; `edit` may say otherwise.
	void say(core::HaState state, core::Duration age, std::uint32_t reset_count = 0, const Edit &edit = {})
	{
		words.capabilities = core_config(m_configuration).capabilities;
		words.hostname = core::Hostname::from("m2");
		words.config_checksum = {};
		words.vclusters.clear();
		for (std::size_t place = 0; place < m_node->vcluster_count(); ++place) {
			core::VclusterBeat vcluster;
			vcluster.id = m_node->vcluster(place).id;
			vcluster.state = state;
			vcluster.age_origin_ns = (now - age).time_since_epoch().count();
			vcluster.reset_count = reset_count;
			vcluster.epoch = 1;
			if (edit)
				edit(vcluster);
			words.vclusters.push_back(vcluster);
		}
		words.macs.clear();
		for (std::size_t i = 0; i < m_ports.size(); ++i)
			words.macs.push_back({0x00, 0x43, 0xaa, 0xbb, 0xcc, static_cast<std::uint8_t>(5 + i)});
		beat();
	}
	// A peer that is primary and has been there for `age`; we follow it.
	void join_primary(core::Duration age)
	{
		start();
		session_with(peer_serial);
		for (std::size_t i = 0; i < m_ports.size(); ++i)
			link(static_cast<core::LinkIndex>(i), core::LinkHealth::up);
		say(core::HaState::work, age);
	}
	[[nodiscard]] core::PeerSlot slot() const { return m_slot; }

private:
	Configuration m_configuration;
	std::unique_ptr<core::Node> m_node;
	std::unique_ptr<core::Actions> m_actions = std::make_unique<core::Actions>();
	std::vector<HeartbeatPort> m_ports;
	NoticeNames m_names;
	core::BootNonce m_nonce{1, 2, 3};
	core::SessionId m_session = 0;
	core::PeerSlot m_slot = 0;
};

} // namespace systole::control::test
