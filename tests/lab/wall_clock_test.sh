#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# One member's wall clock is ten years ahead, then jumps between ten years ahead and ten years back fifty times a second,
# while it joins and after: nobody notices. (Its CLOCK_REALTIME is answered by tests/lab/wall_clock.cc.)
# covers: L6
. "$(dirname "$0")/_init.sh"
jumping=
trap '[ -z "$jumping" ] || kill "$jumping" 2>/dev/null || true; $lab down >/dev/null; rm -rf "$scratch"' EXIT

ten_years=$((10 * 365 * 86400))
ahead() { python3 -c 'import struct, sys; open(sys.argv[1], "wb").write(struct.pack("=q", int(sys.argv[2])))' "$scratch/shift" "$1"; }
jump()
{
	exec python3 -c 'import struct, sys, time
with open(sys.argv[1], "r+b", buffering=0) as file:
    years = int(sys.argv[2])
    while True:
        years = -years
        file.seek(0)
        file.write(struct.pack("=q", years))
        time.sleep(0.02)' "$scratch/shift" $ten_years
}
with_clock() { LD_PRELOAD=$scratch/wall_clock.so WALL_CLOCK_FILE=$scratch/shift WALL_CLOCK_MEMBER=m1 "$@"; }
off_by() { told m1 "round((h[$1]['unix'] - $2) / 86400 / 365)"; } # years
noise() { told "$1" 'sum(e["event"] != "start" for e in h)'; }

chmod 755 "$scratch" # the daemon may run as another user
g++ -std=c++20 -O1 -shared -fPIC -Wall -Wextra -Werror -o "$scratch/wall_clock.so" tests/lab/wall_clock.cc -ldl
ahead $ten_years
begun=$(date +%s)
with_clock $lab up
[ "$(off_by -1 "$begun")" = 10 ] || fail "m1's clock is not ten years ahead: $(told m1 h), now $begun"
[ "$(told m2 "abs(h[-1]['unix'] - $begun) < 100")" = True ] || fail "m2's clock is off too"

$lab kill m1
within 5 is_primary m2 || fail "m2 did not replace m1"
before=$(epoch m2)
jump & jumping=$!
with_clock $lab start m1 >/dev/null
within 15 whole || fail "m1 did not join while its clock jumped: m1 '$(role m1)', m2 '$(role m2)'"
joined=$(told m1 '(max(e["mono_ns"] for e in h if e["event"] == "peer-found") - max(e["mono_ns"] for e in h if e["event"] == "start")) // 1000000')
[ "$joined" -le 1000 ] || fail "joining took $joined ms"
quiet="$(noise m1) $(noise m2)"
sleep 4
[ "$(noise m1) $(noise m2)" = "$quiet" ] || fail "something happened while the clock jumped: $(told m1 h) $(told m2 h)"
[ "$(epoch m2)" = "$before" ] || fail "the epoch rose from $before to $(epoch m2)"
within 5 traffic || fail "no traffic"
echo "joined in $joined ms while the clock jumped"
