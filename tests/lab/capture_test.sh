#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# --capture holds every heartbeat link from the first frame on, in order and each frame once.
. "$(dirname "$0")/_init.sh"

for shape in "" --direct; do
	$lab up $shape --capture "$scratch/heartbeats.pcap"
	sleep 1
	$lab down
	python3 - "$scratch/heartbeats.pcap" <<-'EOF' || fail "${shape:-bridged}: the capture is not right"
	import collections, struct, sys
	data = open(sys.argv[1], "rb").read()
	magic, _, _, _, _, _, link_type = struct.unpack_from("=IHHiIII", data)
	assert (magic, link_type) == (0xa1b23c4d, 1), "not a nanosecond Ethernet pcap"
	offset, last, frames = 24, 0, collections.Counter()
	while offset < len(data):
	    seconds, nanoseconds, kept, length = struct.unpack_from("=IIII", data, offset)
	    assert kept == length, "a frame is cut short"
	    stamp = seconds * 10**9 + nanoseconds
	    assert stamp >= last, f"frames are out of order by {last - stamp} ns"
	    frames[data[offset + 22:offset + 28].hex(":")] += 1
	    offset, last = offset + 16 + length, stamp
	# Two members with two links each; more than a second at 100 beats/s and not twice that.
	print(dict(frames))
	assert sorted(frames) == [f"02:53:59:53:{member:02x}:{link:02x}" for member in (1, 2) for link in (0, 1)]
	assert all(90 <= count <= 600 for count in frames.values()), "not once per frame"
	EOF
done
