// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A scenario file: causes at the left margin, what follows from each of them indented below it.
//
//   # any line that begins with # is kept as it is
//   group  interval=200ms lost=20 holddown=20s margin=300s links=1 monitor=port1,port2 [expected=N] [show-links]
//   member m1 serial=SYS0000000000001 [priority=128] [override] [password=WORD] [policy=none]
//
//   at 0s start m1                  also: crash M, stop M, down M PORT, up M PORT, set-failover M, unset-failover M,
//                                   reset-uptime M, cut A B [LINK] (both ways), cut-one-way FROM TO [LINK], heal (all)
//       20.000 m1 hello -> work: the only member, epoch 1
//   until 30s                       lets time pass, then shows where everybody stands
//       = m1 work, epoch 1
//
// Times are seconds since the beginning of the scenario; s, ms, min and h are understood.
#pragma once

#include <string>

namespace systole::scenario {

// The whole file with the indented lines replaced by what really happened. Throws std::runtime_error that names the
// line a cause cannot be read on.
[[nodiscard]] std::string play(const std::string &text);

} // namespace systole::scenario
