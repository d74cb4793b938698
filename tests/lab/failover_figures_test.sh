#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# `failover` writes the figures it promises, and with the defaults they keep the bounds.
. "$(dirname "$0")/_init.sh"

$lab failover --how crash --trials 3 --json "$scratch/crash.json" || fail "failover says no"
$lab failover --how planned --trials 2 --json "$scratch/planned.json" || fail "planned failover says no"
python3 - "$scratch/crash.json" "$scratch/planned.json" <<'EOF' || fail "the figures are not right"
import json, sys
crash, planned = (json.load(open(path)) for path in sys.argv[1:])
promised = {"detect_ms", "elect_ms", "takeover_ms", "client_gap_ms", "tcp_total", "tcp_kept", "dual_primary_ms"}
for result, trials in ((crash, 3), (planned, 2)):
    assert (result["interval_ms"], result["lost"], result["false_failovers"]) == (10, 3, 0), result
    assert len(result["trials"]) == trials and all(promised <= set(trial) for trial in result["trials"])
    assert all(trial["tcp_kept"] == trial["tcp_total"] == 20 for trial in result["trials"]), "TCP connections were lost"
for trial in crash["trials"]:
    assert 10 < trial["detect_ms"] <= 40, f"detection after {trial['detect_ms']} ms"
    assert trial["client_gap_ms"] <= 60, f"client gap of {trial['client_gap_ms']} ms"
    assert trial["dual_primary_ms"] == 0, "the dead primary still owned the addresses"
assert all(trial["detect_ms"] is None for trial in planned["trials"]), "nobody dies in a planned failover"
assert set(crash["summary"]["detect_ms"]) == {"min", "p50", "p99", "max"}
EOF
nothing_left || fail "left behind: $(leftovers)"
