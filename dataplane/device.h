// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How one `set hbdev` becomes a DPDK device. Three spellings:
//
//   0000:01:00.0                      a PCI address; the NIC must be bound to vfio-pci (dpdk-devbind.py)
//   net_af_packet0,iface=hb0          devargs of a virtual device
//   hb0 (or nothing but the name)     a kernel interface, through net_af_packet
//
// and what has to be true of it, and cleaned up after a crash, before EAL looks at it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace systole::dataplane {

struct Device {
	enum class Kind : unsigned char { pci, vdev };
	Kind kind = Kind::vdev;
	std::string port_name; // as in `set hbdev`, for messages
	std::string ethdev;    // name of the ethdev: the PCI address, or the devargs up to the first comma
	std::string argument;  // for EAL: -a or --vdev
	std::string driver;    // "net_af_packet", "net_af_xdp", ...; empty for PCI
	std::string netdev;    // kernel interface whose carrier stands for the link, empty if there is none

	// Value of one devargs key, empty if it is not given.
	[[nodiscard]] std::string_view option(std::string_view key) const;
	[[nodiscard]] std::size_t mbufs() const; // how many the port's pool needs
	// The driver opens a kernel interface that others make and remove.
	[[nodiscard]] bool follows_netdev() const { return driver == "net_af_packet" || driver == "net_af_xdp"; }
	[[nodiscard]] bool is_memif_server() const;
	[[nodiscard]] bool is_memif_client() const { return driver == "net_memif" && !is_memif_server(); }
};

// `device` as in `set device`; empty: the kernel interface named like the port.
[[nodiscard]] Device parse_device(std::string_view port_name, std::string_view device);

// Empty if EAL may try it, else the sentence that says what is missing and how to cure it.
// A PCI device that the kernel uses as a network interface is refused: DPDK would take the NIC away from it.
[[nodiscard]] std::optional<std::string> find_obstacle(const Device &device);

// Removes what our own crash may have left on this device: an attached XDP program, the socket file of a memif server.
void clean_leftovers(const Device &device);

} // namespace systole::dataplane
