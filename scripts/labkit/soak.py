# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`soak`: nothing breaks, and nobody may be given up: one load after another, Systole and the others side by side.

What counts is what the members themselves say happened (role, peer-lost, link) and what the others' logs say; how close
it was is measured from outside, as the longest gap between two heartbeats of one sender on one cable.
"""
import contextlib
import json
import os
import platform
import time

from . import events, members, programs, usage
from .demo import describe as describe_event
from .lab import Lab
from .load import Load, describe
from .peers.group import Peers
from .sleeper import Sleeper
from .wire import Wire, gaps_ms

_WARM_UP_S, _CALM_S = 5, 2
_STEP_S = 0.1  # how often frames are taken out of the socket
_STRANGE_PERCENT = 50  # busier than the lab makes an idle machine of two cores
_WORDS_S = 10  # how often a line shows that it lives


class Soak:
    def __init__(self, lab, say):
        self._lab, self._say, self._plan = lab, say, lab.plan
        self._log, self._streams, self._wire = events.EventLog(), [], None
        self.peers = Peers(lab.plan)

    def set_up(self):
        self._lab.build()
        self._lab.start_members()
        self._streams = [events.EventStream(self._lab.programs, member, self._log) for member in self._plan.names()]
        self._lab.wait_until_whole(self._lab.first_election_timeout_s())
        self._wire = Wire(self._plan, self.peers.programs)
        self.peers.start()
        self.peers.wait_until_ready(self._wire, 20)
        self._say(f"warming up for {_WARM_UP_S} s")
        self._pass(_WARM_UP_S, lambda: None)

    def tear_down(self):
        for stream in self._streams:
            stream.close()
        if self._wire:
            self._wire.close()

    def _pass(self, seconds, each_step):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            each_step()
            time.sleep(min(_STEP_S, left))
            self._wire.drain()

    def run(self, load_name, seconds):
        """One load. Whoever an earlier load has shaken is whole again before it begins."""
        self._lab.wait_until_whole(30)
        self.peers.wait_until_ready(self._wire, 20)
        self._pass(_CALM_S, lambda: None)
        self._say(f"{load_name} ({describe(load_name)}) for {seconds} s")
        before = self._statuses()
        meters = self._meters()
        sizes = {(program, member): program.log_size(member) for program, member in self._pairs()}
        ticks = usage.machine_ticks()
        self._wire.mark()
        began_ns = time.monotonic_ns()
        self._announced_us, self._next_words = 0, time.monotonic() + _WORDS_S
        load, sleeper = Load(self._lab, load_name), Sleeper(self._lab)
        try:
            load.start(seconds)
            began = time.monotonic()
            self._pass(seconds, lambda: self._show_life(load, load_name, began, seconds, began_ns))
            load.check()
            used = {key: meter.read() for key, meter in meters.items()}
            busy, every = (now - then for now, then in zip(usage.machine_ticks(), ticks))
        finally:
            ordinary_ms = sleeper.stop()
            extra = load.stop()
        self._wire.drain()
        ended_ns = time.monotonic_ns()
        after = self._statuses()
        result = {"load": load_name, "what": describe(load_name), "seconds": round((ended_ns - began_ns) / 1e9, 1),
                  "systole": self._systole(began_ns, before, after, used),
                  "peers": {program.name: self._peer(program, sizes, used) for program in self.peers.programs},
                  "ordinary_wait_ms": ordinary_ms, "machine_busy_percent": round(100 * busy / every, 1),
                  "capture_lost_frames": self._wire.lost_frames(), **extra}
        self._say_events(began_ns)
        return result

    def _pairs(self):
        return [(program, member) for program in self.peers.programs for member in self._plan.names()]

    def _meters(self):
        found = {("systole", member): usage.Meter(lambda member=member: usage.systole_processes(member))
                 for member in self._plan.names()}
        for program, member in self._pairs():
            found[program.name, member] = usage.Meter(
                lambda program=program, member=member: program.processes(member))
        return found

    def _statuses(self):
        return {member: members.status(self._lab.programs, member) or {} for member in self._plan.names()}

    def _show_life(self, load, load_name, began, seconds, began_ns):
        if time.monotonic() < self._next_words:
            return
        self._next_words += _WORDS_S
        load.check()
        self._announced_us = max([self._announced_us, *map(_announced_us, self._statuses().values())])
        changes = self._found("role", began_ns)
        self._say(f"  {load_name} {time.monotonic() - began:5.0f}/{seconds} s: {len(changes)} role changes, "
                  f"{len(self._found('peer-lost', began_ns))} members lost, longest gap so far "
                  f"{_shown(self._longest_gap_ms())} ms")

    def _found(self, kind, since_ns):
        return self._log.find(lambda event: event["event"] == kind, since_ns)

    def _links_lost(self, since_ns):
        return self._log.find(lambda event: event["event"] == "link" and event.get("scope") == "peer"
                              and event.get("state") != "up", since_ns)

    def _longest_gap_ms(self):
        return max((gaps[-1] for gaps in self._gaps().values() if gaps), default=None)

    def _gaps(self):
        return {(member, link): self._wire.gaps_ms(member, link) for member in self._plan.names()
                for link in self._plan.link_names()}

    def _systole(self, began_ns, before, after, used):
        per_link = self._gaps()
        merged = [gaps_ms(self._wire.merged(member, self._plan.link_names())) for member in self._plan.names()]
        announced = max([self._announced_us, *map(_announced_us, after.values())])
        return {
            "role_changes": len(self._found("role", began_ns)),
            "members_lost": len(self._found("peer-lost", began_ns)),
            "links_lost": len(self._links_lost(began_ns)),
            **_gap_figures(per_link.values()),
            "longest_gap_by_link_ms": {f"{member} {link}": gaps[-1] if gaps else None
                                       for (member, link), gaps in per_link.items()},
            # What it takes to lose a member is silence on all its links.
            "longest_silence_ms": max((gaps[-1] for gaps in merged if gaps), default=None),
            "announced_late_ms": announced / 1000,
            "own_gap_ms": {member: _own(before[member], after[member], "longest_gap_us") for member in after},
            "own_late_ms": {member: _own(before[member], after[member], "late_us_max") for member in after},
            "heard_gap_ms": {member: _heard(after[member]) for member in after},
            "usage": {member: used["systole", member] for member in self._plan.names()},
        }

    def _peer(self, program, sizes, used):
        lines = [f"{member}: {line}" for member in self._plan.names()
                 for line in program.changes(member, sizes[program, member])]
        gaps = [[gap for gap in self._wire.gaps_ms(member, program.link) if gap <= program.longest_gap_ms]
                for member in self._plan.names()]
        return {"title": program.title, "dead_ms": program.dead_ms, "changes": len(lines), "lines": lines[:20],
                **_gap_figures(gaps), "usage": {member: used[program.name, member] for member in self._plan.names()}}

    def _say_events(self, since_ns):
        found = self._found("role", since_ns) + self._found("peer-lost", since_ns)
        for event in sorted(found, key=lambda event: event["mono_ns"])[:20]:
            self._say(f"  +{(event['mono_ns'] - since_ns) / 1e9:.3f} s {describe_event(event)}")


def _announced_us(status):
    """How late the other members said in their last beats that they were."""
    return max((entry.get("late_us") or 0 for entry in status.get("members", [])), default=0)


def _own(before, after, counter):
    """A maximum since the start: of this load only when it grew. `at_most`: else, all that is known."""
    old, new = (status.get("counters", {}).get(counter) for status in (before, after))
    if new is None:
        return None
    return {"at_most" if old is not None and new <= old else "worst": new / 1000}


def _heard(status):
    """The receiver's own longest gap by sender and link since the start, where this version counts it."""
    return {f"{entry['hostname']} {link['name']}": link["longest_gap_us"] / 1000
            for entry in status.get("members", []) if not entry["local"]
            for link in entry["links"] if link.get("longest_gap_us") is not None}


def _gap_figures(lists):
    every = sorted(gap for gaps in lists for gap in gaps)
    if not every:
        return {"longest_gap_ms": None, "p50_gap_ms": None, "p99_gap_ms": None, "beats": 0}
    return {"longest_gap_ms": round(every[-1], 3), "p50_gap_ms": round(every[len(every) // 2], 3),
            "p99_gap_ms": round(every[-(-99 * len(every) // 100) - 1], 3), "beats": len(every)}


def run(plan, loads, seconds, json_file, plot_file, say):
    """True when Systole changed no role and lost no member under any load."""
    built = programs.ensure(say, up_to_date=False)
    Peers(plan).check_installed()
    interval_ms, lost = plan.timing_ms()
    results = []
    with Lab(plan, built, "soak") as lab:
        soak = Soak(lab, say)
        say(f"{plan.members} members, {interval_ms} ms x {lost}; beside them: "
            f"{', '.join(program.title for program in soak.peers.programs) or 'nobody'}")
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(soak.tear_down)
            soak.set_up()
            poll_mode = (members.status(built, "m1") or {}).get("timing", {}).get("poll_mode")
            for load in loads:
                results.append(soak.run(load, seconds))
                print_table(results[-1], say)
    passed = all(result["systole"]["role_changes"] == 0 and result["systole"]["members_lost"] == 0
                 for result in results)
    whole = {"seconds": seconds, "interval_ms": interval_ms, "lost": lost, "poll_mode": poll_mode,
             "members": plan.members, "links": plan.links, "direct": plan.direct, "vdev": plan.vdev,
             "cpus": os.cpu_count(), "kernel": platform.release(), "loads": results, "passed": passed}
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)
            file.write("\n")
    if plot_file:
        from . import plot
        plot.draw_soak(whole, plot_file)
    say(f"verdict: {'PASS' if passed else 'FAIL'} ({len(results)} loads of {seconds} s: "
        f"{sum(result['systole']['role_changes'] for result in results)} role changes, "
        f"{sum(result['systole']['members_lost'] for result in results)} members lost)")
    return passed


def print_table(result, say):
    say(f"  {'':<24}{'changes':>8}{'lost':>6}{'links':>7}{'gap p50':>9}{'p99':>8}{'longest':>9}{'CPU %':>14}"
        f"{'RSS MiB':>14}")
    own = result["systole"]
    _row(say, "Systole", own["role_changes"], own["members_lost"], own["links_lost"], own)
    for peer in result["peers"].values():
        _row(say, peer["title"], peer["changes"], "-", "-", peer)
    say(f"  Systole: late as announced {own['announced_late_ms']:.2f} ms; own gap {_by_member(own['own_gap_ms'])} ms; "
        f"no beat on any link for {_shown(own['longest_silence_ms'])} ms; "
        f"all CPUs busy {result['machine_busy_percent']:.0f} %")
    say(f"  an ordinary program that wants to wake every 10 ms waited for {_shown(result['ordinary_wait_ms'])} ms at "
        "worst"
        + (f"; iperf3 {_shown(result['gbit_per_s'])} Gbit/s" if "gbit_per_s" in result else ""))
    if result["load"] == "idle" and result["machine_busy_percent"] > _STRANGE_PERCENT:
        say("  that is no idle machine: something else runs here, and these figures are not of an idle one")
    if result["capture_lost_frames"]:
        say(f"  the capture lost {result['capture_lost_frames']} frames: gaps may have been shorter than shown")


def _row(say, title, changes, lost, links, figures):
    say(f"  {title:<24}{changes:>8}{lost:>6}{links:>7}{_shown(figures['p50_gap_ms']):>9}"
        f"{_shown(figures['p99_gap_ms']):>8}{_shown(figures['longest_gap_ms']):>9}"
        f"{_each(figures, 'cpu_percent', '.1f'):>14}{_each(figures, 'rss_mib', '.0f'):>14}")


def _each(figures, key, form):
    return " / ".join(format(one[key], form) for one in figures["usage"].values())


def _by_member(own):
    return " / ".join("-" if value is None else f"<= {value['at_most']:.2f}" if "at_most" in value else
                      f"{value['worst']:.2f}" for value in own.values())


def _shown(number):
    return "-" if number is None else f"{number:.2f}"
