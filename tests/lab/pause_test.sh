#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A frozen primary is replaced; thawed, it gives way, and there is one primary again.
. "$(dirname "$0")/_init.sh"

$lab up
first=$(primary m1 m2)
[ "$first" = m1 ] && other=m2 || other=m1
is_primary() { [ "$(role "$1")" = primary ]; }
gave_way() { [ "$(role "$first")" = secondary ] && [ "$(role "$other")" = primary ]; }

$lab pause "$first"
within 3 is_primary "$other" || fail "$other did not become primary"
$lab resume "$first"
within 5 gave_way || fail "after the thaw $first is '$(role "$first")' and $other is '$(role "$other")'"
$lab pause "$other"
within 3 is_primary "$first" || fail "$first did not take the role back"
$lab start "$other"
within 5 is_primary "$first" || fail "start did not let $other go on without a change of roles"
