// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Three keepers race for one key of an imagined etcd, by a seed: requests and answers are lost or late, members pause,
// endpoints go silent, clocks run apart, etcd changes its leader and an old leader still answers keep-alives. After every
// event: never two that hold at once.
#include "control/witness/lease_keeper.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>

using namespace systole;
using namespace systole::control;
using namespace std::chrono_literals;

namespace {

// What etcd does with each request, at its own time.
class ImaginedEtcd {
public:
	LeaseAnswer handle(const LeaseRequest &request, const std::string &serial, core::Time now, bool stale_leader)
	{
		expire(now);
		LeaseAnswer answer{
			.request = request.id, .outcome = LeaseOutcome::answered, .cluster = 1, .term = m_term};
		const auto lease = m_leases.find(request.lease);
		switch (request.ask) {
		case Ask::look: tell_key(answer); break;
		case Ask::grant:
			answer.lease = ++m_last;
			answer.ttl = request.ttl;
			m_leases[m_last] = now + request.ttl;
			m_ttl = request.ttl;
			break;
		case Ask::acquire:
			if (m_key_lease != 0) {
				tell_key(answer);
			} else if (lease == m_leases.end()) {
				answer.outcome = LeaseOutcome::lease_gone;
			} else {
				m_key_lease = request.lease;
				m_holder = serial;
				answer.created = true;
			}
			break;
		case Ask::keep_alive:
			answer.ttl = m_ttl;
			if (stale_leader && m_term > 1)
				answer.term = m_term - 1; // it knows the lease, and renews what nobody will look at
			else if (lease == m_leases.end())
				answer.outcome = LeaseOutcome::lease_gone;
			else
				lease->second = now + m_ttl;
			break;
		case Ask::revoke:
			if (lease == m_leases.end())
				answer.outcome = LeaseOutcome::lease_gone;
			else
				end(lease);
			break;
		}
		return answer;
	}
	void change_leader() { ++m_term; }
	int handovers() const { return m_handovers; }

private:
	using Leases = std::map<LeaseId, core::Time>;
	void expire(core::Time now)
	{
		for (auto lease = m_leases.begin(); lease != m_leases.end();)
			lease = lease->second <= now ? end(lease) : std::next(lease);
	}
	Leases::iterator end(Leases::iterator lease)
	{
		if (lease->first == m_key_lease) {
			m_key_lease = 0;
			++m_handovers;
		}
		return m_leases.erase(lease);
	}
	void tell_key(LeaseAnswer &answer) const
	{
		answer.key_exists = m_key_lease != 0;
		answer.lease = m_key_lease;
		answer.holder = m_key_lease != 0 ? m_holder : "";
	}

	Leases m_leases;
	LeaseId m_key_lease = 0;
	LeaseId m_last = 0;
	std::chrono::seconds m_ttl{};
	std::string m_holder;
	std::uint64_t m_term = 1;
	int m_handovers = 0;
};

struct Member {
	LeaseKeeper keeper;
	double rate;
	core::Time paused_until{};
	core::Time cut_until{};
	std::uint64_t generation = 0; // of this process

	core::Time local(core::Time real) const
	{
		return core::Time{core::Duration{
			static_cast<std::int64_t>(static_cast<double>(real.time_since_epoch().count()) * rate)}};
	}
};

struct Message {
	std::size_t member;
	std::uint64_t generation;
	bool to_etcd;
	LeaseRequest request;
	LeaseAnswer answer;
};

struct Outcome {
	int held = 0; // milliseconds in which somebody held
	int handovers = 0;
};

Outcome race(std::uint64_t seed)
{
	std::mt19937_64 random{seed};
	const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
	const auto up_to = [&](core::Duration limit) {
		return core::Duration{static_cast<std::int64_t>(random() % limit.count())};
	};
	// Half of the allowance each: the server's clock is the true one.
	const auto start = [&](std::size_t i) {
		return Member{.keeper = LeaseKeeper{{.endpoints = 2,
						     .serial = "SYS" + std::to_string(i),
						     .ttl = 2s,
						     .timeout = 300ms,
						     .probe = 2s,
						     .jitter_seed = random()}},
			      .rate = 1.0 + (static_cast<double>(random() % 1001) - 500) / 1e6};
	};
	ImaginedEtcd etcd;
	std::vector<Member> members;
	for (std::size_t i = 0; i < 3; ++i)
		members.push_back(start(i));
	std::multimap<core::Time, Message> network;
	core::Time stale_until{};
	Outcome outcome;

	const auto step = [&](std::size_t i, core::Time now, const LeaseEvent &event) {
		Member &member = members[i];
		const auto request = member.keeper.step(member.local(now), event);
		if (request && !chance(8) && now >= member.cut_until)
			network.emplace(now + up_to(chance(10) ? 1500ms : 20ms),
					Message{i, member.generation, true, *request, {}});
	};
	const core::Time end = core::Time{1000s} + 60s;
	for (core::Time now{1000s}; now < end; now += 1ms) {
		while (!network.empty() && network.begin()->first <= now) {
			const Message message = network.begin()->second;
			network.erase(network.begin());
			if (message.to_etcd) {
				Message back = message;
				back.to_etcd = false;
				back.answer = etcd.handle(message.request, "SYS" + std::to_string(message.member), now,
							  chance(3));
				if (!chance(8))
					network.emplace(now + up_to(chance(10) ? 1500ms : 20ms), back);
			} else if (now < members[message.member].paused_until) {
				network.emplace(members[message.member].paused_until, message);
			} else if (message.generation == members[message.member].generation) {
				step(message.member, now, message.answer);
			}
		}
		for (std::size_t i = 0; i < members.size(); ++i) {
			Member &member = members[i];
			if (now < member.paused_until)
				continue;
			if (random() % 2000 == 0)
				member.paused_until = now + up_to(5s);
			else if (random() % 2000 == 0)
				member.cut_until = now + up_to(5s);
			else if (random() % 20000 == 0) {
				const std::uint64_t generation = member.generation + 1;
				member = start(i); // killed and restarted
				member.generation = generation;
			} else if (random() % 1000 == 0)
				step(i, now, LeaseWanted{chance(75)});
			else if (member.local(now) >= member.keeper.next_due())
				step(i, now, LeaseTick{});
		}
		if (random() % 3000 == 0) {
			etcd.change_leader();
			stale_until = now + up_to(4s); // the old one was frozen, and some still reach it
		}

		int holders = 0;
		for (const Member &member : members)
			holders += member.keeper.view(member.local(now)).holding;
		outcome.held += holders;
		if (holders > 1) {
			ADD_FAILURE() << "seed " << seed << ": " << holders << " hold at "
				      << (now - core::Time{1000s}) / 1ms << " ms";
			return outcome;
		}
	}
	outcome.handovers = etcd.handovers();
	return outcome;
}

} // namespace

TEST(LeaseRace, neverTwoHoldAtOnce)
{
	Outcome all;
	constexpr int seeds = 60;
	for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
		const Outcome one = race(seed);
		all.held += one.held;
		all.handovers += one.handovers;
	}
	// Else nothing was tested.
	EXPECT_GT(all.held, seeds * 60'000 / 4) << "milliseconds held";
	EXPECT_GT(all.handovers, seeds * 3);
	std::cout << seeds << " seeds of 60 s: held " << all.held / 1000 << " s, handed over " << all.handovers
		  << " times\n";
}
