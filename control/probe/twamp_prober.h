// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// twamp: the sender's side of TWAMP Light (RFC 5357 appendix I), unauthenticated. There is no control session: test
// packets go straight to the reflector's port. The round trip is without the reflector's own time (T3 - T2).
//
//   sender     0 sequence  4 timestamp  12 error estimate  14 padding up to packet-size
//   reflector  0 sequence  4 timestamp T3  12 error estimate  14 zero  16 receive timestamp T2
//             24 sender sequence  28 sender timestamp  36 sender error estimate  38 zero  40 sender TTL  41 padding
#pragma once

#include "control/probe/prober.h"

namespace systole::control {

[[nodiscard]] std::unique_ptr<Prober> make_twamp_prober(boost::asio::io_context &io, const ProbeTarget &target,
							ProbeDone done, std::string &error);

} // namespace systole::control
