#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# All heartbeats lost makes two primaries, by nature; healing leaves one, whom both name. With and without a bridge.
. "$(dirname "$0")/_init.sh"

two_primaries() { [ "$(primary m1 m2 | wc -l)" = 2 ]; }
one_primary() { [ "$(primary m1 m2 | wc -l)" = 1 ] && [ "$(answer m1 's["vclusters"][0]["primary"]')" = "$(answer m2 's["vclusters"][0]["primary"]')" ]; }

for shape in "" --direct; do
	$lab up $shape
	for link in hb0 hb1; do $lab cut m1 $link; done
	within 3 two_primaries || fail "${shape:-bridged}: not two primaries while split: $(primary m1 m2)"
	[ "$($lab exec m1 -- cat /sys/class/net/hb0/carrier)" = 1 ] || fail "${shape:-bridged}: cut took the carrier"
	for link in hb0 hb1; do $lab heal m1 $link; done
	within 5 one_primary || fail "${shape:-bridged}: not one primary after healing: $(primary m1 m2)"
	$lab down
done
