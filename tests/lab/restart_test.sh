#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A restarted standby moves nothing, a restarted primary comes back as secondary, both restarted at once agree again;
# every restart has new keys.
# covers: R20
. "$(dirname "$0")/_init.sh"

$lab up --key-log "$scratch/keys"
first=$(primary m1 m2)
other=$(other_of "$first")
keys() { sort -u "$scratch"/keys/m?/esp_sa | wc -l; }
lost_again() { [ "$(told "$1" 'sum(e["event"] in ("peer-lost", "peer-restarted") for e in h)')" -ge 1 ]; }
fresh_keys()
{
	[ "$(keys)" -ge $((known + 8)) ] || fail "$1: not new keys for each direction, link and class; $known SAs before, now $(keys)"
	[ -z "$(sort -u "$scratch"/keys/m?/esp_sa | cut -d, -f6 | sort | uniq -d)" ] || fail "$1: a key is used twice"
	known=$(keys)
}
known=0
fresh_keys "first start"

before=$(epoch "$first")
$lab kill "$other"
within 5 lost_again "$first" || fail "$first did not notice the end of $other"
$lab start "$other"
within 15 whole || fail "the restarted standby did not rejoin: $first '$(role "$first")', $other '$(role "$other")'"
[ "$(told "$first" 'len(roles)')" = 1 ] || fail "a restarted standby changed $first's role: $(told "$first" 'roles')"
[ "$(epoch "$first")" = "$before" ] || fail "a restarted standby raised the epoch from $before to $(epoch "$first")"
fresh_keys "restart of the standby"

$lab kill "$first"
within 5 is_primary "$other" || fail "$other did not replace the killed primary"
$lab start "$first"
within 15 whole || fail "the restarted primary did not rejoin: $first '$(role "$first")', $other '$(role "$other")'"
is_primary "$other" || fail "the role went back to the restarted $first"
[ "$(epoch "$other")" = $((before + 1)) ] || fail "the epoch is $(epoch "$other"), not $((before + 1))"
within 10 traffic || fail "no traffic after the restart of the primary"
fresh_keys "restart of the primary"

$lab kill m1
$lab kill m2
$lab start m1
$lab start m2
within 20 whole || fail "after restarting both: m1 '$(role m1)', m2 '$(role m2)'"
within 10 traffic || fail "no traffic after restarting both"
fresh_keys "restart of both"
