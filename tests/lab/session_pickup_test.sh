#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Behind NAT a connection lives only as long as its translation is known. The primary dies, by power loss and by SIGKILL:
# every TCP connection, UDP flow and ping goes on, as the server saw it before, and no byte is wrong.
. "$(dirname "$0")/_init.sh"

# First that the test can fail: without session pickup nothing of it survives.
$lab failover --how crash --trials 1 --nat --set 'session-pickup disable' --set 'unset session-pickup-connectionless' \
	--tcp 100 --udp-flows 20 --pings 5 --json "$scratch/without.json" || fail "failover says no"
for how in crash kill; do
	$lab failover --how $how --trials 2 --nat --tcp 100 --udp-flows 20 --pings 5 --json "$scratch/$how.json" ||
		fail "failover --how $how says no"
done
python3 - "$scratch/without.json" "$scratch/crash.json" "$scratch/kill.json" <<'EOF_PYTHON' || fail "sessions were lost"
import json, sys

without, *others = (json.load(open(path)) for path in sys.argv[1:])
trial = without["trials"][0]
assert (trial["tcp_total"], trial["tcp_kept"], trial["udp_flows_kept"], trial["pings_kept"]) == (100, 0, 0, 0), trial
for result in others:
    for trial in result["trials"]:
        told = f"{result['how']}: {trial}"
        assert trial["tcp_total"] == trial["tcp_kept"] == 100, told
        assert trial["tcp_resets"] == trial["tcp_stalled"] == trial["bytes_wrong"] == 0, told
        assert trial["bytes_verified"] > 0, told
        assert trial["udp_flows_total"] == trial["udp_flows_kept"] == 20, told
        assert trial["pings_total"] == trial["pings_kept"] == 5, told
EOF_PYTHON
nothing_left || fail "left behind: $(leftovers)"
