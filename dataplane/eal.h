// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// EAL: its arguments, made from the configuration or taken from the command line, and its lifetime.
//
// So unless the operator's own EAL options say otherwise: PCI is off unless a port is a PCI device, and then only that
// device is allowed, so that EAL never takes a NIC away from the kernel by itself; no telemetry socket; no memory that
// another process could map; runtime files under the instance's own name.
#pragma once

#include "dataplane/device.h"

#include <optional>
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace systole::dataplane {

struct EalRequest {
	std::string instance;
	std::vector<Device> devices;
	std::vector<std::string> given; // EAL options of the command line, as they stand
	std::vector<int> cpus;          // CPUs this process may use, ascending, at least one
	std::vector<int> isolated_cpus; // those of them the kernel keeps free of other work
	bool huge_pages = false;        // enough free 2 MiB pages for huge_pages_needed()
};

inline constexpr unsigned main_lcore = 0;
inline constexpr unsigned worker_lcore = 1;

// The CPU of the poll core. An isolated CPU if there is one, else counting down from the last CPU: instance m1 gets the
// last one, m2 the one before, and so on round, so that the members of a lab on one host do not share a core. An
// instance without a number gets the last one.
[[nodiscard]] int choose_worker_cpu(const EalRequest &request);

// argv for rte_eal_init, program name first. Options given on the command line replace the made-up ones, but what the
// head of this file promises stays, unless they speak of it, and every port keeps its device.
[[nodiscard]] std::vector<std::string> eal_arguments(const EalRequest &request);

[[nodiscard]] unsigned memory_needed_mib(std::span<const Device> devices);

// This machine, as it is.
[[nodiscard]] std::vector<int> allowed_cpus();
[[nodiscard]] std::vector<int> isolated_cpus(std::span<const int> allowed);
[[nodiscard]] std::vector<int> parse_cpu_list(std::string_view text); // "0,2-4"
[[nodiscard]] bool enough_huge_pages(unsigned mib);

// Daemons that start together on one host must not count the same free huge pages: one after the other, from the count
// until EAL has taken its share. Somebody who is stopped with the turn in hand is waited for a few seconds, not for ever.
class HugePageTurn {
public:
	explicit HugePageTurn(const std::string &lock_file = "/run/systole/hugepages.lock");
	~HugePageTurn();
	HugePageTurn(const HugePageTurn &) = delete;
	HugePageTurn &operator=(const HugePageTurn &) = delete;

	[[nodiscard]] bool has_it() const { return m_has_it; }

private:
	int m_fd;
	bool m_has_it = false;
};

class Eal {
public:
	// Empty: `error` says why in one line.
	[[nodiscard]] static std::optional<Eal> start(const EalRequest &request, std::string &error);
	~Eal();
	Eal(Eal &&other) noexcept;
	Eal &operator=(Eal &&) = delete;

	// An lcore for the worker, never the main one.
	[[nodiscard]] unsigned worker() const { return m_worker; }
	// The first CPU that lcore may run on.
	[[nodiscard]] unsigned worker_cpu() const;

private:
	explicit Eal(unsigned worker) : m_worker(worker) {}
	bool m_owner = true;
	unsigned m_worker;
};

} // namespace systole::dataplane
