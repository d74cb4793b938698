#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A frozen primary is replaced; thawed, it finds the other at work, the normal order decides at once, and what it
# decides stays and has the traffic.
. "$(dirname "$0")/_init.sh"

$lab up
for revive in resume start; do # start revives the frozen too
	frozen=$(primary m1 m2)
	$lab pause "$frozen"
	within 3 is_primary "$(other_of "$frozen")" || fail "$(other_of "$frozen") did not become primary"
	$lab $revive "$frozen"
	within 10 whole || fail "after the thaw $frozen is '$(role "$frozen")', the other '$(role "$(other_of "$frozen")")'"
	within 3 traffic || fail "after the thaw of $frozen nothing reaches the server"
	chosen=$(primary m1 m2)
	sleep 1
	{ whole && is_primary "$chosen"; } || fail "the role moved again after the thaw: from $chosen to '$(primary m1 m2)'"
done
