#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The role moves as planned while connections begin all the time behind NAT: no switch waits for a moment without new ones, and
# those that begin around a switch live. A switch that leads to a member without session pickup is refused by name, and an
# orderly stop right after a switch loses nothing either.
. "$(dirname "$0")/_init.sh"

cat >"$scratch/load.py" <<'LOAD'
# server | client CONNECTIONS-A-SECOND SECONDS: each connects, asks three times within 100 ms, and ends.
import asyncio, sys, time


async def answer(reader, writer):
    while question := await reader.read(64):
        writer.write(question)
    writer.close()


async def live(worst):
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("10.2.2.20", 8088)
    for _ in range(3):
        writer.write(b"?" * 32)
        await reader.readexactly(32)
        await asyncio.sleep(0.03)
    worst.append(time.monotonic() - begun)
    writer.close()


async def load(rate, seconds):
    worst, lives, begun = [], [], time.monotonic()
    while time.monotonic() - begun < seconds:
        lives += [asyncio.create_task(asyncio.wait_for(live(worst), 10))
                  for _ in range(int((time.monotonic() - begun) * rate) - len(lives))]
        await asyncio.sleep(0.002)
    ends = await asyncio.gather(*lives, return_exceptions=True)
    failed = [repr(end) for end in ends if end is not None]
    print(len(lives), len(failed), max(worst), *failed[:3])


async def serve():
    await (await asyncio.start_server(answer, "0.0.0.0", 8088, backlog=1024)).serve_forever()

asyncio.run(serve() if sys.argv[1] == "server" else load(float(sys.argv[2]), float(sys.argv[3])))
LOAD

# switches FROM TO
switches()
{
	$lab exec "$1" -- systolectl execute ha failover switch </dev/null >"$scratch/out" 2>&1 ||
		{ cat "$scratch/out"; fail "$1 did not switch while connections began"; }
	within 5 moved_to "$2" || fail "the role is not with $2: m1 '$(role m1)', m2 '$(role m2)'"
}
pickup() { answer "$1" "s['session_pickup']['$2']"; }
all_there() { [ "$(pickup m1 in_step)" = True ] && [ "$(pickup m2 in_step)" = True ]; }

$lab up --nat
moved_to m2 || fail "the higher serial is not primary: $(primary m1 m2)"
$lab exec server -- python3 "$scratch/load.py" server &
sleep 1
$lab exec client -- python3 "$scratch/load.py" client 200 12 >"$scratch/lives" &
client=$!
sleep 1
for _ in 1 2 3; do
	switches m2 m1
	switches m1 m2
done
switches m2 m1
$lab exec m2 -- sh -c 'kill -TERM $(cat /run/systole/m2/lock)'
wait $client
cat "$scratch/lives"
read -r made failed longest _ <"$scratch/lives"
[ "$made" -ge 1000 ] || fail "only $made connections were made"
# One whose first reply was faster than its session may be reset: at most one here (docs/SESSIONS.md).
[ "$failed" -le 1 ] || fail "$failed of $made connections did not survive seven switches"
python3 -c "import sys; sys.exit(float('$longest') > 5)" || fail "a connection stood still for $longest s"
[ "$(pickup m1 rest_missed)" = 0 ] || fail "m1 has not heard all of a predecessor's last sessions"

$lab start m2
within 10 moved_to m1 || within 10 moved_to m2 || fail "nobody is primary after m2 has come back"
within 10 all_there || fail "m2 does not have the sessions: m1 $(pickup m1 at_risk) at risk"
$lab down
# A member without session pickup lacks nothing, and would be preferred at the start.
$lab up --nat --set 'session-sync-wait 0' --member-set 'm1:session-pickup disable' \
	--member-set 'm1:unset session-pickup-connectionless'
moved_to m2 || fail "the higher serial is not primary: $(primary m1 m2)"
$lab exec m2 -- systolectl execute ha failover switch </dev/null >"$scratch/out" 2>&1 &&
	fail "m2 switched to a member that takes no sessions"
grep -q 'takes no sessions' "$scratch/out" || { cat "$scratch/out"; fail "the refusal does not say why"; }
is_primary m2 || fail "m2 has given up a role that nobody took"
$lab down
nothing_left || fail "left behind: $(leftovers)"
