// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A small cluster under a virtual clock: real Nodes, real wire bytes, an ideal key agent and an ideal worker for each,
// and a fabric that loses nothing unless it is told to. For scenarios and for unit tests of the handshake and the
// node; the randomised simulator is tests/sim.
//
// Every member has a clock of its own (an offset), as every machine has its own CLOCK_MONOTONIC. Times in the record
// are the fabric's.
#pragma once

#include "control/core/liveness.h"
#include "control/core/node.h"
#include "tests/scenario/ideal_key_agent.h"
#include "tests/scenario/ideal_witness.h"

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace systole::scenario {

struct Frame {
	std::size_t from = 0; // index of the sending member; `outside` for forged ones
	core::LinkIndex link = 0;
	core::MacAddress source{};
	core::MacAddress destination{};
	core::HakeBytes hake; // empty: a beat in ESP. With a secret it is in ESP, too
	std::uint64_t secret = 0;
	bool from_a = false;
	std::vector<std::byte> body;
};
inline constexpr std::size_t outside = SIZE_MAX;

struct Record { // what a member did that an operator could see, and BecomePrimary, BecomeSecondary, Reannounce
	core::Time at{};
	std::size_t member = 0;
	core::Action action;
};

struct MemberSettings {
	core::Config config;
	std::string name;
	std::string password = "secret";
	core::Duration clock_offset{};
};

class Cluster {
public:
	static constexpr core::Duration wire_delay = std::chrono::microseconds{100};
	static constexpr core::Duration key_delay = std::chrono::microseconds{200};
	static constexpr core::Duration fence_delay = std::chrono::milliseconds{1};
	static constexpr core::Duration rest_delay = std::chrono::milliseconds{20};
	static constexpr core::Duration probe_delay = std::chrono::seconds{1}; // failtime x interval

	std::size_t add(const MemberSettings &settings);
	[[nodiscard]] std::size_t size() const { return m_members.size(); }

	// ---- causes
	void start(std::size_t member);
	void crash(std::size_t member); // power loss: nothing more is sent or heard
	void stop(std::size_t member);  // orderly: the process ends one second later
	void give(std::size_t member, const core::EventBody &event);
	void cut(std::size_t from, std::size_t to, core::LinkIndex link);
	void heal(std::size_t from, std::size_t to, core::LinkIndex link);
	void send(Frame frame); // also forged ones
	// What a link monitor looks at; whoever is primary finds out after probe_delay.
	void set_path(std::size_t member, std::uint8_t link_monitor, bool good);
	void reach_witness(std::size_t member, bool reachable) { m_witness.set_reachable(member, reachable); }
	// As long as they do not keep up, a successor does not come to have this member's sessions.
	void keep_up_sessions(std::size_t member, bool keep_up);
	// Called for every frame that is sent, and may change it; false loses it.
	std::function<bool(Frame &)> filter;

	// ---- time
	void run_for(core::Duration duration) { run_until(m_now + duration); }
	void run_until(core::Time end);
	[[nodiscard]] core::Time now() const { return m_now; }

	// ---- effects
	[[nodiscard]] bool running(std::size_t member) const { return m_members[member].node != nullptr; }
	[[nodiscard]] const core::Node &node(std::size_t member) const { return *m_members[member].node; }
	[[nodiscard]] const MemberSettings &settings(std::size_t member) const { return m_members[member].settings; }
	[[nodiscard]] const std::vector<Record> &record() const { return m_record; }
	[[nodiscard]] std::vector<core::Notice> notices(std::size_t member, core::NoticeKind kind) const;
	[[nodiscard]] std::vector<std::size_t> primaries() const;
	[[nodiscard]] std::size_t sessions(std::size_t member) const { return m_members[member].keys->sessions(); }
	[[nodiscard]] std::string name_of(const core::MemberId &id) const;

private:
	struct Peer { // the worker's half of one peer
		bool beating = false;
		core::SessionId generation = 0;
		core::SessionId outbound = 0;
		std::uint8_t links_used = 0;
		std::uint8_t outbound_links = 0;
		std::array<core::MacAddress, core::max_links> macs{};
		std::array<core::LinkLiveness, core::max_links> links{};
		std::vector<std::byte> last_content; // what was handed up last
		bool last_life = false;
		core::Time handed_up{};
	};
	struct Member {
		MemberSettings settings;
		std::unique_ptr<core::Node> node;
		std::unique_ptr<IdealKeyAgent> keys;
		std::array<Peer, core::max_members> peers{};
		std::vector<std::byte> content;
		std::uint64_t boots = 0;
		std::uint64_t beginnings = 0; // of this boot: one, and one for each time its state was set back
		core::Time next_beat = core::never;
		core::Time ends_at = core::never;
		std::set<std::uint8_t> dead_paths;
		bool sessions_behind = false;
		std::uint32_t fenced = 0; // the hand-overs that the ideal session thread has dealt with
		std::uint32_t parted = 0;
	};
	struct Delivery {
		core::Time at;
		std::uint64_t order;
		std::size_t to;
		std::uint64_t boot; // of the member it is for
		std::variant<Frame, core::EventBody> what;
		bool operator<(const Delivery &other) const
		{
			return at != other.at ? at < other.at : order < other.order;
		}
	};

	[[nodiscard]] core::Time local(const Member &member, core::Time at) const
	{
		return at + member.settings.clock_offset;
	}
	[[nodiscard]] core::MacAddress mac_of(std::size_t member, core::LinkIndex link) const;
	[[nodiscard]] core::Started fresh(std::size_t member);
	void step(std::size_t member, const core::EventBody &event);
	void perform(std::size_t member, const core::Action &action);
	void later(std::size_t member, core::Duration delay, const core::EventBody &event);
	void send_hake(std::size_t member, core::LinkIndex link, const core::MacAddress &to,
		       const core::HakeBytes &bytes);
	void send_sealed(std::size_t member, core::PeerSlot slot, core::LinkIndex link, const core::HakeBytes &bytes);
	void send_message(std::size_t member, core::SessionId session, const core::HakeBytes &bytes);
	void beat(std::size_t member);
	void probe(std::size_t member);
	void tell_sessions(std::size_t member);
	void ask_witness();
	void receive(std::size_t member, const Frame &frame);
	void judge(std::size_t member, core::PeerSlot slot, core::LinkIndex link);
	[[nodiscard]] core::Time next_wake(const Member &member) const;
	void wake(std::size_t member);
	void end(std::size_t member);

	core::Time m_now{std::chrono::seconds{1000}};
	std::uint64_t m_order = 0;
	std::vector<Member> m_members;
	std::set<Delivery> m_queue;
	IdealWitness m_witness;
	core::Time m_next_witness{};
	std::set<std::array<std::size_t, 3>> m_cuts; // from, to, link
	std::vector<Record> m_record;
};

} // namespace systole::scenario
