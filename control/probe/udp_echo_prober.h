// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// udp-echo (RFC 862): a datagram with a random token and the probe's number must come back octet for octet.
#pragma once

#include "control/probe/prober.h"

namespace systole::control {

[[nodiscard]] std::unique_ptr<Prober> make_udp_echo_prober(boost::asio::io_context &io, const ProbeTarget &target,
							   ProbeDone done, std::string &error);

} // namespace systole::control
