#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A daemon that is stopped for 5, 10 or 15 ms, on either side and at any moment, costs nobody a role.
. "$(dirname "$0")/_init.sh"

$lab stall --member random --ms 5,10,15 --count 10 --json "$scratch/stall.json" || fail "stall says no"
python3 - "$scratch/stall.json" <<'EOF' || fail "the stalls did not do what they should"
import json, sys
result = json.load(open(sys.argv[1]))
assert (result["interval_ms"], result["lost"]) == (10, 3), result
assert len(result["stalls"]) == 30
for stall in result["stalls"]:
    # It was frozen, and that shows on the wire: a stall of 15 ms leaves at least so much between two beats.
    assert stall["frozen_ms"] >= stall["asked_ms"], stall
    assert stall["beats_apart_ms"] >= stall["asked_ms"] - 0.5, stall
    assert not stall["events"] or stall["excused"], stall
EOF
nothing_left || fail "left behind: $(leftovers)"
