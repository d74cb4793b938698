#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A heartbeat interface is removed from a running member and made again under its name, with another MAC address; another
# is set down for long and up again. The link comes back, nobody restarts, nobody's role changes.
. "$(dirname "$0")/_init.sh"

link_is() { [ "$(answer "$1" "next(l['state'] for l in seen['$(other_of "$1")']['links'] if l['name'] == '$2')")" = "$3" ]; }
both_are() { link_is m1 "$1" "$2" && link_is m2 "$1" "$2"; }
plug() # MEMBER LINK
{
	ip -n sys-fabric link add "$1-$2" type veth peer name "$2" netns "sys-$1"
	ip -n sys-fabric link set "$1-$2" master "br-$2" up
	ip netns exec "sys-$1" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$2/disable_ipv6"
	ip -n "sys-$1" link set "$2" up
}

daemons() { pgrep -f '^[^ ]*systoled .*-f /run/systole/lab/'; }

for vdev in af_packet af_xdp; do
	$lab up --vdev $vdev
	within 5 both_are hb1 up || fail "$vdev: hb1 is not up on both members"
	first=$(primary m1 m2)
	epoch=$(epoch "$first")
	pids=$(daemons)

	for member in m1 m2; do
		ip -n sys-$member link del hb1
		within 5 link_is "$(other_of $member)" hb1 down || fail "$vdev: $(other_of $member) did not notice the loss of hb1"
		# Once for longer than af_packet's queue holds frames (512) for an interface that is gone.
		[ $vdev$member != af_packetm1 ] || sleep 6
		both_are hb0 up || fail "$vdev: without hb1 of $member, hb0 went too: m1 '$(role m1)', m2 '$(role m2)'"
		plug $member hb1
		within 5 both_are hb1 up || fail "$vdev: hb1 of $member did not come back within 5 s"
	done

	ip -n sys-m1 link set hb0 down
	within 5 link_is m2 hb0 down || fail "$vdev: m2 did not notice that hb0 is down"
	[ $vdev != af_packet ] || sleep 6
	both_are hb1 up || fail "$vdev: with hb0 of m1 set down, hb1 went too"
	ip -n sys-m1 link set hb0 up
	within 5 both_are hb0 up || fail "$vdev: hb0 did not go on after it was set up again"

	[ "$(daemons)" = "$pids" ] || fail "$vdev: a member was restarted"
	[ "$(primary m1 m2)" = "$first" ] && [ "$(epoch "$first")" = "$epoch" ] || fail "$vdev: the role changed"
	for member in m1 m2; do
		[ "$(told $member 'len(roles)')" = 1 ] || fail "$vdev: $member's role changed: $(told $member roles)"
		[ "$(told $member 'sum(e["event"] == "peer-lost" for e in h)')" = 0 ] || fail "$vdev: $member lost its peer"
	done
	$lab down
done
