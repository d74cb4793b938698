#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Status and history of both members, the fabric and the client tell the same story of one failover.
. "$(dirname "$0")/_init.sh"

$lab up
python3 -B - <<'EOF' || fail "the stories do not agree"
import json, sys, time
sys.path.insert(0, "scripts")
from labkit import faults, members, names, programs, state
from labkit.observer import Observer
from labkit.prober import Prober

plan, built = state.plan_of(state.read()), programs.Programs()


def told(member):
    lines = members.control(built, member, "diagnose", "sys", "ha", "history", "read").stdout.splitlines()
    return sorted(map(json.loads, lines), key=lambda event: event["mono_ns"])


def cluster(member):
    return members.status(built, member)["vclusters"][0]


old = members.wait_until_whole(plan, built, 10)
new = next(name for name in plan.names() if name != old)
epoch = cluster(old)["epoch"]
observer, prober = Observer(plan), Prober(built)
try:
    prober.wait_until_clean(10)
    crash = faults.Crash(plan, old)
    prober.mark()
    t0 = time.monotonic_ns()
    crash.strike()
    deadline = time.monotonic() + 5
    while new not in members.primaries({new: members.status(built, new)}):
        assert time.monotonic() < deadline, f"{new} did not become primary"
        time.sleep(0.05)
    crash.finish()
    prober.wait_until_back(t0 + 1, 5)
    udp = prober.report(t0)["udp"]
    announced = observer.first_announcement(new, t0)
    taken = {own.address for own in observer.ownerships(t0) if own.member == new and own.owned}
finally:
    prober.close()
    observer.close()
members.revive(plan, built, old)
members.wait_until_whole(plan, built, 20)

# Who: one loss and one change of role in the survivor's history, and both statuses name the survivor.
story = [event for event in told(new) if event["mono_ns"] >= t0]
lost = [event for event in story if event["event"] == "peer-lost"]
roles = [event for event in story if event["event"] == "role"]
assert [event["peer"] for event in lost] == [names.serial(old)], lost
assert [(event["from"], event["to"], event["epoch"]) for event in roles] == [("secondary", "primary", epoch + 1)], roles
lost, role = lost[0], roles[0]
statuses = {member: cluster(member) for member in plan.names()}
for member, status in statuses.items():
    assert status["primary"] == names.serial(new), f"{member} names {status['primary']}"
    assert status["epoch"] == epoch + 1, f"{member} is at epoch {status['epoch']}"
assert statuses[new]["reason"] == role["reason"], (statuses[new]["reason"], role["reason"])
assert abs(statuses[new]["since_unix"] - role["unix"]) < 0.05, (statuses[new]["since_unix"], role["unix"])
joined = [event for event in told(old) if event["event"] == "role" and event["mono_ns"] > role["mono_ns"]]
assert [(event["from"], event["to"], event["rule"]) for event in joined] == [("hello", "secondary", "live-primary")], joined
assert names.serial(new) in joined[0]["reason"], joined

# When: fault, loss, role, announcement; the client's gap holds them all. A loaded machine is late, but never early.
interval_ms, threshold = plan.timing_ms()
late_ms = 250
detect_ms, elect_ms = (lost["mono_ns"] - t0) / 1e6, (role["mono_ns"] - lost["mono_ns"]) / 1e6
assert interval_ms * (threshold - 1) - 2 <= detect_ms <= interval_ms * threshold + late_ms, f"detected after {detect_ms} ms"
assert 0 <= elect_ms <= late_ms, f"elected {elect_ms} ms after the loss"
assert announced and -5 <= (announced.mono_ns - role["mono_ns"]) / 1e6 <= late_ms, (announced, role["mono_ns"])
assert taken == {names.LAN_GATEWAY, names.WAN_GATEWAY}, taken
assert udp["gap_start_ns"] <= t0 + 5e6, "the client heard replies after the crash"
assert not udp["gap_open"] and udp["gap_end_ns"] >= lost["mono_ns"], "the client heard replies before anybody acted"
assert udp["gap_end_ns"] <= announced.mono_ns + late_ms * 1e6, "the client waited long after the announcement"
print(f"detected after {detect_ms:.1f} ms, elected in {elect_ms:.1f} ms, client gap {udp['longest_gap_ns'] / 1e6:.1f} ms, "
      f"epoch {epoch} -> {epoch + 1}, because {role['reason']}")
EOF
