#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# `execute ha failover set` moves the role without anybody being lost; unset, the normal order is back.
. "$(dirname "$0")/_init.sh"

$lab up
moved_to m2 || fail "the higher serial is not primary: $(primary m1 m2)"
before=$(epoch m2)
$lab exec m2 -- systolectl execute ha failover set 1 </dev/null >"$scratch/out" 2>&1 || { cat "$scratch/out"; fail "set was refused"; }
within 5 moved_to m1 || fail "the role did not move: m1 '$(role m1)', m2 '$(role m2)'"
[ "$(epoch m1)" = $((before + 1)) ] || fail "the epoch is $(epoch m1), not $((before + 1))"
case $(reason m1) in *EXE_FAIL_OVER*) ;; *) fail "the reason is '$(reason m1)'" ;; esac
within 10 traffic || fail "no traffic after the switch"
$lab exec m2 -- systolectl execute ha failover unset 1 </dev/null >"$scratch/out" 2>&1 || { cat "$scratch/out"; fail "unset was refused"; }
within 5 moved_to m2 || fail "unset did not give the role back: m1 '$(role m1)', m2 '$(role m2)'"
within 10 traffic || fail "no traffic after unset"
for member in m1 m2; do
	[ "$(told $member 'any(e["event"] == "peer-lost" for e in h)')" = False ] || fail "$member lost its peer in a planned switch"
done
