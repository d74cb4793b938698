// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One member of the simulated cluster: a machine that boots, dies, freezes and comes back, with a kernel that holds
// addresses and a keeper that takes them away; and on it, most of the time, a daemon: the real core::Node between a
// simulated worker and key agent.
//
//   machine   off --boot()--> on --crash()--> off
//   daemon    boot() --> runs --kill(), crash(), exit--> ended; its keeper and the kernel's addresses may outlive it
//   threads   each may be halted: worker and control (SIGSTOP), control alone (hung), all with the keeper (machine)
#pragma once

#include "control/attendance.h"
#include "control/core/node.h"
#include "control/vital_signs.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/key_agent.h"
#include "tests/sim/plan.h"
#include "tests/sim/takeover.h"
#include "tests/sim/worker.h"

#include <bitset>
#include <memory>
#include <optional>
#include <vector>

namespace systole::sim {

class World;

inline constexpr std::uint8_t idle_memory = 40; // percent

enum class Thread : std::uint8_t { worker, control, keeper };

// Away for longer than the dead interval, and what must have happened before the member may speak again.
struct Absence {
	bool listening = false; // its worker is back, since:
	SimTime listening_since{};
	SimTime back_at{};                    // and its control
	std::bitset<max_sim_members> awaited; // alive when it went, and not lost since
};

// What operators have set, and when they last changed something.
struct Orders {
	std::vector<std::uint8_t> priority;
	std::vector<bool> override_enabled;
	bool maintenance = false;
	bool ssd_failed = false;
	SimTime changed_at = long_ago;
	bool short_of_memory = false; // by the rule of docs/ELECTION.md, counted here
	SimTime above_since = sim_never;
	SimTime not_before = long_ago;
};

class Member {
public:
	Member(World &world, std::size_t index, Random random);

	void boot();
	void crash();
	void kill();
	// Does not turn before `until`. Whoever is halted already stays so until the later of both.
	void halt(Thread thread, SimTime until);
	void end_halts();
	void wake(const Entry &entry);
	void deliver(std::uint32_t packet_number);
	// What an operator or the kernel says: at once, or when control turns again.
	void command(const core::EventBody &body);
	void carrier_changed();

	[[nodiscard]] bool powered() const { return m_powered; }
	[[nodiscard]] bool running() const { return m_process != nullptr; }
	[[nodiscard]] bool halted(Thread thread) const { return at(thread).stopped; }
	[[nodiscard]] bool frozen_with_all(Thread thread) const;
	[[nodiscard]] const Absence *absence() const { return m_absence ? &*m_absence : nullptr; }
	// When the newest beat was sent that it has had of another.
	[[nodiscard]] SimTime heard_of(std::size_t other) const { return m_heard[other]; }
	// Since when control has not turned; never if it does.
	[[nodiscard]] SimTime hung_since() const
	{
		return at(Thread::control).stopped ? at(Thread::control).since : sim_never;
	}
	// Its daemon turns, listens, decides and may be heard.
	[[nodiscard]] bool present() const;
	// The last time at which it was not: every bound that counts from somebody's decisions begins there.
	[[nodiscard]] SimTime present_since() const { return m_present_since; }
	// The last moment at which its worker turned and could be heard.
	[[nodiscard]] SimTime heard_until() const;
	// For how long of the time since `since` its keeper could not turn.
	[[nodiscard]] Duration keeper_stalled(SimTime since) const;
	[[nodiscard]] bool stopping() const { return m_stopping; }
	[[nodiscard]] std::uint32_t boot_number() const { return m_boot; }
	[[nodiscard]] SimTime booted_at() const { return m_booted_at; }
	[[nodiscard]] const core::Node &node() const { return m_process->node; }
	[[nodiscard]] const KeyAgent &keys() const { return m_process->keys; }
	[[nodiscard]] const Takeover &takeover(std::size_t vcluster) const { return m_takeovers[vcluster]; }
	[[nodiscard]] const MemberClock &clock() const { return m_clock; }
	[[nodiscard]] core::MacAddress mac(core::LinkIndex link) const;
	[[nodiscard]] const core::BootNonce &nonce() const { return m_nonce; }

	// ---- what surrounds it
	[[nodiscard]] bool monitor_up(std::size_t monitor) const { return m_monitor_up[monitor]; }
	void set_monitor(std::size_t monitor, bool up);
	// The last change of one of those that a virtual cluster monitors.
	[[nodiscard]] SimTime monitor_changed_at(std::size_t vcluster) const;
	// What a link monitor looks at. Who is primary finds out.
	[[nodiscard]] bool path_good(std::size_t link_monitor) const { return m_path_good[link_monitor]; }
	[[nodiscard]] SimTime path_changed_at() const { return m_path_changed_at; } // one of them, last
	void set_path(std::size_t link_monitor, bool good);
	void set_memory(std::uint8_t used_percent) { m_memory = used_percent; }
	// Whether it has all sessions: not since it booted, later with gaps now and then.
	[[nodiscard]] bool ready() const { return m_ready; }
	[[nodiscard]] SimTime ready_changed_at() const { return m_ready_changed_at; }
	void fill_up(); // and stays so
	// What an operator has told its daemon since it started; the checkers compare.
	[[nodiscard]] const Orders &orders() const { return m_orders; }
	void order_priority(std::optional<std::size_t> vcluster, std::uint8_t priority); // none: all
	void order_override(std::optional<std::size_t> vcluster, bool enabled);
	void order_maintenance(bool set);
	void order_ssd(bool failed);
	// Until when the witness truly keeps the lease for it.
	[[nodiscard]] SimTime lease_until(std::size_t vcluster) const { return m_lease_until[vcluster]; }

	// ---- for its worker
	void heard(std::size_t other, SimTime sent_at);
	// It is about to stop turning, or to be silent.
	void note_vital();
	// What it and the keeper let each other see.
	[[nodiscard]] bool machine_was_away() const;

private:
	struct Process {
		Process(World &world, std::size_t index, const core::Config &config, const core::BootNonce &nonce,
			std::uint64_t password, Random random, ResumeSecrets &resume);
		core::Node node;
		KeyAgent keys;
		std::vector<RingEntry> ring;
		std::uint64_t watchdog = 0; // control's turn counter
		Worker worker;
		control::Attendance attendance;
		bool addresses_gone = false;   // netlink says so
		SimTime claimed_at = long_ago; // the train of announcements began
	};
	struct Halt {
		bool stopped = false;
		SimTime since = long_ago;
		SimTime until = long_ago;
	};

	[[nodiscard]] std::size_t vclusters() const { return m_takeovers.size(); }
	[[nodiscard]] bool holds_addresses() const;
	[[nodiscard]] bool announces() const; // at least one virtual cluster's
	void release_addresses();
	[[nodiscard]] Halt &at(Thread thread) { return m_halts[static_cast<std::size_t>(thread)]; }
	[[nodiscard]] const Halt &at(Thread thread) const { return m_halts[static_cast<std::size_t>(thread)]; }
	[[nodiscard]] core::Time local_now() const;
	[[nodiscard]] bool can_be_heard() const;
	[[nodiscard]] core::Time vital() const;

	void end_process();
	void thaw(Thread thread);
	void thaw_worker(Duration gap);
	void thaw_control();
	void was_absent();

	[[nodiscard]] bool turned_lately() const;
	void tell(control::Attendance::Word word, const core::EventBody &returned);
	void check_presence();
	void feed(const core::EventBody &body);
	void step(const core::EventBody &body);
	void run(const core::EventBody &body);
	void control();
	void ring_bell();
	void beat();
	void announce();
	void announced();
	void tell_carrier();
	void plan_tick();
	void plan_beat();
	void plan_pulse();
	void claim(std::size_t vcluster);
	void plan_probe(std::size_t link_monitor);
	void probed(std::size_t link_monitor);
	void ask_witness(bool in_between);
	void sample_memory();
	void begin_to_fill();
	void change_readiness();
	void set_ready(bool ready);
	void count_memory(std::uint8_t used_percent);
	void keeper_look();
	void plan_keeper(SimTime at);
	[[nodiscard]] core::HakeBytes hello(core::LinkIndex link) const;
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
	void carry_out(const core::AskRekey &action);
	void carry_out(const core::SayBye &action);
	void carry_out(const core::KeepResumeKey &action);
	void carry_out(const core::DropSession &action);
	void carry_out(const core::StartPeerBeats &action);
	void carry_out(const core::StopPeerBeats &action);
	void carry_out(const core::SetPeerMac &action);
	void carry_out(const core::SetBeatContent &action);
	void carry_out(const core::BecomePrimary &action);
	void carry_out(const core::BecomeSecondary &action);
	void carry_out(const core::SuspendClaim &action);
	void carry_out(const core::ResumeClaim &action);
	void carry_out(const core::SeekWitness &action);
	void carry_out(const core::EndSilence &);
	void carry_out(const core::BeginAnew &) {} // no-false-loss fails before that
	void carry_out(const core::Reannounce &);
	void carry_out(const core::Notice &) {}

	World &m_world;
	std::size_t m_index;
	const MemberClock m_clock;
	Random m_random;
	bool m_powered = false;
	std::array<Halt, 3> m_halts{};
	std::unique_ptr<Process> m_process;
	std::uint32_t m_boot = 0;
	std::uint8_t m_mac_version = 0;
	core::BootNonce m_nonce{};
	ResumeSecrets m_resume; // on its disk
	SimTime m_booted_at = long_ago;
	SimTime m_present_since = long_ago;
	SimTime m_worker_back_at = long_ago; // from more than a dead interval
	std::vector<core::KeyResult> m_answers;
	std::array<bool, core::max_monitors> m_monitor_up{};
	std::array<SimTime, core::max_monitors> m_monitor_changed_at{};
	std::array<bool, core::max_ping_monitors> m_path_good{};
	SimTime m_path_changed_at = long_ago;
	std::uint8_t m_memory = idle_memory;
	Random m_fill_random; // a stream of its own
	bool m_ready = true;
	bool m_filled_up = false;
	SimTime m_ready_changed_at = long_ago;
	Orders m_orders;
	std::vector<SimTime> m_lease_until;
	std::optional<bool> m_witness_told; // whether it can be reached
	std::array<bool, core::max_links> m_carrier_told{};
	bool m_stopping = false;
	bool m_farewell = false;   // it has said goodbye
	bool m_exit_waits = false; // its timer has run out while control was halted
	bool m_control_planned = false;
	SimTime m_tick_at = sim_never;
	SimTime m_announce_at = sim_never;
	int m_ticks_in_a_row = 0;
	std::vector<std::uint32_t> m_waiting; // packets in the NIC's queue while the worker is halted
	std::optional<Absence> m_absence;
	std::array<SimTime, max_sim_members> m_heard{};

	std::vector<Takeover> m_takeovers; // of each virtual cluster
	bool m_keeper_runs = false;
	control::KeeperWatch m_keeper;
	SimTime m_keeper_at = sim_never;
	struct Stall {
		SimTime from;
		SimTime to;
	};
	std::vector<Stall> m_keeper_stalls; // the last few
	control::VitalSigns m_signs;        // the page that worker and keeper share
	core::Time m_keeper_planned{};      // its next look
	SimTime m_heard_until = long_ago;
};

} // namespace systole::sim
