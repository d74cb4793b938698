// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `set device` in its three spellings, and the EAL arguments that come of it. No EAL runs here.
#include "dataplane/device.h"
#include "dataplane/eal.h"
#include "dataplane/port.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

namespace systole::dataplane {
namespace {

TEST(Device, a_bare_name_is_a_kernel_interface_through_af_packet)
{
	for (const char *text : {"", "hb0"}) {
		const Device device = parse_device("hb0", text);
		EXPECT_EQ(device.kind, Device::Kind::vdev);
		EXPECT_EQ(device.ethdev, "net_af_packet_hb0");
		EXPECT_EQ(device.argument, "net_af_packet_hb0,iface=hb0");
		EXPECT_EQ(device.netdev, "hb0");
	}
	EXPECT_EQ(parse_device("port5", "eth9.x").argument, "net_af_packet_eth9.x,iface=eth9.x");
}

TEST(Device, devargs_pass_through_and_name_their_netdev)
{
	const Device device = parse_device("hb0", "net_af_packet3,iface=veth1,qdisc_bypass=1");
	EXPECT_EQ(device.ethdev, "net_af_packet3");
	EXPECT_EQ(device.argument, "net_af_packet3,iface=veth1,qdisc_bypass=1");
	EXPECT_EQ(device.driver, "net_af_packet");
	EXPECT_EQ(device.netdev, "veth1");
	EXPECT_EQ(device.option("qdisc_bypass"), "1");
	EXPECT_EQ(device.option("bypass"), "");
	EXPECT_EQ(parse_device("hb0", "net_af_xdp0,iface=x").netdev, "x");
	EXPECT_EQ(parse_device("hb0", "net_memif0,role=server").netdev, "");
	EXPECT_EQ(parse_device("hb0", "net_ring0").driver, "net_ring");
}

TEST(Device, af_xdp_gets_the_pool_it_does_not_start_without)
{
	EXPECT_GE(parse_device("hb0", "net_af_xdp0,iface=x").mbufs(), 4095U);
}

TEST(Device, a_pci_address_is_known_in_both_forms)
{
	EXPECT_EQ(parse_device("hb0", "0000:3B:00.1").kind, Device::Kind::pci);
	EXPECT_EQ(parse_device("hb0", "0000:3B:00.1").ethdev, "0000:3b:00.1");
	EXPECT_EQ(parse_device("hb0", "3b:00.1").ethdev, "0000:3b:00.1");
	for (const char *text : {"3b:00.8", "3b:0.1", "b:00.1", "zz:00.1", "0000:3b:00", "hb0.1"})
		EXPECT_EQ(parse_device("hb0", text).kind, Device::Kind::vdev) << text;
}

TEST(Device, what_is_missing_is_named_with_the_port_and_a_cure)
{
	const auto missing = find_obstacle(parse_device("port7", "no-such-if0"));
	ASSERT_TRUE(missing.has_value());
	EXPECT_NE(missing->find("port7"), std::string::npos);
	EXPECT_NE(missing->find("no-such-if0"), std::string::npos);
	EXPECT_TRUE(find_obstacle(parse_device("hb0", "net_af_packet0")).has_value()); // no iface=
	EXPECT_TRUE(find_obstacle(parse_device("hb0", "fffe:1f:00.0")).has_value());
	EXPECT_FALSE(find_obstacle(parse_device("lo", "")).has_value());
	EXPECT_FALSE(find_obstacle(parse_device("hb0", "net_ring0")).has_value());
}

TEST(Device, what_the_port_keeper_watches)
{
	EXPECT_TRUE(parse_device("hb0", "").follows_netdev());
	EXPECT_TRUE(parse_device("hb0", "net_af_xdp0,iface=hb0").follows_netdev());
	EXPECT_FALSE(parse_device("hb0", "net_tap0,iface=hb0").follows_netdev()) << "the driver makes that one itself";
	EXPECT_FALSE(parse_device("hb0", "3b:00.1").follows_netdev());
	EXPECT_TRUE(parse_device("hb0", "net_memif0,role=client").is_memif_client());
	EXPECT_TRUE(parse_device("hb0", "net_memif0,id=3").is_memif_client()) << "the driver's default";
	EXPECT_TRUE(parse_device("hb0", "net_memif0,role=server").is_memif_server());
	EXPECT_FALSE(parse_device("hb0", "net_memif0,role=server").is_memif_client());
	EXPECT_FALSE(parse_device("hb0", "net_ring0,role=server").is_memif_server());
}

TEST(Device, no_pci_nic_that_the_kernel_uses_is_ever_taken)
{
	unsigned seen = 0;
	std::error_code ignored;
	for (const auto &entry : std::filesystem::directory_iterator("/sys/class/net", ignored)) {
		const auto device = std::filesystem::canonical(entry.path() / "device", ignored);
		if (ignored)
			continue;
		for (auto path = device; path.has_parent_path() && path != path.parent_path();
		     path = path.parent_path()) {
			const Device parsed = parse_device("hb0", path.filename().string());
			if (parsed.kind != Device::Kind::pci)
				continue;
			++seen;
			EXPECT_TRUE(find_obstacle(parsed).has_value()) << path;
			break;
		}
	}
	if (seen == 0)
		GTEST_SKIP() << "no PCI network interface on this machine";
}

TEST(Device, only_a_memif_socket_that_nobody_listens_on_is_removed)
{
	std::string directory = (std::filesystem::temp_directory_path() / "systole-device-XXXXXX").string();
	ASSERT_NE(mkdtemp(directory.data()), nullptr);
	const std::string path = directory + "/memif.sock";
	const Device server = parse_device("hb0", "net_memif0,role=server,socket-abstract=no,socket=" + path);

	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	std::copy(path.begin(), path.end(), address.sun_path);
	const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
	ASSERT_EQ(listen(listener, 1), 0);
	clean_leftovers(server);
	EXPECT_TRUE(std::filesystem::exists(path)) << "somebody listens";
	close(listener);
	clean_leftovers(parse_device("hb0", "net_memif0,role=client,socket-abstract=no,socket=" + path));
	EXPECT_TRUE(std::filesystem::exists(path)) << "a client does not own the socket";
	clean_leftovers(server);
	EXPECT_FALSE(std::filesystem::exists(path));
	std::filesystem::remove_all(directory);
}

// ---------------------------------------------------------------- EAL arguments

EalRequest request_for(std::vector<Device> devices)
{
	EalRequest request;
	request.instance = "m1";
	request.devices = std::move(devices);
	request.cpus = {0, 1};
	return request;
}

bool has(const std::vector<std::string> &arguments, const std::string &argument)
{
	return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

bool has_pair(const std::vector<std::string> &arguments, const std::string &option, const std::string &value)
{
	const std::vector<std::string> pair{option, value};
	return std::search(arguments.begin(), arguments.end(), pair.begin(), pair.end()) != arguments.end();
}

TEST(EalArguments, without_huge_pages_and_never_the_two_that_eal_refuses_together)
{
	EalRequest request = request_for({parse_device("hb0", "")});
	const auto small = eal_arguments(request);
	EXPECT_TRUE(has(small, "--no-huge"));
	EXPECT_TRUE(has(small, "--no-shconf"));
	EXPECT_FALSE(has(small, "--in-memory"));
	request.huge_pages = true;
	const auto huge = eal_arguments(request);
	EXPECT_TRUE(has(huge, "--in-memory"));
	EXPECT_FALSE(has(huge, "--no-huge"));
	for (const auto &arguments : {small, huge}) {
		EXPECT_TRUE(has(arguments, "--no-pci"));
		EXPECT_TRUE(has(arguments, "--iova-mode=va"));
		EXPECT_TRUE(has(arguments, "--no-telemetry"));
		EXPECT_TRUE(has(arguments, "--file-prefix=systole-m1"));
		EXPECT_TRUE(has(arguments, "--lcores=0@(0,1),1@1"));
		EXPECT_TRUE(has_pair(arguments, "--vdev", "net_af_packet_hb0,iface=hb0"));
	}
}

TEST(EalArguments, pci_is_off_unless_a_port_is_one_and_then_only_that_one_is_allowed)
{
	const auto arguments = eal_arguments(request_for({parse_device("hb0", "3b:00.1"), parse_device("hb1", "")}));
	EXPECT_FALSE(has(arguments, "--no-pci"));
	EXPECT_TRUE(has_pair(arguments, "-a", "0000:3b:00.1"));
	EXPECT_EQ(std::count(arguments.begin(), arguments.end(), "-a"), 1);
}

TEST(EalArguments, given_options_replace_ours_but_pci_stays_off_and_ports_keep_their_device)
{
	EalRequest request = request_for({parse_device("hb0", "net_af_packet0,iface=hb0"), parse_device("hb1", "")});
	request.given = {"-l", "0,1", "--no-huge", "--vdev=net_af_packet0,iface=hb0,qdisc_bypass=1"};
	const auto arguments = eal_arguments(request);
	EXPECT_TRUE(has(arguments, "--no-pci"));
	EXPECT_FALSE(has(arguments, "--no-shconf"));
	EXPECT_FALSE(has_pair(arguments, "--vdev", "net_af_packet0,iface=hb0")); // theirs stands
	EXPECT_TRUE(has_pair(arguments, "--vdev", "net_af_packet_hb1,iface=hb1"));
	for (const char *own_choice : {"-a0000:3b:00.1", "--allow=0000:3b:00.1", "--no-pci"}) {
		request.given = {own_choice};
		const auto chosen = eal_arguments(request);
		EXPECT_EQ(std::count(chosen.begin(), chosen.end(), "--no-pci"),
			  own_choice == std::string("--no-pci") ? 1 : 0)
			<< own_choice;
	}
}

TEST(EalArguments, given_options_keep_our_name_and_our_privacy_unless_they_speak_of_them)
{
	EalRequest request = request_for({});
	request.given = {"-l", "0,1"};
	const auto kept = eal_arguments(request);
	EXPECT_TRUE(has(kept, "--file-prefix=systole-m1"));
	EXPECT_TRUE(has(kept, "--no-telemetry"));
	EXPECT_TRUE(has(kept, "--in-memory"));

	request.given = {"-l", "0,1", "--file-prefix=mine", "--telemetry", "--huge-dir", "/mnt/huge"};
	const auto theirs = eal_arguments(request);
	EXPECT_FALSE(has(theirs, "--file-prefix=systole-m1"));
	EXPECT_FALSE(has(theirs, "--no-telemetry"));
	EXPECT_FALSE(has(theirs, "--in-memory"));
	request.given = {"--file-prefix", "mine", "--no-telemetry", "--no-huge"};
	const auto apart = eal_arguments(request);
	EXPECT_FALSE(has(apart, "--file-prefix=systole-m1"));
	EXPECT_EQ(std::count(apart.begin(), apart.end(), "--no-telemetry"), 1);
	EXPECT_FALSE(has(apart, "--in-memory")) << "EAL refuses it together with --no-huge";
}

TEST(HugePages, are_counted_by_one_daemon_after_the_other)
{
	const std::string file = ::testing::TempDir() + "hugepages.lock." + std::to_string(getpid());
	std::atomic<bool> second_has_it{false};
	std::thread second;
	{
		const HugePageTurn first(file);
		ASSERT_TRUE(first.has_it());
		second = std::thread([&] {
			const HugePageTurn turn(file);
			second_has_it = turn.has_it();
		});
		std::this_thread::sleep_for(std::chrono::milliseconds{50});
		EXPECT_FALSE(second_has_it);
	}
	second.join();
	EXPECT_TRUE(second_has_it);
	EXPECT_EQ(unlink(file.c_str()), 0);
	EXPECT_FALSE(HugePageTurn("/nowhere/at/all").has_it()) << "no place for the file is no reason to wait";
}

TEST(EalArguments, memory_grows_with_the_ports)
{
	std::vector<Device> devices{parse_device("hb0", "")};
	EXPECT_EQ(memory_needed_mib(devices), 64U);
	for (int i = 0; i < 8; ++i)
		devices.push_back(parse_device("x", "net_af_xdp0,iface=x"));
	EXPECT_GT(memory_needed_mib(devices), 8 * 4095 * 2500 / 1024 / 1024);
}

TEST(WorkerCpu, members_of_one_host_spread_and_an_isolated_cpu_comes_first)
{
	EalRequest request = request_for({});
	const auto cpu_of = [&](const std::string &instance) {
		request.instance = instance;
		return choose_worker_cpu(request);
	};
	EXPECT_EQ(cpu_of("default"), 1);
	EXPECT_EQ(cpu_of("m1"), 1);
	EXPECT_EQ(cpu_of("m2"), 0);
	EXPECT_EQ(cpu_of("m3"), 1);
	EXPECT_EQ(cpu_of("0"), 1);
	EXPECT_EQ(cpu_of("12345678901234567890"), 1); // no number we can hold
	request.cpus = {2, 3, 5, 7};
	EXPECT_EQ(cpu_of("m1"), 7);
	EXPECT_EQ(cpu_of("m2"), 5);
	EXPECT_EQ(cpu_of("m4"), 2);
	EXPECT_EQ(cpu_of("m5"), 7);
	request.isolated_cpus = {3};
	EXPECT_EQ(cpu_of("m1"), 3);
	EXPECT_EQ(cpu_of("m2"), 3);
	request.cpus = {0};
	request.isolated_cpus = {};
	EXPECT_EQ(cpu_of("m2"), 0);
}

TEST(CpuList, is_read_as_the_kernel_writes_it)
{
	EXPECT_EQ(parse_cpu_list(""), (std::vector<int>{}));
	EXPECT_EQ(parse_cpu_list("3"), (std::vector<int>{3}));
	EXPECT_EQ(parse_cpu_list("0,2-4,9"), (std::vector<int>{0, 2, 3, 4, 9}));
	EXPECT_EQ(parse_cpu_list("1-"), (std::vector<int>{}));
}

TEST(MadeUpMac, is_local_unicast_and_differs_by_port_and_member)
{
	std::set<core::MacAddress> seen;
	for (const char *member : {"SYS0000000000001", "SYS0000000000002"}) {
		for (const char *port : {"hb0", "hb1"}) {
			const core::MacAddress mac = made_up_mac(member, port);
			EXPECT_EQ(mac[0], 0x02);
			EXPECT_EQ(mac, made_up_mac(member, port));
			seen.insert(mac);
		}
	}
	EXPECT_EQ(seen.size(), 4U);
}

} // namespace
} // namespace systole::dataplane
