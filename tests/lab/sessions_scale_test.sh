#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# 20,000 sessions appear at once while every twentieth sync frame is lost: the standby has all of them, by its own word and
# by its kernel's, as they were made; so has a standby that joins later. The machine's limits are as they were afterwards,
# also when the lab is killed.
. "$(dirname "$0")/_init.sh"

limits() { cat /proc/sys/net/netfilter/nf_conntrack_max /proc/sys/net/netfilter/nf_conntrack_buckets; }
modprobe nf_conntrack 2>/dev/null || true
before=$(limits)

$lab sessions --count 20000 --loss 5 --json "$scratch/sessions.json" || fail "sessions says no"
python3 - "$scratch/sessions.json" <<'EOF_PYTHON' || fail "the figures are not right"
import json, sys

result = json.load(open(sys.argv[1]))
ours = result["systole"]
# That frames were lost at all, and that the loader's sessions are what was compared.
assert ours["wire_frames_seen"] > 100 and ours["wire_frames_dropped"] > 0, ours
assert ours["source_table"]["count"] == 20000 and ours["source_table"]["missing"] == 0, ours
for one in (ours, ours["joiner"]):
    assert (one["copied"], one["lost"], one["wrong"]) == (20000, 0, 0), ours
    assert one["copy_table"]["digest"] == ours["source_table"]["digest"], ours
assert ours["equal"] and ours["joiner"]["complete"], ours
EOF_PYTHON
[ "$(limits)" = "$before" ] || fail "the machine's limits are $(limits), not $before"

# One more than the machine would take: the limit must be raised for it, and lowered again by whoever is left to do it.
most=$(sed 1q <<<"$before")
$lab sessions --count $((most + 1)) >"$scratch/out" 2>&1 &
raised() { [ "$(limits)" != "$before" ]; }
within 20 raised || fail "the limits were never raised: $(cat "$scratch/out")"
kill -KILL $!
wait $! || true
restored() { nothing_left && [ "$(limits)" = "$before" ]; }
within 20 restored || fail "killed, it left $(limits) instead of $before, and $(leftovers)"
