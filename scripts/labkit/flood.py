# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`flood`: a stranger on the heartbeat link sends what it can, and nobody may be given up over it.

The stranger, the members and the bridge between them share the CPUs of one machine, so two things could be mistaken
for each other: a member that cannot cope with what it is sent, and one that gets no CPU because the flooder has it. So:

  * the flooder is an ordinary program with a niceness, pinned to one CPU (the lowest: members take theirs from the
    top); the members' poll cores have real-time priority and take that CPU from it at any moment. What they cannot
    interrupt is the kernel's work for its frames, done on the same CPU, some microseconds at a time
  * every member that was given up comes with how long its beats were really away, stamped in sys-fabric as they left
    it. As long as the dead interval: it was kept from sending. Shorter: they were sent, and lost at the receiver
  * frames that reached a member's interface and not the member (`missed`: its queue was full) are counted apart from
    those that the kernel threw away before (`backlog`, of all CPUs)
"""
import contextlib
import json
import os
import pathlib
import platform
import time

from . import events, names, programs, usage
from .attacker import ADDRESS, Attacker
from .demo import describe as describe_event
from .errors import LabError
from .lab import Lab
from .tally import Tally
from .wire import Wire, gaps_ms

KINDS = ("random", "spi", "bulk-spi", "heartbeat-spi", "hello", "ke1", "ke2")
NICENESS = 10
_CALM_S, _AFTER_S = 1, 0.3  # before a flood; how long it may show effects after its end
_KE2_RESTART_S = 0.5  # forged KE2 are answers: without somebody who asks they say nothing
_REJOIN_PATIENCE_S = 40  # after the last forged answer: a back-off may be half a minute
_STEP_S, _WORDS_S = 0.1, 10  # how often frames are taken out of the socket, how often a line shows that it lives
_AROUND_S = 0.15  # how far around an event its cause is looked for
_EVENTS_SHOWN = 8
_RAMP_FROM, _RAMP_LEAST, _RAMP_HALVINGS = 20_000, 500, 3
_RAMP_STEPS = 14  # floods of a ramp, at most
_REACHED = 0.8  # of the rate asked for, that counts as sent


class Floods:
    def __init__(self, lab, victim, cpu, restart_after_s, say):
        self._lab, self._plan, self._victim, self._cpu, self._say = lab, lab.plan, victim, cpu, say
        self._restart_after_s = restart_after_s
        self._log, self._streams, self._wire, self._attacker = events.EventLog(), [], None, None
        interval_ms, lost = lab.plan.timing_ms()
        self._dead_ms = interval_ms * lost
        self._primary = None

    def set_up(self):
        self._lab.build()
        self._lab.start_members()
        self._streams = [events.EventStream(self._lab.programs, member, self._log) for member in self._plan.names()]
        self._primary = self._lab.wait_until_whole(self._lab.first_election_timeout_s())
        for stream in self._streams:
            if not stream.connected.wait(5):
                raise LabError("a member's event stream does not come; is `systolectl -j events --follow` working?")
        self._wire = Wire(self._plan, [])
        self._attacker = Attacker(self._plan, self._lab.programs, self._plan.link_names()[0])

    def tear_down(self):
        if self._attacker:
            self._attacker.end()
        for stream in self._streams:
            stream.close()
        if self._wire:
            self._wire.close()

    def flood(self, kind, seconds, rate):
        """One flood, and what it did. Whoever an earlier one has shaken is whole again before it begins."""
        self._primary = self._lab.wait_until_whole(60)
        self._pass(_CALM_S)
        before = {member: Tally(self._lab.programs, self._plan, member) for member in self._plan.names()}
        meters = {member: usage.Meter(lambda member=member: usage.systole_processes(member))
                  for member in self._plan.names()}
        ticks, backlog = usage.machine_ticks(), _backlog_drops()
        self._wire.mark()
        began_ns = time.monotonic_ns()
        process = self._attacker.start(kind, seconds, rate, self._victim_address(before), self._cpu, NICENESS)
        restart_after_s = _KE2_RESTART_S if kind == "ke2" and self._restart_after_s is None else self._restart_after_s
        restart = None if restart_after_s is None else self._restart(process, restart_after_s)
        self._wait_for(process, kind, began_ns)
        flood = self._attacker.result(process, 10)
        self._pass(_AFTER_S)
        ended_ns = time.monotonic_ns()
        used = {member: meter.read() for member, meter in meters.items()}
        busy, every = (now - then for now, then in zip(usage.machine_ticks(), ticks))
        backlog = _backlog_drops() - backlog
        figures = {member: Tally(self._lab.programs, self._plan, member).since(before[member])
                   | {"usage": used[member]} for member in self._plan.names()}
        if restart:  # under the flood, or as soon as it is over
            restart["rejoin_ms"] = self._rejoin_ms(restart, _REJOIN_PATIENCE_S)
        return {**flood, "asked_for_s": seconds, "victim": self._victim, **self._judge(began_ns, ended_ns, restart),
                "members": figures, **self._beats(figures), "restart": restart, "backlog_drops": backlog,
                "machine_busy_percent": round(100 * busy / every, 1)}

    def _victim_address(self, tallies):
        if self._victim == "all":
            return None
        ports = tallies[self._victim].status["ports"]
        return next(port["mac"] for port in ports if port["name"] == self._attacker.link)

    def _pass(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(_STEP_S, left))
            self._wire.drain()

    def _wait_for(self, process, kind, began_ns):
        words = time.monotonic() + _WORDS_S
        while process.poll() is None:
            self._pass(_STEP_S)
            self._lab.check_daemons()
            if time.monotonic() > words:
                words += _WORDS_S
                self._say(f"  {kind} {(time.monotonic_ns() - began_ns) / 1e9:3.0f} s: "
                          f"{len(self._found('role', began_ns))} role changes, "
                          f"{len(self._found('peer-lost', began_ns))} members lost")

    def _restart(self, process, after_s):
        """The secondary is killed and started again in the middle of it."""
        member = next(name for name in self._plan.names() if name != self._primary)
        self._pass(after_s)
        if process.poll() is not None:
            return None  # the caller hears why
        self._lab.kill_daemon(member)
        started_ns = time.monotonic_ns()
        self._lab.revive(member)
        return {"member": member, "started_ns": started_ns}

    def _rejoin_ms(self, restart, timeout_s):
        """From its start until the primary has found it again; None: not in that time."""
        event = self._log.wait_for(
            lambda event: event["event"] == "peer-found" and event["who"] == self._primary
            and event.get("peer") == names.serial(restart["member"]), restart["started_ns"], timeout_s)
        return round((event["mono_ns"] - restart["started_ns"]) / 1e6, 1) if event else None

    def _found(self, kind, since_ns):
        return self._log.find(lambda event: event["event"] == kind, since_ns)

    def _judge(self, began_ns, ended_ns, restart):
        roles, lost = self._found("role", began_ns), self._found("peer-lost", began_ns)
        if restart:  # that it is gone for a while, and that it has to find its place again, is what was wanted
            back_ms = self._rejoin_ms(restart, 0)
            back_ns = restart["started_ns"] + back_ms * 1e6 if back_ms is not None else ended_ns
            roles = [event for event in roles if event["who"] != restart["member"] or event.get("to") == "primary"]
            lost = [event for event in lost if event["mono_ns"] > back_ns
                    or restart["member"] not in (event["who"], names.member_of_serial(event.get("peer")))]
        links = self._log.find(lambda event: event["event"] == "link" and event.get("scope") == "peer"
                               and event.get("state") != "up", began_ns)
        accused = [self._accusation(event) for event in lost]
        return {"role_changes": len(roles), "members_lost": len(lost), "links_lost": len(links), "accused": accused,
                "clean": not roles and not lost,
                "events": [f"+{(event['mono_ns'] - began_ns) / 1e9:.3f} s {describe_event(event)}"
                           for event in sorted(roles + lost, key=lambda event: event["mono_ns"])]}

    def _accusation(self, event):
        accused = names.member_of_serial(event.get("peer"))
        stamps = [stamp for stamp in self._wire.merged(accused, self._plan.link_names())
                  if abs(stamp - event["mono_ns"]) <= _AROUND_S * 1e9]
        gaps = gaps_ms(stamps)
        apart_ms = round(gaps[-1], 3) if gaps else None
        return {"by": event["who"], "accused": accused, "beats_apart_ms": apart_ms,
                "kept_from_sending": apart_ms is not None and apart_ms >= self._dead_ms}

    def _beats(self, figures):
        sent = {member: [gap for link in self._plan.link_names() for gap in self._wire.gaps_ms(member, link)]
                for member in self._plan.names()}
        return {"beats_lost": sum(way["lost"] for one in figures.values() for way in one["heard"].values()),
                "longest_gap_sent_ms": {member: round(max(gaps), 3) if gaps else None for member, gaps in sent.items()},
                "capture_lost_frames": self._wire.lost_frames()}


def _backlog_drops():
    """Frames that the kernel dropped between two interfaces of this machine, because a CPU's queue was full."""
    lines = pathlib.Path("/proc/net/softnet_stat").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1], 16) for line in lines)


def _ramp(flood, rate, say):
    """Doubles until a member is lost or this machine sends no faster, halves when it begins with a loss, then looks
    in between. Rates are those that were reached."""
    tried, clean, lossy = [], None, None
    rate = rate or _RAMP_FROM
    between = 0
    while len(tried) < _RAMP_STEPS:
        result = flood(rate)
        tried.append(result)
        if result["clean"]:
            clean = result if clean is None or result["pps"] > clean["pps"] else clean
        else:
            lossy = result if lossy is None or result["pps"] < lossy["pps"] else lossy
        if lossy is None:
            if result["pps"] < _REACHED * rate:
                break  # all this machine can send
            rate *= 2
        elif clean is None:
            if rate <= _RAMP_LEAST:
                break
            rate = max(_RAMP_LEAST, rate // 2)
        elif between == _RAMP_HALVINGS or lossy["pps"] <= clean["pps"]:
            break
        else:
            between += 1
            rate = int((clean["pps"] + lossy["pps"]) / 2)
    with_lost_beats = [one["pps"] for one in tried if one["beats_lost"] or not one["clean"]]
    found = {"highest_clean_pps": clean and round(clean["pps"]), "members_lost_from_pps": lossy and round(lossy["pps"]),
             "beats_lost_from_pps": round(min(with_lost_beats)) if with_lost_beats else None,
             "fastest_pps": round(max(one["pps"] for one in tried))}
    clean_pps, lost_pps, beats_pps, fastest_pps = (_shown(found[name], ",") for name in (
        "highest_clean_pps", "members_lost_from_pps", "beats_lost_from_pps", "fastest_pps"))
    say(f"  {tried[0]['kind']}: highest clean rate {clean_pps}/s; beats are lost from {beats_pps}/s on, members from "
        f"{lost_pps}/s on; the fastest that was sent: {fastest_pps}/s")
    return tried, found


def run(plan, kinds, seconds, rate, ramp, victim, cpu, restart_after_s, json_file, say):
    """True when no member was lost and no role changed; of a ramp: when a clean rate was found for every kind."""
    if plan.direct or plan.vdev == "memif":
        raise LabError("flood needs a heartbeat link with room for a third: leave out --direct and --vdev memif")
    if victim != "all" and victim not in plan.names():
        raise LabError(f"--victim {victim}: all, or one of {' '.join(plan.names())}")
    if restart_after_s is not None and not 0 <= restart_after_s < seconds:
        raise LabError(f"--restart-after {restart_after_s:g}: from 0 to less than the {seconds:g} s of a flood")
    allowed = sorted(os.sched_getaffinity(0))
    cpu = allowed[0] if cpu is None else cpu
    if cpu not in allowed:
        raise LabError(f"--cpu {cpu}: this machine lets us use {' '.join(map(str, allowed))}")
    built = programs.ensure(say, False, "flooder")
    interval_ms, lost = plan.timing_ms()
    say(f"{plan.members} members, {interval_ms} ms x {lost}, {plan.links} heartbeat link{'s' * (plan.links > 1)}; the "
        f"flooder on {plan.link_names()[0]} to {victim}, from {ADDRESS}, on CPU {cpu} of {len(allowed)}, niceness "
        f"{NICENESS}")
    results, ramps = [], {}
    with Lab(plan, built, "flood") as lab, contextlib.ExitStack() as cleanup:
        floods = Floods(lab, victim, cpu, restart_after_s, say)
        cleanup.callback(floods.tear_down)
        floods.set_up()
        for kind in kinds:
            def one(asked, kind=kind):
                say(f"{kind}, {f'{asked:,} a second' if asked else 'as fast as it goes'}, for {seconds:g} s")
                result = floods.flood(kind, seconds, asked)
                _print(result, say)
                return result
            if ramp:
                tried, ramps[kind] = _ramp(one, rate, say)
                results += tried
            else:
                results.append(one(rate))
    passed = (all(found["highest_clean_pps"] for found in ramps.values()) if ramp
              else all(one["clean"] for one in results))
    whole = {"interval_ms": interval_ms, "lost": lost, "members": plan.members, "links": plan.links, "vdev": plan.vdev,
             "victim": victim, "cpu": cpu, "niceness": NICENESS, "cpus": os.cpu_count(), "kernel": platform.release(),
             "floods": results, "ramps": ramps, "passed": passed}
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)
            file.write("\n")
    what = (", ".join(f"{kind} clean up to {_shown(found['highest_clean_pps'], ',')}/s" for kind, found in ramps.items())
            or f"{sum(one['role_changes'] for one in results)} role changes, "
            f"{sum(one['members_lost'] for one in results)} members lost")
    say(f"verdict: {'PASS' if passed else 'FAIL'} ({len(results)} floods, {sum(one['sent'] for one in results):,} frames: "
        f"{what})")
    return passed


def _print(result, say):
    say(f"  sent {result['sent']:,} frames, {result['pps']:,.0f}/s; heard {result['heard']['beats']} beats, "
        f"{result['heard']['ke1']} KE1, and {result['heard']['to_us']} answers to forged frames")
    for member, one in result["members"].items():
        ports = "; ".join(f"{link} took {port['taken']:,}"
                          + (f", missed {port['missed']:,}" if "missed" in port else "")
                          for link, port in one["ports"].items())
        drops = ", ".join(f"{name} {count:,}" for name, count in sorted(one["drops"].items(), key=lambda pair: -pair[1]))
        say(f"  {member}: {ports}; refused: {drops or 'nothing'}")
        for way, heard in one["heard"].items():
            say(f"      heard {heard['beats']} beats of {way}, {heard['lost']} lost, longest gap "
                f"{_worst(heard['longest_gap_ms'])} ms")
        late = ", ".join(f"{label} {count}" for label, count in one["late_rounds"].items() if count)
        say(f"      own rounds {late or '-'}; late by {_worst(one['own_late_ms'])} ms, away for "
            f"{_worst(one['own_gap_ms'])} ms at worst; CPU {one['usage']['cpu_percent']:.1f} %, RSS "
            f"{one['rss_mib']['before']:.1f} -> {one['rss_mib']['after']:.1f} MiB")
    apart = " / ".join(_shown(gap, ".2f") for gap in result["longest_gap_sent_ms"].values())
    say(f"  beats left the members at most {apart} ms apart; {result['links_lost']} links lost; backlog "
        f"{result['backlog_drops']:,}; all CPUs busy {result['machine_busy_percent']:.0f} %")
    if result["restart"]:
        say(f"  {result['restart']['member']} was killed and started again: found by the primary "
            f"{_shown(result['restart']['rejoin_ms'], '')} ms after its start")
    for text in result["events"][:_EVENTS_SHOWN]:
        say(f"    {text}")
    if len(result["events"]) > _EVENTS_SHOWN:
        say(f"    and {len(result['events']) - _EVENTS_SHOWN} more")
    for kept, why in ((True, "kept from sending (CPU)"), (False, "sent, and lost at the receiver")):
        apart = [one["beats_apart_ms"] or 0 for one in result["accused"] if one["kept_from_sending"] == kept]
        if apart:
            say(f"    {len(apart)} times a member was lost whose beats were {why}: they left it at most "
                f"{max(apart):.2f} ms apart")
    if result["capture_lost_frames"]:
        say(f"  the capture lost {result['capture_lost_frames']} frames: gaps may have been shorter than shown")


def _worst(value):
    return f"{value['worst']:.2f}" if "worst" in value else f"<= {value['at_most']:.2f}"


def _shown(number, form):
    return "-" if number is None else format(number, form)
