#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Heartbeats over AF_XDP and over memif: a cluster forms, survives a crash, and takes the crashed member back.
. "$(dirname "$0")/_init.sh"

for vdev in af_xdp memif; do
	$lab up --vdev $vdev
	is_primary m2 || fail "$vdev: the higher serial is not primary: '$(primary m1 m2)'"
	state=$(answer m1 'next(l["state"] for l in seen["m2"]["links"] if l["name"] == "hb0")')
	[ "$state" = up ] || fail "$vdev: hb0 is '$state'"
	$lab crash m2
	within 5 is_primary m1 || fail "$vdev: m1 did not become primary"
	within 10 traffic || fail "$vdev: no traffic after the crash"
	$lab start m2
	within 20 whole || fail "$vdev: m2 did not rejoin: m1 '$(role m1)', m2 '$(role m2)'"
	$lab down
	nothing_left || fail "$vdev: left behind: $(leftovers)"
done
