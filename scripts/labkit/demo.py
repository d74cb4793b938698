# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The demo: two members, real traffic, the primary loses its power; what happened, when, and was it good enough."""
import collections
import re
import threading
import time

from . import events, faults, members, names, programs
from .lab import Lab
from .observer import Observer
from .plan import Plan
from .prober import NAT_TRAFFIC, Prober, Traffic

DETECTION_SLACK_MS, GAP_SLACK_MS = 10, 30
TAKEOVER_SLACK_MS = 20

Check = collections.namedtuple("Check", "passed text")


class Progress:
    """Lines with the time since the demo began; events of the members come from threads of their own."""

    def __init__(self):
        self._start_ns, self._lock = time.monotonic_ns(), threading.Lock()

    def say(self, text, mono_ns=None):
        elapsed = ((mono_ns or time.monotonic_ns()) - self._start_ns) / 1e9
        with self._lock:
            print(f"[{elapsed:8.3f}] {text}", flush=True)

    def event(self, event):
        if event["mono_ns"] >= self._start_ns:
            self.say(describe(event), event["mono_ns"])


def describe(event):
    """One line about one event of a member, with the lab's short names for the serials."""
    text = _describe(event)
    return re.sub(r"\bSYS\d{13}\b", lambda found: names.member_of_serial(found[0]), text)


def _describe(event):
    who, kind = event["who"], event["event"]
    peer = names.member_of_serial(event.get("peer"))
    if kind == "peer-found":
        return f"{who}: found {peer}"
    if kind == "peer-lost":
        return f"{who}: lost {peer}"
    if kind == "role":
        because = f", because {event['reason']}" if event.get("reason") else ""
        return f"{who}: {event.get('from', '?')} -> {event.get('to', '?')} (epoch {event.get('epoch', '?')}){because}"
    return f"{who}: {kind}: {event['text']}" if event.get("text") else f"{who}: {kind} {peer or ''}".rstrip()


def run(nat=False):
    """True when the failover met its bounds."""
    progress = Progress()
    say = progress.say
    built = programs.ensure(say, up_to_date=True)
    plan, traffic = Plan(nat=nat), NAT_TRAFFIC if nat else Traffic()
    interval_ms, lost = plan.timing_ms()
    say(f"two members, {plan.links} heartbeat links, a beat every {interval_ms} ms, dead after {lost} missed")
    with Lab(plan, built, "(the demo)") as lab:
        lab.build()
        spaces = [*map(names.namespace, plan.names()), names.CLIENT, names.SERVER, names.FABRIC]
        say(f"fabric is up: {' '.join(spaces)}")
        observer = Observer(plan)
        log = events.EventLog(progress.event)
        lab.start_members()
        streams = [events.EventStream(built, member, log) for member in plan.names()]
        primary = lab.wait_until_whole(lab.first_election_timeout_s())
        show_protection(built, primary, say)
        say(f"{primary} is primary and owns {names.LAN_GATEWAY} (LAN) and {names.WAN_GATEWAY} (WAN)")
        prober = Prober(built, traffic=traffic)
        prober.wait_until_clean(10)
        say(f"traffic runs: {traffic.describe()}, {names.CLIENT_ADDRESS} -> {primary} -> {names.SERVER_ADDRESS}")
        if nat:
            say(f"NAT: the server sees {names.WAN_GATEWAY} and a random port of it; only sessions that both know survive")
        passed = crash_and_judge(lab, primary, prober, observer, log, say)
        prober.close()
        for stream in streams:
            stream.close()
        observer.close()
        say("removing everything")
    return passed


def show_protection(built, primary, say):
    answer = members.status(built, primary) or {}
    protection = answer.get("protection", {})
    say(f"keys agreed: heartbeats ride ESP, {protection.get('suite', '?')}, authentication "
        f"{on_off(protection.get('authentication'))}, encryption {on_off(protection.get('encryption'))}")
    reasons = [cluster.get("reason") for cluster in answer.get("vclusters", []) if cluster.get("reason")]
    if reasons:
        say(f"elected: {primary}, because {reasons[0]}")


def on_off(value):
    return {True: "on", False: "off"}.get(value, "?")


def crash_and_judge(lab, primary, prober, observer, log, say):
    crash = faults.Crash(lab.plan, primary)
    prober.mark()
    time.sleep(1)  # a second of quiet, so that the traffic before the crash is on record too
    before = prober.report()["udp"]
    say(f"before: {before['received']} of {before['sent']} datagrams answered, longest gap "
        f"{before['longest_gap_ns'] / 1e6:.1f} ms")
    prober.mark()
    # Said before it is done: the members' own words about it would come first else.
    say(f"{primary} loses its power: all links down, all processes killed")
    t0 = time.monotonic_ns()
    crash.strike()
    role = log.wait_for(events.became_primary, t0, 5)
    crash.finish()
    taken_over_ns = role["mono_ns"] if role else t0
    prober.wait_until_back(taken_over_ns, 5)
    time.sleep(0.5)  # what is not answered by then is lost
    report = prober.report(taken_over_ns)
    statuses = {member: members.status(lab.programs, member) for member in lab.plan.names() if member != primary}
    udp = report["udp"]
    survivor = role["who"] if role else next(iter(statuses))
    lost = log.find(lambda event: event["event"] == "peer-lost" and event["who"] == survivor, t0)
    moved = observer.first_announcement(survivor, t0)
    if moved:
        say(f"addresses moved: {survivor} announces {moved.address}", moved.mono_ns)
    if not udp["gap_open"]:
        say("traffic is back", udp["gap_end_ns"])

    steps = [(t0, f"{primary} loses its power"), (udp["gap_start_ns"], "last reply the client got")]
    steps += [(event["mono_ns"], describe(event)) for event in log.find(lambda event: event["who"] == survivor, t0)]
    steps += [(own.mono_ns, f"{own.member} {'takes' if own.owned else 'gives up'} {own.address}")
              for own in observer.ownerships(t0)]
    steps += [(moved.mono_ns, f"first gratuitous ARP of {survivor} in {names.FABRIC}")] if moved else []
    steps += [] if udp["gap_open"] else [(udp["gap_end_ns"], "first reply the client got")]
    print("\n  timeline, ms from the crash")
    for moment, text in sorted(steps):
        print(f"  {(moment - t0) / 1e6:+10.3f}  {text}")
    print()
    takeover_ms = (moved.mono_ns - lost[0]["mono_ns"]) / 1e6 if moved and lost else None
    return verdict(lab.plan, survivor, members.primaries(statuses), t0, lost, takeover_ms, report)


def verdict(plan, survivor, primaries, t0, lost, takeover_ms, report):
    interval_ms, threshold = plan.timing_ms()
    dead_ms = interval_ms * threshold
    udp, tcp = report["udp"], report["tcp"]
    detection_ms = (lost[0]["mono_ns"] - t0) / 1e6 if lost else None
    gap_ms = udp["longest_gap_ns"] / 1e6
    checks = [
        Check(detection_ms is not None and detection_ms <= dead_ms + DETECTION_SLACK_MS,
              f"detected after {shown(detection_ms)} (bound: {interval_ms} ms x {threshold} + "
              f"{DETECTION_SLACK_MS} ms = {dead_ms + DETECTION_SLACK_MS} ms)"),
        Check(takeover_ms is not None and takeover_ms <= TAKEOVER_SLACK_MS,
              f"took over in {shown(takeover_ms)}, from knowing to the first gratuitous ARP (bound: {TAKEOVER_SLACK_MS} ms)"),
        Check(not udp["gap_open"] and gap_ms <= dead_ms + GAP_SLACK_MS,
              f"the client went without a reply for {shown(None if udp['gap_open'] else gap_ms)} (bound: {dead_ms} + "
              f"{GAP_SLACK_MS} ms = {dead_ms + GAP_SLACK_MS} ms); {udp['lost']} datagrams lost"),
        Check(tcp["total"] > 0 and tcp["kept"] == tcp["total"],
              f"{tcp['kept']} of {tcp['total']} TCP connections kept, every byte checked; {tcp['resets']} reset, "
              f"{tcp['stalled']} without progress for more than 1 s"),
        *(Check(report[kind]["kept"] == report[kind]["total"], f"{report[kind]['kept']} of {report[kind]['total']} "
                f"{title} kept") for kind, title in (("flows", "UDP flows"), ("pings", "pings")) if report[kind]["total"]),
        Check(primaries == [survivor], f"exactly one primary at the end: {' and '.join(primaries) or 'none'}"),
    ]
    for check in checks:
        print(f"  {'PASS' if check.passed else 'FAIL'}  {check.text}")
    passed = all(check.passed for check in checks)
    print(f"\nverdict: {'PASS' if passed else 'FAIL'}")
    return passed


def shown(milliseconds):
    return "no time that ended" if milliseconds is None else f"{milliseconds:.1f} ms"
