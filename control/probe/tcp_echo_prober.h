// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// tcp-echo (RFC 862): connect, send a random token and the probe's number, read the same octets back, close.
#pragma once

#include "control/probe/prober.h"

namespace systole::control {

[[nodiscard]] std::unique_ptr<Prober> make_tcp_echo_prober(boost::asio::io_context &io, const ProbeTarget &target,
							   ProbeDone done);

} // namespace systole::control
