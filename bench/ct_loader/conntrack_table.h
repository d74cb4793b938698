// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The connection tracking of the namespace this process is in, by ctnetlink: create many, list all, forget all.
#pragma once

#include "bench/ct_loader/load_session.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

struct mnl_socket;
struct nlmsghdr;

namespace systole::ct_loader {

class ConntrackTable {
public:
	ConntrackTable();
	~ConntrackTable();
	ConntrackTable(const ConntrackTable &) = delete;
	ConntrackTable &operator=(const ConntrackTable &) = delete;

	// Creates all of them with one send, answered before it returns. How many the kernel refused (last_errno()).
	[[nodiscard]] std::size_t create(std::span<const Session> sessions);
	[[nodiscard]] int last_errno() const { return m_last_errno; }

	// Every entry of the family, IPv4 or IPv6. Returns how many.
	std::size_t list(std::uint8_t family, const std::function<void(const Session &)> &take);
	// Only counted and not looked into: what the kernel can tell at most.
	[[nodiscard]] std::size_t count(std::uint8_t family);
	void flush();

private:
	void append(const Session &session, bool last);
	[[nodiscard]] nlmsghdr *begin(std::uint16_t type, std::uint16_t flags, std::uint8_t family);
	std::size_t dump(std::uint8_t family, const std::function<void(const nlmsghdr *)> &take);

	mnl_socket *m_socket = nullptr;
	std::uint32_t m_port = 0;
	std::uint32_t m_sequence = 0;
	int m_last_errno = 0;
	std::size_t m_filled = 0;
	std::vector<char> m_out;
	std::vector<char> m_in;
};

} // namespace systole::ct_loader
