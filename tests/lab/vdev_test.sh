#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Heartbeats over AF_XDP and over memif: a cluster forms, and either member is killed, leaves behind what a killed
# program leaves (an XDP program, a socket file), and is taken back.
. "$(dirname "$0")/_init.sh"

link_up() { [ "$(answer "$1" "next(l['state'] for l in seen['$(other_of "$1")']['links'] if l['name'] == 'hb0')")" = up ]; }
both_links_up() { link_up m1 && link_up m2; }
xdp_program_of() { ip -n "sys-$1" -details link show dev hb0 | grep -q 'prog/xdp'; }

for vdev in af_xdp memif; do
	$lab up --vdev $vdev
	is_primary m2 || fail "$vdev: the higher serial is not primary: '$(primary m1 m2)'"
	within 5 both_links_up || fail "$vdev: hb0 is not up on both members"
	$lab crash m2
	within 5 is_primary m1 || fail "$vdev: m1 did not become primary"
	within 10 traffic || fail "$vdev: no traffic after the crash"
	$lab start m2
	within 20 whole || fail "$vdev: m2 did not rejoin: m1 '$(role m1)', m2 '$(role m2)'"

	# The daemon alone is killed, of either side: m1 serves the memif socket, m2 connects to it.
	for member in m1 m2; do
		$lab kill "$member"
		case $vdev in
		af_xdp) xdp_program_of "$member" || fail "$vdev: no XDP program was left behind, nothing is tested here" ;;
		memif) [ $member = m2 ] || [ -S /run/systole/lab/memif.sock ] || fail "$vdev: no socket file was left behind" ;;
		esac
		within 5 is_primary "$(other_of "$member")" || fail "$vdev: nobody replaced the killed $member"
		$lab start "$member"
		within 20 whole || fail "$vdev: the killed $member did not rejoin: m1 '$(role m1)', m2 '$(role m2)'"
		within 5 both_links_up || fail "$vdev: hb0 did not come back after $member was killed"
	done
	$lab down
	nothing_left || fail "$vdev: left behind: $(leftovers)"
done

# A memif client may come first: its port waits for the server.
$lab up --vdev memif
$lab kill m1
$lab kill m2
$lab start m2
within 10 is_primary m2 || fail "memif: the client alone did not become primary"
$lab start m1
within 20 whole || fail "memif: the server that came second was not found: m1 '$(role m1)', m2 '$(role m2)'"
