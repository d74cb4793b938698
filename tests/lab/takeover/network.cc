// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A small network for tests that need a real kernel.
#include "tests/lab/takeover/network.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace systole::lab {

namespace {

constexpr const char *own_namespace = "/proc/thread-self/ns/net";

[[noreturn]] void fail(const char *what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

NetworkNamespace::NetworkNamespace()
{
	const int outside = open(own_namespace, O_RDONLY | O_CLOEXEC);
	if (outside < 0 || unshare(CLONE_NEWNET) != 0)
		fail("unshare");
	m_fd = open(own_namespace, O_RDONLY | O_CLOEXEC);
	if (setns(outside, CLONE_NEWNET) != 0)
		fail("setns");
	close(outside);
	sh("ip link set lo up");
}

NetworkNamespace::~NetworkNamespace()
{
	close(m_fd);
}

NetworkNamespace::Inside::Inside(const NetworkNamespace &space) : m_outside(open(own_namespace, O_RDONLY | O_CLOEXEC))
{
	if (setns(space.m_fd, CLONE_NEWNET) != 0)
		fail("setns");
}

NetworkNamespace::Inside::~Inside()
{
	if (setns(m_outside, CLONE_NEWNET) != 0)
		std::abort();
	close(m_outside);
}

int NetworkNamespace::status_of(const std::string &command) const
{
	const int status = run([&command] { return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()); });
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void NetworkNamespace::sh(const std::string &command) const
{
	const int status = run([&command] { return std::system(command.c_str()); });
	if (status != 0)
		throw std::runtime_error("failed: " + command);
}

std::string NetworkNamespace::output_of(const std::string &command) const
{
	return run([&command] {
		std::string output;
		FILE *pipe = popen(command.c_str(), "re");
		if (pipe == nullptr)
			fail("popen");
		std::array<char, 1024> buffer;
		while (const std::size_t length = fread(buffer.data(), 1, buffer.size(), pipe))
			output.append(buffer.data(), length);
		pclose(pipe);
		return output;
	});
}

std::string NetworkNamespace::path() const
{
	return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(m_fd);
}

Capture::Capture(const NetworkNamespace &space, const std::string &link)
{
	const NetworkNamespace::Inside inside(space);
	m_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	sockaddr_ll address{};
	address.sll_family = AF_PACKET;
	address.sll_protocol = htons(ETH_P_ALL);
	address.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
	const int on = 1;
	setsockopt(m_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (m_fd < 0 || address.sll_ifindex == 0 ||
	    bind(m_fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0)
		fail("capture");
	static_cast<void>(take()); // what came between socket() and bind(), from any link
}

Capture::~Capture()
{
	close(m_fd);
}

std::vector<Frame> Capture::take()
{
	std::vector<Frame> frames;
	Frame frame(2048);
	while (true) {
		const ssize_t length = recv(m_fd, frame.data(), frame.size(), 0);
		if (length < 0)
			return frames;
		frames.emplace_back(frame.begin(), frame.begin() + length);
	}
}

std::vector<Frame> Capture::take_from(const core::MacAddress &source)
{
	std::vector<Frame> frames = take();
	std::erase_if(frames, [&source](const Frame &frame) {
		return frame.size() < 14 || !std::equal(source.begin(), source.end(), frame.begin() + 6);
	});
	return frames;
}

void Capture::send(const Frame &frame) const
{
	if (::send(m_fd, frame.data(), frame.size(), 0) < 0)
		fail("send");
}

std::string hex(const Frame &frame)
{
	std::string text;
	std::array<char, 4> byte{};
	for (std::uint8_t value : frame) {
		std::snprintf(byte.data(), byte.size(), "%02x ", unsigned{value});
		text += byte.data();
	}
	return text;
}

void pause(std::chrono::milliseconds time)
{
	poll(nullptr, 0, static_cast<int>(time.count()));
}

bool eventually(std::chrono::milliseconds within, const std::function<bool()> &condition)
{
	const auto end = std::chrono::steady_clock::now() + within;
	while (!condition()) {
		if (std::chrono::steady_clock::now() > end)
			return false;
		pause(std::chrono::milliseconds{5});
	}
	return true;
}

std::string text_of(const control::TakeoverErrors &errors)
{
	std::string text;
	for (const control::TakeoverError &error : errors)
		text += error.text() + "\n";
	return text;
}

Network::Network()
{
	fabric.sh("for b in br-lan br-wan; do ip link add $b type bridge mcast_snooping 0 && ip link set $b up; done");
	connect(m1, "port1", "m1-lan", "br-lan");
	connect(m1, "port2", "m1-wan", "br-wan");
	connect(m2, "port1", "m2-lan", "br-lan");
	connect(m2, "port2", "m2-wan", "br-wan");
	connect(client, "eth0", "client", "br-lan");
	connect(server, "eth0", "server", "br-wan");
	client.sh("ip address add 10.1.1.1/24 dev eth0; ip address add 2001:db8:1::1/64 dev eth0 nodad;"
		  "ip route add default via 10.1.1.254; ip -6 route add default via 2001:db8:1::fe");
	server.sh("ip address add 10.2.2.1/24 dev eth0; ip address add 2001:db8:2::1/64 dev eth0 nodad;"
		  "ip route add default via 10.2.2.254; ip -6 route add default via 2001:db8:2::fe");
	for (const NetworkNamespace *member : {&m1, &m2})
		member->sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
}

void Network::connect(const NetworkNamespace &member, const std::string &port, const std::string &fabric_end,
		      const std::string &bridge)
{
	fabric.sh("ip link add " + fabric_end + " type veth peer name " + port + " netns " + member.path() +
		  " && ip link set " + fabric_end + " master " + bridge + " up");
	member.sh("ip link set " + port + " up");
}

std::string Network::learnt_port(const std::string &bridge, const core::MacAddress &mac) const
{
	std::array<char, 18> text{};
	std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", unsigned{mac[0]}, unsigned{mac[1]},
		      unsigned{mac[2]}, unsigned{mac[3]}, unsigned{mac[4]}, unsigned{mac[5]});
	std::string port = fabric.output_of("bridge fdb show br " + bridge + " | awk '$1 == \"" + text.data() +
					    "\" { print $3 }'");
	return port.substr(0, port.find('\n'));
}

control::TakeoverSettings settings(const std::string &instance)
{
	control::TakeoverSettings result;
	result.instance = instance;
	result.interfaces = {
		{"port1",
		 lan_mac,
		 {*control::IpPrefix::parse("10.1.1.254/24"), *control::IpPrefix::parse("2001:db8:1::fe/64")}},
		{"port2",
		 wan_mac,
		 {*control::IpPrefix::parse("10.2.2.254/24"), *control::IpPrefix::parse("2001:db8:2::fe/64")}},
	};
	return result;
}

Member::Member(const NetworkNamespace &space, control::TakeoverSettings settings)
    : m_space(space), m_takeovers(std::make_unique<control::Takeovers>(std::move(settings)))
{
}

Member::~Member()
{
	m_space.run([this] { m_takeovers.reset(); });
}

control::TakeoverErrors Member::start()
{
	return m_space.run([this] { return m_takeovers->start(); });
}

control::ClaimReport Member::claim(std::uint8_t vcluster)
{
	return m_space.run([&] { return m_takeovers->of(vcluster).claim(); });
}

control::ReleaseReport Member::release(std::uint8_t vcluster)
{
	return m_space.run([&] { return m_takeovers->of(vcluster).release(); });
}

control::TakeoverErrors Member::finish_release()
{
	return m_space.run([this] { return m_takeovers->finish_releases(); });
}

control::TakeoverErrors Member::shutdown()
{
	return m_space.run([this] { return m_takeovers->shutdown(); });
}

std::vector<std::string> Member::blockers()
{
	return m_space.run([this] { return m_takeovers->blockers(); });
}

control::TakeoverErrors Member::monitor()
{
	const auto keep = [this](control::TakeoverErrors errors) {
		m_mended.insert(m_mended.end(), errors.begin(), errors.end());
	};
	m_table = std::make_unique<control::LinkMonitorTable>(
		m_takeovers->watched_links(),
		[this, keep](const control::LinkState &link) { keep(m_takeovers->handle_link(link.name)); },
		[this](int ifindex, const control::IpPrefix &prefix, bool present) {
			m_takeovers->handle_address(ifindex, prefix, present);
		});
	return m_space.run([this] {
		EXPECT_FALSE(m_table->start());
		return std::exchange(m_mended, {});
	});
}

control::TakeoverErrors Member::pump()
{
	return m_space.run([this] {
		EXPECT_FALSE(m_table->drain());
		for (control::TakeoverError &error : m_takeovers->mend_addresses())
			m_mended.push_back(std::move(error));
		return std::exchange(m_mended, {});
	});
}

} // namespace systole::lab
