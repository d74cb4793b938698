#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Everything that two members said in one boot, at least 8000 frames, comes back in their next ones while they join and
# after: as it was, backwards and shuffled. Nothing of it is accepted, nobody changes role, joining takes no longer. Then a
# thousand live packets, each again at once: no copy is accepted.
# covers: R1 R15 R16 R17
. "$(dirname "$0")/_init.sh"
replay() { /usr/bin/python3 -B tests/lab/replay.py "$@"; }
looping=
trap '[ -z "$looping" ] || kill "$looping" 2>/dev/null || true; $lab down >/dev/null; rm -rf "$scratch"' EXIT

kill_both() { for member in m1 m2; do $lab kill $member; done; }
# start_both [ORDER]: until they are whole, under a replay if an order is given.
start_both()
{
	local first
	if [ -n "${1:-}" ]; then
		/usr/bin/python3 -B tests/lab/replay.py loop "$scratch/old.pcap" "$1" 5000 &
		looping=$!
	fi
	$lab start m1 >/dev/null &
	first=$!
	$lab start m2 >/dev/null
	wait $first
	within 20 whole || fail "${1:-no} replay: not whole: m1 '$(role m1)', m2 '$(role m2)'"
	if [ -n "$looping" ]; then
		kill "$looping"
		wait "$looping" || true
		looping=
	fi
}
# look NAME: what both members say now, for judge.
look()
{
	for member in m1 m2; do
		$lab exec $member -- sh -c 'systolectl -j get system ha status; systolectl -j diagnose sys ha history read' \
			</dev/null >"$scratch/$1.$member"
	done
}
judge() { python3 "$scratch/judge.py" "$scratch" "$@" || fail "$2"; }
cat >"$scratch/judge.py" <<'EOF_JUDGE'
import json, pathlib, sys
scratch, verb, *arguments = sys.argv[1:]
scratch, members = pathlib.Path(scratch), ("m1", "m2")

class Said:
    def __init__(self, name, member):
        status, *history = map(json.loads, (scratch / f"{name}.{member}").read_text().splitlines())
        self.drops, self.epoch = status["counters"]["drops"], status["vclusters"][0]["epoch"]
        history.sort(key=lambda event: event["mono_ns"])
        started = max(i for i, event in enumerate(history) if event["event"] == "start")
        self.present = history[started:]  # of this process; the file goes back further

    def events(self, *kinds):
        return [event for event in self.present if event["event"] in kinds]

    def refused(self, names):  # "esp_replay" is another name of esp_replay_pre
        return sum(n for name, n in self.drops.items() if name.startswith(names) and name != "esp_replay")

def join_ms(name):
    said = [Said(name, member) for member in members]
    return (max(s.events("peer-found")[0]["mono_ns"] for s in said) - max(s.present[0]["mono_ns"] for s in said)) // 1000000

if verb == "join":  # WHAT NAME WITHOUT: under a replay, and without one
    what, name, without = arguments
    print(f"{what}: a join took {join_ms(name)} ms, without the replay {join_ms(without)} ms")
    assert join_ms(name) <= join_ms(without) + 1000, "joining took much longer"
    for member in members:
        roles = Said(name, member).events("role")
        assert len(roles) == 1, f"{member} has not taken one role: {roles}"
else:  # WHAT BEFORE AFTER DROPS: as many more refusals at each member as it was sent packets, and nothing else
    what, before, after, names = arguments
    sent = json.loads((scratch / "sent").read_text())
    for member in members:
        old, new = Said(before, member), Said(after, member)
        refused = new.refused(names) - old.refused(names)
        print(f"{what}: {member} was sent {sent.get(member, 0)} packets and refused {refused}")
        assert sent.get(member, 0) > 300, "too few to judge by"
        assert refused == sent[member], f"of the rest some were accepted, or lost on the way: {new.drops}"
        kinds = ("role", "peer-lost", "peer-found", "peer-restarted", "start")
        assert new.events(*kinds) == old.events(*kinds) and new.epoch == old.epoch, f"{member}: {new.present}"
EOF_JUDGE

# 2 ms x 50: as many frames in seconds as 10 ms gives in a minute, and a busy machine loses nobody.
$lab up --capture "$scratch/all.pcap" --set 'hb-interval 2' --set 'hb-interval-in-milliseconds 1' --set 'hb-lost-threshold 50'
sleep 4.5
kill_both
sleep 0.3
cp "$scratch/all.pcap" "$scratch/old.pcap"
frames=$(replay count "$scratch/old.pcap")
[ "$frames" -ge 8000 ] || fail "only $frames frames were recorded"
echo "$frames frames were recorded"
replay attach

start_both
look plain
for order in original reversed shuffled; do
	kill_both
	start_both $order
	look before
	judge join "$order" before plain
	replay send "$scratch/old.pcap" $order 5000 >"$scratch/sent"
	sleep 0.3
	look after
	judge refused "$order" before after esp_
done
look before
replay echo 1000 >"$scratch/sent"
sleep 0.3
look after
judge refused duplicates before after esp_replay_pre
