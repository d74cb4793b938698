#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# All heartbeats lost makes two primaries, by nature; healing leaves one, whom both name and who has the traffic. With and without a bridge.
. "$(dirname "$0")/_init.sh"

two_primaries() { [ "$(primary m1 m2 | wc -l)" = 2 ]; }

for shape in "" --direct; do
	$lab up $shape
	for link in hb0 hb1; do $lab cut m1 $link; done
	within 3 two_primaries || fail "${shape:-bridged}: not two primaries while split: $(primary m1 m2)"
	[ "$($lab exec m1 -- cat /sys/class/net/hb0/carrier)" = 1 ] || fail "${shape:-bridged}: cut took the carrier"
	for link in hb0 hb1; do $lab heal m1 $link; done
	within 5 whole || fail "${shape:-bridged}: not one primary after healing: $(primary m1 m2)"
	within 3 traffic || fail "${shape:-bridged}: healed, but the switches still send the traffic to the one that yielded"
	$lab down
done
