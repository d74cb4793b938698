// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/device.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace systole::dataplane {

namespace {

bool all_hex(std::string_view text)
{
	return !text.empty() &&
	       std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// [DDDD:]BB:DD.F, given back in the long form that EAL and sysfs use.
std::optional<std::string> pci_address(std::string_view text)
{
	const auto dot = text.rfind('.');
	const auto colon = text.rfind(':');
	if (dot == std::string_view::npos || colon == std::string_view::npos || dot != colon + 3 ||
	    text.size() != dot + 2)
		return std::nullopt;
	const auto head = text.substr(0, colon);
	const auto domain_end = head.find(':');
	const auto bus = domain_end == std::string_view::npos ? head : head.substr(domain_end + 1);
	const auto domain =
		domain_end == std::string_view::npos ? std::string_view("0000") : head.substr(0, domain_end);
	if (bus.size() != 2 || domain.size() != 4 || !all_hex(bus) || !all_hex(domain) ||
	    !all_hex(text.substr(colon + 1, 2)) || text[dot + 1] < '0' || text[dot + 1] > '7')
		return std::nullopt;
	std::string address = std::string(domain) + ':' + std::string(bus) + std::string(text.substr(colon));
	std::transform(address.begin(), address.end(), address.begin(),
		       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
	return address;
}

bool is_vdev(std::string_view text)
{
	return text.starts_with("net_") || text.starts_with("eth_") || text.find(',') != std::string_view::npos;
}

// The kernel interface a PCI function drives, if any; virtio hides it one level deeper.
std::string kernel_interface_of(const std::filesystem::path &device)
{
	std::error_code ignored;
	for (const auto &entry : std::filesystem::directory_iterator(device / "net", ignored))
		return entry.path().filename();
	for (const auto &entry : std::filesystem::directory_iterator(device, ignored))
		if (entry.path().filename().string().starts_with("virtio"))
			for (const auto &net : std::filesystem::directory_iterator(entry.path() / "net", ignored))
				return net.path().filename();
	return {};
}

// Mellanox drivers share the NIC with the kernel by design.
bool is_shared_driver(const std::filesystem::path &device)
{
	std::error_code ignored;
	const std::string driver = std::filesystem::read_symlink(device / "driver", ignored).filename();
	return driver == "mlx5_core" || driver == "mlx4_core";
}

void detach_xdp(const std::string &netdev)
{
	const unsigned index = if_nametoindex(netdev.c_str());
	mnl_socket *socket = index == 0 ? nullptr : mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket == nullptr)
		return;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0) {
		// The driver attached in the best mode it found; a request for the other mode is refused and does no harm.
		for (const std::uint32_t mode : {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE}) {
			std::array<char, 256> buffer{};
			nlmsghdr *header = mnl_nlmsg_put_header(buffer.data());
			header->nlmsg_type = RTM_SETLINK;
			header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
			auto *link = static_cast<ifinfomsg *>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
			link->ifi_index = static_cast<int>(index);
			nlattr *xdp = mnl_attr_nest_start(header, IFLA_XDP);
			mnl_attr_put_u32(header, IFLA_XDP_FD, static_cast<std::uint32_t>(-1));
			mnl_attr_put_u32(header, IFLA_XDP_FLAGS, mode);
			mnl_attr_nest_end(header, xdp);
			std::array<char, 8192> answer{};
			if (mnl_socket_sendto(socket, header, header->nlmsg_len) > 0)
				(void)mnl_socket_recvfrom(socket, answer.data(), answer.size());
		}
	}
	mnl_socket_close(socket);
}

// A socket file nobody listens on any more makes the next server fail with "Address already in use".
void remove_stale_socket(const std::string &path)
{
	struct stat status {};
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	if (path.size() >= sizeof(address.sun_path) || lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
		return;
	std::copy(path.begin(), path.end(), address.sun_path);
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 && errno == ECONNREFUSED)
		unlink(path.c_str());
	close(fd);
}

} // namespace

std::string_view Device::option(std::string_view key) const
{
	std::string_view rest = argument;
	while (!rest.empty()) {
		const auto comma = rest.find(',');
		const auto part = rest.substr(0, comma);
		if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=')
			return part.substr(key.size() + 1);
		rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
	}
	return {};
}

std::size_t Device::mbufs() const
{
	// AF_XDP keeps 2048 in its fill queue and does not start with fewer than twice that; a NIC fills its rings.
	return driver == "net_af_xdp" || kind == Kind::pci ? 4095 : 2047;
}

bool Device::is_memif_server() const
{
	const std::string_view role = option("role"); // the driver's default is client
	return driver == "net_memif" && (role == "server" || role == "master");
}

Device parse_device(std::string_view port_name, std::string_view device)
{
	Device result;
	result.port_name = port_name;
	const std::string_view text = device.empty() ? port_name : device;
	if (const auto address = pci_address(text)) {
		result.kind = Device::Kind::pci;
		result.ethdev = *address;
		result.argument = *address;
		return result;
	}
	if (!is_vdev(text)) {
		result.driver = "net_af_packet";
		result.netdev = text;
		result.ethdev = "net_af_packet_" + result.netdev;
		result.argument = result.ethdev + ",iface=" + result.netdev;
		return result;
	}
	result.argument = text;
	result.ethdev = text.substr(0, text.find(','));
	result.driver = result.ethdev.substr(0, result.ethdev.find_last_not_of("0123456789") + 1);
	if (result.driver == "eth_af_packet")
		result.driver = "net_af_packet";
	if (result.driver == "net_af_packet" || result.driver == "net_af_xdp" || result.driver == "net_pcap" ||
	    result.driver == "net_tap")
		result.netdev = result.option("iface");
	return result;
}

std::optional<std::string> find_obstacle(const Device &device)
{
	std::error_code ignored;
	const std::string port = "port \"" + device.port_name + "\": ";
	if (device.kind == Device::Kind::pci) {
		const std::filesystem::path path = "/sys/bus/pci/devices/" + device.ethdev;
		if (!std::filesystem::exists(path, ignored))
			return port + "there is no PCI device " + device.ethdev + " (see lspci -D)";
		const std::string netdev = kernel_interface_of(path);
		if (!netdev.empty() && !is_shared_driver(path))
			return port + device.ethdev + " is in use by the kernel as " + netdev +
			       "; bind it to vfio-pci first (dpdk-devbind.py -b vfio-pci)";
		return std::nullopt;
	}
	if (device.follows_netdev()) {
		if (device.netdev.empty())
			return port + "\"" + device.argument + "\" names no interface; add iface=NAME";
		if (if_nametoindex(device.netdev.c_str()) == 0)
			return port + "there is no network interface \"" + device.netdev +
			       "\" here (set device, or check the network namespace)";
	}
	return std::nullopt;
}

void clean_leftovers(const Device &device)
{
	if (device.driver == "net_af_xdp")
		detach_xdp(device.netdev);
	if (device.is_memif_server() && device.option("socket-abstract") == "no" && !device.option("socket").empty())
		remove_stale_socket(std::string(device.option("socket")));
}

} // namespace systole::dataplane
