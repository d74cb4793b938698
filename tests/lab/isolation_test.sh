#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Every heartbeat link of the primary is cut, both members live: status promises for how long both may own an address,
# netlink tells for how long they did.
. "$(dirname "$0")/_init.sh"

measured() # POLICY TRIALS [OPTION...] -> $scratch/POLICY.json
{
	local policy=$1; shift
	$lab isolation --policy "$policy" --trials "$1" --json "$scratch/$policy.json" "${@:2}" ||
		fail "isolation $policy: a promise was broken"
}
figure() { python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["trials"]; print(eval(sys.argv[2]))' "$scratch/$1.json" "$2"; }

measured fgcp 1
[ "$(figure fgcp 't[0]["promised_ms"] is None and t[0]["both_ms"] > 1000')" = True ] ||
	fail "fgcp: both should have been primary, and nothing promised: $(figure fgcp t)"

measured demote 3 --loss link
[ "$(figure demote 'all(x["promised_ms"] == 0 and x["both_ms"] == 0 and x["claimed_ms"] for x in t)')" = True ] ||
	fail "demote: $(figure demote t)"

measured demote 2 --loss server
[ "$(figure demote 'all(x["promised_ms"] == 0 and x["both_ms"] == 0 and x["claimed_ms"] for x in t)')" = True ] ||
	fail "demote by ping server: $(figure demote t)"

measured witness 4
# Who reaches the witness stays; who does not stops, and the other claims after that.
[ "$(figure witness 'all(x["promised_ms"] == 0 and x["both_ms"] == 0 and (x["claimed_ms"] is not None) == (x["loss"] == "witness") for x in t)')" = True ] ||
	fail "witness: $(figure witness t)"
