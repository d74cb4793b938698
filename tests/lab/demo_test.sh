#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The demo meets its bounds, says so, and leaves nothing behind.
. "$(dirname "$0")/_init.sh"

pages=$(cat /proc/sys/vm/nr_hugepages)
$lab >"$scratch/out" || { cat "$scratch/out"; fail "the demo did not pass"; }
grep -q '^verdict: PASS$' "$scratch/out" || fail "no verdict was printed"
nothing_left || fail "left behind: $(leftovers)"
[ "$(cat /proc/sys/vm/nr_hugepages)" = "$pages" ] || fail "the number of hugepages has changed"
