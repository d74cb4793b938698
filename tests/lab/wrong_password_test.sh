#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Another password on one member: both sides name it, they never join, and each serves alone after its holddown.
# covers: K10
. "$(dirname "$0")/_init.sh"

$lab up --no-wait --member-set 'm2:password "another one"'
two_primaries() { [ "$(primary m1 m2 | wc -l)" = 2 ]; }
named() { [ "$(told "$1" "any(e['event'] in ('wrong-password', 'unconfirmed') and e['peer'] == '$(serial "$2")' for e in h)")" = True ]; }
both_named() { named m1 m2 && named m2 m1; }

within 15 two_primaries || fail "not both are primary: '$(primary m1 m2)'"
within 20 both_named || fail "not named on both sides: m1 $(told m1 '[e["event"] for e in h]'), m2 $(told m2 '[e["event"] for e in h]')"
[ "$(told m1 'any(e["event"] == "wrong-password" for e in h)')" = True ] || fail "m1, which checks first, does not call it a wrong password"
for member in m1 m2; do
	[ "$(told $member 'any(e["event"] == "peer-found" for e in h)')" = False ] || fail "$member has found a peer"
	[ "$(answer $member 'len(seen)')" = 1 ] || fail "$member counts $(answer $member 'list(seen)')"
	[ "$(told $member 'len(roles) == 1 and roles[0]["to"]')" = primary ] || fail "$member: $(told $member 'roles')"
	waited=$(told $member '(roles[0]["mono_ns"] - h[0]["mono_ns"]) // 1000000')
	{ [ "$waited" -ge 4900 ] && [ "$waited" -le 9000 ]; } || fail "$member became primary after $waited ms, not after the holddown of 5 s"
done
