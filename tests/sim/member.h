// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One member of the simulated cluster: a machine that boots, dies, freezes and boots again, and on it the real
// core::Node between a simulated worker, key agent and takeover.
#pragma once

#include "control/core/node.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/key_agent.h"
#include "tests/sim/worker.h"

#include <memory>
#include <optional>
#include <vector>

namespace systole::sim {

class World;

// The addresses of the cluster, as the takeover would hold them.
struct Takeover {
	bool owns = false;
	SimTime changed_at = long_ago; // since when it is so
};

class Member {
public:
	Member(World &world, std::size_t index, Random random);

	void boot();
	void crash();
	void pause(Duration length);
	void wake(const Entry &entry);
	void deliver(std::uint32_t packet_number);
	// What an operator or the kernel says, at once.
	void command(const core::EventBody &body);

	[[nodiscard]] bool running() const { return m_process != nullptr; }
	[[nodiscard]] bool paused() const { return m_paused; }
	[[nodiscard]] bool stopping() const { return m_stopping; }
	[[nodiscard]] std::uint32_t boot_number() const { return m_boot; }
	[[nodiscard]] SimTime booted_at() const { return m_booted_at; }
	[[nodiscard]] SimTime resumed_at() const { return m_resumed_at; }
	[[nodiscard]] const core::Node &node() const { return m_process->node; }
	[[nodiscard]] const KeyAgent &keys() const { return m_process->keys; }
	[[nodiscard]] const Takeover &takeover() const { return m_takeover; }
	[[nodiscard]] const MemberClock &clock() const;
	[[nodiscard]] core::MacAddress mac(core::LinkIndex link) const;
	[[nodiscard]] const core::BootNonce &nonce() const { return m_nonce; }
	[[nodiscard]] bool monitor_up(std::size_t monitor) const { return m_monitor_up[monitor]; }
	void set_monitor(std::size_t monitor, bool up);

private:
	struct Process {
		Process(World &world, std::size_t index, const core::Config &config, const core::BootNonce &nonce,
			std::uint64_t password, Random random);
		core::Node node;
		KeyAgent keys;
		std::vector<core::Event> ring;
		Worker worker;
	};

	void step(const core::Event &event);
	void run(const core::Event &event);
	void control();
	void ring_bell();
	void resume();
	void plan_tick();
	void send(const OutgoingHake &message);
	void send(const std::optional<OutgoingHake> &message);

	void carry_out(const core::SendHello &);
	void carry_out(const core::BeginExchange &action);
	void carry_out(const core::ResendKe1 &action);
	void carry_out(const core::EvaluateKe1 &action);
	void carry_out(const core::SendKe2 &action);
	void carry_out(const core::EvaluateKe2 &action);
	void carry_out(const core::SendKe3 &action);
	void carry_out(const core::CheckKe3 &action);
	void carry_out(const core::InstallInboundKeys &action);
	void carry_out(const core::BindCandidate &action);
	void carry_out(const core::InstallOutboundKeys &action);
	void carry_out(const core::DropSession &action);
	void carry_out(const core::StartPeerBeats &action);
	void carry_out(const core::StopPeerBeats &action);
	void carry_out(const core::SetPeerMac &action);
	void carry_out(const core::SetBeatContent &action);
	void carry_out(const core::BecomePrimary &);
	void carry_out(const core::BecomeSecondary &);
	void carry_out(const core::Reannounce &) {}
	void carry_out(const core::Notice &) {}

	World &m_world;
	std::size_t m_index;
	Random m_random;
	std::unique_ptr<Process> m_process;
	std::uint32_t m_boot = 0;
	std::uint8_t m_mac_version = 0;
	core::BootNonce m_nonce{};
	SimTime m_booted_at = long_ago;
	std::vector<core::KeyResult> m_answers;
	Takeover m_takeover;
	std::array<bool, core::max_monitors> m_monitor_up{};
	bool m_stopping = false;
	bool m_control_planned = false;
	SimTime m_tick_at = sim_never;
	int m_ticks_in_a_row = 0;

	bool m_paused = false;
	SimTime m_paused_at{};
	SimTime m_resumed_at = long_ago;
	std::vector<std::uint32_t> m_waiting; // packets in the NIC's queue while paused
};

} // namespace systole::sim
