// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A small network for tests that need a real kernel: two members, a client and a server on two bridges.
//
//   client 10.1.1.1 ------ br-lan ------ port1 [m1, m2] port2 ------ br-wan ------ server 10.2.2.1
//   2001:db8:1::1                                                                   2001:db8:2::1
//
// The namespaces have no names: they live as long as the test's descriptors, so a test that dies, however it dies,
// leaves nothing behind.
#pragma once

#include "control/core/types.h"
#include "control/netlink/link_monitor_table.h"
#include "control/takeover/takeovers.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace systole::lab {

class NetworkNamespace {
public:
	NetworkNamespace();
	~NetworkNamespace();
	NetworkNamespace(const NetworkNamespace &) = delete;
	NetworkNamespace &operator=(const NetworkNamespace &) = delete;

	// The calling thread is inside as long as this lives.
	class Inside {
	public:
		explicit Inside(const NetworkNamespace &space);
		~Inside();
		Inside(const Inside &) = delete;
		Inside &operator=(const Inside &) = delete;

	private:
		int m_outside;
	};
	template <typename Function> auto run(Function &&function) const
	{
		const Inside inside(*this);
		return function();
	}
	// A shell command; its exit status. sh() must succeed, or the test fails with the command's words.
	[[nodiscard]] int status_of(const std::string &command) const;
	void sh(const std::string &command) const;
	[[nodiscard]] std::string output_of(const std::string &command) const;
	[[nodiscard]] std::string path() const; // for `ip link set X netns PATH`

private:
	int m_fd = -1;
};

using Frame = std::vector<std::uint8_t>;

// What comes in on one link of a namespace: in the fabric, what a member sends.
class Capture {
public:
	Capture(const NetworkNamespace &space, const std::string &link);
	~Capture();
	Capture(const Capture &) = delete;
	Capture &operator=(const Capture &) = delete;

	[[nodiscard]] std::vector<Frame> take(); // everything since the last take()
	[[nodiscard]] std::vector<Frame> take_from(const core::MacAddress &source);
	void send(const Frame &frame) const;

private:
	int m_fd = -1;
};

[[nodiscard]] std::string hex(const Frame &frame);
void pause(std::chrono::milliseconds time);
// True as soon as the condition holds; false when it did not within the time.
[[nodiscard]] bool eventually(std::chrono::milliseconds within, const std::function<bool()> &condition);
[[nodiscard]] std::string text_of(const control::TakeoverErrors &errors);

struct Network {
	Network();

	NetworkNamespace fabric;
	NetworkNamespace m1;
	NetworkNamespace m2;
	NetworkNamespace client;
	NetworkNamespace server;

	void connect(const NetworkNamespace &member, const std::string &port, const std::string &fabric_end,
		     const std::string &bridge);
	// The fabric end of a member's port that the virtual MAC was last seen on, as br-lan or br-wan has learnt it.
	[[nodiscard]] std::string learnt_port(const std::string &bridge, const core::MacAddress &mac) const;
};

inline constexpr core::MacAddress lan_mac{0x02, 0x09, 0x0f, 0x09, 0x67, 0x00};
inline constexpr core::MacAddress wan_mac{0x02, 0x09, 0x0f, 0x09, 0x67, 0x01};
[[nodiscard]] control::TakeoverSettings settings(const std::string &instance);

// The takeovers of a member in its namespace, with the link monitor that feeds them. What names no virtual cluster is for
// the first.
class Member {
public:
	Member(const NetworkNamespace &space, control::TakeoverSettings settings);
	~Member();

	control::TakeoverErrors start();
	control::ClaimReport claim(std::uint8_t vcluster = 1);
	control::ReleaseReport release(std::uint8_t vcluster = 1);
	control::TakeoverErrors finish_release();
	control::TakeoverErrors shutdown();
	// Takes in link and address events; what mending them gave.
	control::TakeoverErrors pump();
	control::TakeoverErrors monitor(); // from now on pump() has events
	[[nodiscard]] control::Takeovers &takeovers() { return *m_takeovers; }
	[[nodiscard]] control::Takeover &takeover() { return m_takeovers->of(1); }
	[[nodiscard]] std::vector<std::string> blockers();

private:
	const NetworkNamespace &m_space;
	std::unique_ptr<control::Takeovers> m_takeovers;
	std::unique_ptr<control::LinkMonitorTable> m_table;
	control::TakeoverErrors m_mended;
};

} // namespace systole::lab
