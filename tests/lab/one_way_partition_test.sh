#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# One direction of every heartbeat link is lost. If the primary is not heard any more, the other takes over and the
# primary, who hears that, yields; if the standby is not heard any more, nothing moves. Never two for long.
. "$(dirname "$0")/_init.sh"

$lab up
for case in primary standby; do
	first=$(primary m1 m2)
	other=$(other_of "$first")
	[ $case = primary ] && mute=$first || mute=$other
	for link in hb0 hb1; do $lab cut "$mute" $link --one-way out; done
	[ $case = primary ] && chosen=$other || chosen=$first
	within 5 moved_to "$chosen" || fail "$case mute: $first is '$(role "$first")', $other '$(role "$other")'"
	sleep 1
	moved_to "$chosen" || fail "$case mute: it did not stay so: $first '$(role "$first")', $other '$(role "$other")'"
	within 3 traffic || fail "$case mute: no traffic"
	for link in hb0 hb1; do $lab heal "$mute" $link; done
	within 5 whole || fail "$case mute, healed: $first is '$(role "$first")', $other '$(role "$other")'"
	is_primary "$chosen" || fail "$case mute, healed: the role moved back from $chosen"
	within 3 traffic || fail "$case mute, healed: no traffic"
done
