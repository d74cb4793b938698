// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ping: ICMP echo, IPv4 and IPv6. A datagram ICMP socket where the kernel gives one (net.ipv4.ping_group_range), a raw
// one otherwise (CAP_NET_RAW). A reply counts if its identifier and its whole payload, a random token and the probe's
// number, are ours: the pings of other processes, and of other monitors, mean nothing.
#pragma once

#include "control/probe/prober.h"

namespace systole::control {

[[nodiscard]] std::unique_ptr<Prober> make_ping_prober(boost::asio::io_context &io, const ProbeTarget &target,
						       ProbeDone done, std::string &error);

} // namespace systole::control
