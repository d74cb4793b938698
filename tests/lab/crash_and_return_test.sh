#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A crashed primary is replaced; it comes back as secondary and the role stays where it is.
. "$(dirname "$0")/_init.sh"

$lab up
first=$(primary m1 m2)
[ "$first" = m1 ] && other=m2 || other=m1
both_agree() { [ "$(role "$other")" = primary ] && [ "$(role "$first")" = secondary ] && [ "$(answer "$other" 'len(seen)')" = 2 ]; }

$lab crash "$first"
within 3 is_primary "$other" || fail "$other did not become primary"
raised=$(epoch "$other")
[ -z "$(role "$first")" ] || fail "$first still answers after its crash"
$lab start "$first"
within 10 both_agree || fail "$first did not come back as secondary"
sleep 1
both_agree || fail "the role moved again after $first came back"
[ "$(epoch "$other")" = "$raised" ] || fail "the epoch changed from $raised to $(epoch "$other") without a failover"
