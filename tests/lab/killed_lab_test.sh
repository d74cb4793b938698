#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Whatever ends scripts/lab, even SIGKILL, at whichever moment: nothing is left behind.
. "$(dirname "$0")/_init.sh"

for number in INT TERM KILL; do
	for delay in 0.3 0.6 1.2; do
		# Not as a plain background job: bash would make it ignore SIGINT.
		timeout --foreground --signal="$number" "$delay" $lab >"$scratch/out" 2>&1 || true
		! grep -q Traceback "$scratch/out" || { cat "$scratch/out"; fail "$number after $delay s: a traceback"; }
		within 6 nothing_left || fail "$number after $delay s left behind: $(leftovers)"
	done
done
