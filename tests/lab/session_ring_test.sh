#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Two data planes that are not the kernel, each at its member's session ring: what the primary's has, the secondary's gets,
# and keeps when it takes over. What a data plane writes into the file ends no daemon.
. "$(dirname "$0")/_init.sh"

producer=${SYSTOLE_BUILD:-build}/examples/session_producer/session_producer
[ -x "$producer" ] || { echo "skipped: no session_producer beside systoled"; exit 77; }
ring() { echo "/run/systole/$1/session-ring"; }
planes=()
trap 'kill "${planes[@]}" 2>/dev/null || true; $lab down >/dev/null; rm -rf "$scratch"' EXIT
# plane MEMBER COUNT: its data plane, in the background.
plane() { "$producer" "$(ring "$1")" "$2" 120 >"$scratch/$1" 2>&1 & planes+=($!); }
in_step() { [ "$(answer "$1" 's["session_pickup"]["in_step"]')" = True ]; }
has() { [ "$(answer "$1" 's["session_pickup"]["sessions"]')" = "$2" ]; }
said() { grep -qs "$2" "$scratch/$1"; }

$lab up --set 'session-pickup enable' --set 'session-source shared-memory' >/dev/null
within 10 whole || fail "no cluster"
first=$(primary m1 m2)
other=$(other_of "$first")
for member in m1 m2; do
	[ "$(stat -c %a "$(ring "$member")")" = 660 ] || fail "mode of $(ring "$member"): $(stat -c %a "$(ring "$member")")"
done

# 60,000: more than a ring holds, so that some are lost and told by the dump that follows. A quarter of them ends again.
plane "$other" 0
plane "$first" 60000
within 10 said "$first" "asked for dump" || fail "the primary's data plane was not asked: $(cat "$scratch/$first")"
within 20 has "$other" 45000 || fail "the secondary has $(answer "$other" 's["session_pickup"]["sessions"]') sessions"
within 10 in_step "$first" || fail "not in step"
said "$other" "asked for dump" && fail "the secondary's data plane was asked"

# A takeover: the other data plane is asked now, and what it was given is what there is.
$lab crash "$first" >/dev/null
within 10 is_primary "$other" || fail "no takeover"
within 10 said "$other" "asked for dump" || fail "the new primary's data plane was not asked"
sleep 1
has "$other" 45000 || fail "after the takeover: $(answer "$other" 's["session_pickup"]["sessions"]') sessions"
kill "${planes[@]}"
wait "${planes[@]}" 2>/dev/null || true
sum() { sed -n 's/^\(sessions 45000 checksum [0-9a-f]*\) .*/\1/p' "$scratch/$1"; }
if [ -z "$(sum "$first")" ] || [ "$(sum "$first")" != "$(sum "$other")" ]; then
	fail "different sessions: $(tail -n 1 "$scratch/$first"); $(tail -n 1 "$scratch/$other")"
fi
tail -n 1 "$scratch/$other"

# Nonsense everywhere, then no file behind the mapping: the daemon counts, says so, and is primary still.
for _ in 1 2 3 4 5; do
	dd if=/dev/urandom of="$(ring "$other")" bs=64K count=160 conv=notrunc status=none
	sleep 0.1
done
[ "$(answer "$other" 's["session_pickup"]["source_overruns"]')" -gt 0 ] || fail "random bytes are no overrun"
truncate -s 0 "$(ring "$other")"
sleep 0.5
is_primary "$other" || fail "a file made shorter ended the daemon"
$lab down >/dev/null
nothing_left || fail "left behind: $(leftovers)"
