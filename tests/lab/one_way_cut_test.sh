#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# One direction of one of two heartbeat links is lost: the fault gets its name, and nobody changes role.
# covers: L2
. "$(dirname "$0")/_init.sh"

$lab up
first=$(primary m1 m2)
before=$(epoch "$first")
state() { answer "$1" "next(l['state'] for l in seen['$2']['links'] if l['name'] == 'hb0')"; }
says() { [ "$(state "$1" "$2")" = "$3" ]; }

for way in in out; do
	[ $way = in ] && deaf=m1 speaker=m2 || deaf=m2 speaker=m1
	$lab cut m1 hb0 --one-way $way
	within 3 says $deaf $speaker down || fail "cut $way: $deaf calls hb0 of $speaker '$(state $deaf $speaker)', not down"
	within 3 says $speaker $deaf one-way || fail "cut $way: $speaker calls hb0 of $deaf '$(state $speaker $deaf)', not one-way"
	$lab heal m1 hb0
	within 3 says $deaf $speaker up || fail "healed after $way: hb0 did not come back at $deaf"
	within 3 says $speaker $deaf up || fail "healed after $way: hb0 did not come back at $speaker"
	[ "$(primary m1 m2)" = "$first" ] || fail "cut $way: the primary is now '$(primary m1 m2)', not $first"
done
[ "$(epoch "$first")" = "$before" ] || fail "the epoch rose from $before to $(epoch "$first")"
