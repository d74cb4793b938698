#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A minute of what `soak` does for hours: idle and under every load, at 10 ms x 3 in the default poll mode, no role
# changes and no member is lost.
. "$(dirname "$0")/_init.sh"

$lab soak --load idle --load cpu --load mixed --load io --load iperf --seconds 12 --peers none \
	--json "$scratch/soak.json" || fail "soak says no"
python3 - "$scratch/soak.json" <<'EOF' || fail "the soak did not measure what it should"
import json, sys
result = json.load(open(sys.argv[1]))
assert (result["interval_ms"], result["lost"], result["poll_mode"]) == (10, 3, "adaptive"), result
assert [load["load"] for load in result["loads"]] == ["idle", "cpu", "mixed", "io", "iperf"]
for load in result["loads"]:
    own, name = load["systole"], load["load"]
    assert own["role_changes"] == own["members_lost"] == 0, f"{name}: {own}"
    # Two members, two links, a beat every 10 ms: proof that the capture saw them, and that they were sent.
    assert own["beats"] > 4 * 100 * load["seconds"] * 0.8, f"{name}: only {own['beats']} beats in {load['seconds']} s"
    assert own["longest_gap_ms"] >= 10, f"{name}: a longest gap of {own['longest_gap_ms']} ms cannot be"
    assert all(0 < usage["cpu_percent"] < 200 and usage["rss_mib"] > 1 for usage in own["usage"].values()), own["usage"]
assert result["loads"][1]["machine_busy_percent"] > 80, "stress-ng did not load the machine"
assert result["loads"][4]["gbit_per_s"] > 0.05, "iperf3 moved nothing through the gateway"
EOF
[ -z "$(ls -d /var/tmp/systole-soak-* 2>/dev/null)" ] || fail "stress-ng's files were left behind"
nothing_left || fail "left behind: $(leftovers)"
