#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The role moves as planned: nobody is lost, and neither are packets, because the successor holds the addresses before the old
# primary lets go of them. `execute ha failover switch` says what came of it; `set` and `unset` move the role too. Where
# there is nobody to take it, nothing happens.
. "$(dirname "$0")/_init.sh"

# said MEMBER COMMAND...: its answer in $scratch/out.
said()
{
	local member=$1; shift
	$lab exec "$member" -- systolectl "$@" </dev/null >"$scratch/out" 2>&1
}
switches() # FROM TO
{
	local before
	before=$(epoch "$1")
	said "$1" execute ha failover switch || { cat "$scratch/out"; fail "$1 did not switch"; }
	grep -q "$(serial "$2") is primary after" "$scratch/out" || { cat "$scratch/out"; fail "$1 does not say what came of it"; }
	moved_to "$2" || fail "the role is not with $2 although $1 said so: m1 '$(role m1)', m2 '$(role m2)'"
	[ "$(epoch "$2")" = $((before + 1)) ] || fail "the epoch is $(epoch "$2"), not $((before + 1))"
}

$lab up
moved_to m2 || fail "the higher serial is not primary: $(primary m1 m2)"
$lab exec client -- ping -q -i 0.001 -w 8 10.2.2.20 >"$scratch/ping" 2>&1 &
ping=$!
sleep 1
switches m2 m1
switches m1 m2
switches m2 m1
said m2 execute ha failover switch && fail "a standby gave away a role that it does not have"
grep -q 'not the primary' "$scratch/out" || { cat "$scratch/out"; fail "the refusal does not say why"; }
wait $ping || true
cat "$scratch/ping"
python3 - "$scratch/ping" <<'CHECK' || fail "packets were lost in three planned switches"
import re, sys
sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", open(sys.argv[1]).read()).groups())
sys.exit(not (sent > 2000 and sent - received <= 1))
CHECK
said m1 -j diagnose sys ha history read
for word in '"event":"handed-over"' '"switch_us":' '"steps":{' '"arm_us":'; do
	grep -q "$word" "$scratch/out" || fail "m1's history has no $word"
done

# With the flag of the last switch still set, its end gives the role back.
said m2 execute ha failover unset 1 || { cat "$scratch/out"; fail "unset was refused"; }
within 5 moved_to m2 || fail "unset did not give the role back: m1 '$(role m1)', m2 '$(role m2)'"
said m2 execute ha failover set 1 || { cat "$scratch/out"; fail "set was refused"; }
within 5 moved_to m1 || fail "set did not move the role: m1 '$(role m1)', m2 '$(role m2)'"
case $(reason m1) in *EXE_FAIL_OVER*) ;; *) fail "the reason is '$(reason m1)'" ;; esac
said m2 execute ha failover unset 1 || { cat "$scratch/out"; fail "unset was refused"; }
within 5 moved_to m2 || fail "unset did not give the role back: m1 '$(role m1)', m2 '$(role m2)'"
within 10 traffic || fail "no traffic after unset"
for member in m1 m2; do
	[ "$(told $member 'any(e["event"] == "peer-lost" for e in h)')" = False ] || fail "$member lost its peer in a planned switch"
done

# A successor that does not answer any more.
$lab pause m1
said m2 execute ha failover switch && { cat "$scratch/out"; fail "m2 switched to a member that is frozen"; }
is_primary m2 || fail "m2 has given up a role that nobody took"
said m2 execute ha failover status && grep -q unset "$scratch/out" || fail "a switch that failed has left its flag"
traffic || fail "no traffic after a switch that failed"
