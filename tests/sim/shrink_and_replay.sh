#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Of a seed that fails, shrinking leaves a few faults, and with these alone the same checker fails again.
set -eu
sim=$1
seed=271
broken="--break hasty-claim" # fails there, by isolation-bound
output=$(mktemp)
again=$(mktemp)
trap 'rm -f "$output" "$again"' EXIT
# shellcheck disable=SC2086
if "$sim" --shrink $seed $broken >"$output"; then
	echo "seed $seed passes: this test needs another one"
	exit 1
fi
faults=$(sed -n 's/^    see it again with: .*--keep-faults //p' "$output")
before=$(sed -n 's/^seed [0-9]* with [0-9]* of \([0-9]*\) faults.*/\1/p' "$output")
left=$(echo "$faults" | tr ',' '\n' | wc -l)
echo "$left of $before faults are left: $faults"
test "$before" -gt 50
test "$left" -le 20
# shellcheck disable=SC2086
if "$sim" --trace $seed --keep-faults "$faults" $broken >"$again"; then
	echo "with these faults alone it passes"
	exit 1
fi
grep -q '!!!! isolation-bound' "$again"
