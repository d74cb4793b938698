#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Two runs of one seed give the same timeline to the letter, but for the line that says how long they took; and seeds
# that run side by side mean what they mean one after the other.
set -eu
sim=$1
first=$(mktemp)
second=$(mktemp)
trap 'rm -f "$first" "$second"' EXIT
for seed in 3 6 46; do
	"$sim" --trace "$seed" | grep -v '^simulated' >"$first"
	"$sim" --trace "$seed" | grep -v '^simulated' >"$second"
	test "$(wc -l <"$first")" -gt 50
	cmp "$first" "$second"
done
"$sim" --seeds 1-40 --jobs 1 | grep -v '^simulated' >"$first"
"$sim" --seeds 1-40 --jobs 4 | grep -v '^simulated' >"$second"
cmp "$first" "$second"
