#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# On direct cables, with hb-carrier-loss immediate, the loss of carrier on every heartbeat port is a loss at once; on one
# of two it is none.
. "$(dirname "$0")/_init.sh"

$lab up --direct --set 'hb-carrier-loss immediate'
first=$(primary m1 m2)
other=$(other_of "$first")
$lab link-down "$first" hb0
sleep 0.5
moved_to "$first" || fail "one cable of two: $first is '$(role "$first")', $other '$(role "$other")'"
$lab link-up "$first" hb0
sleep 0.5
$lab crash "$first"
within 3 is_primary "$other" || fail "$other did not take over"
# From the loss of the last carrier to the loss of the member: less than the dead interval of 30 ms by far.
waited=$(told "$other" 'round(([e for e in h if e["event"] == "peer-lost"][-1]["mono_ns"] - [e for e in h if e["event"] == "link" and e["scope"] == "hbdev" and e["state"] == "down"][-1]["mono_ns"]) / 1e6, 1)')
python3 -c "import sys; sys.exit(not -1 <= $waited <= 15)" || fail "$other waited $waited ms after the last carrier was gone"
$lab start "$first"
within 15 whole || fail "m1 '$(role m1)', m2 '$(role m2)'"
