# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`stall`: SIGSTOP for a few milliseconds at random moments, and who lost patience over it.

A member that is frozen for less than the dead interval must cost nothing, neither on its own side (it wakes up to
beats that are late only because it was away itself) nor on the other's. A longer silence on the wire is a real one:
whoever is given up after that is counted apart.

  frozen:     the time between the signals, as it was and not as it was asked for
  beats apart: the longest time around the stall without a beat of the accused on any link, stamped in sys-fabric
"""
import json
import os
import random
import signal
import time

from . import events, members, names, programs
from .demo import describe
from .errors import LabError
from .failover import summary
from .lab import Lab
from .wire import Wire, gaps_ms

ANY = ("random", "primary", "secondary")
_PRIORITY = 60  # SCHED_FIFO: above systoled's workers, for the few microseconds around a signal
_BEFORE_S, _AFTER_S = 0.15, 0.12  # how far around an event its cause is looked for; how long a stall may show effects


class Stalls:
    def __init__(self, lab, who):
        self._lab, self._plan, self._who = lab, lab.plan, who
        self._log, self._streams, self._wire, self._primary = events.EventLog(), [], None, None
        interval_ms, lost = lab.plan.timing_ms()
        self.dead_ms = interval_ms * lost

    def set_up(self):
        self._lab.build()
        self._lab.start_members()
        self._streams = [events.EventStream(self._lab.programs, member, self._log) for member in self._plan.names()]
        self._primary = self._lab.wait_until_whole(self._lab.first_election_timeout_s())
        for stream in self._streams:
            if not stream.connected.wait(5):
                raise LabError("a member's event stream does not come; is `systolectl -j events --follow` working?")
        self._wire = Wire(self._plan, [])
        time.sleep(1)

    def tear_down(self):
        for stream in self._streams:
            stream.close()
        if self._wire:
            self._wire.close()

    def stall(self, length_ms):
        member = self._choose()
        pid = members.daemon_pid(member)
        self._wire.mark()
        time.sleep(random.uniform(_BEFORE_S, _BEFORE_S + 0.1))
        t0, frozen_ms = _freeze(pid, length_ms / 1000)
        time.sleep(_AFTER_S)
        self._wire.drain()
        found = self._log.find(lambda event: event["event"] in ("role", "peer-lost"), t0)
        apart_ms = self._beats_apart_ms(member, t0)
        accused = [self._accusation(event) for event in found if event["event"] == "peer-lost"]
        result = {"member": member, "asked_ms": length_ms, "frozen_ms": round(frozen_ms, 3), "beats_apart_ms": apart_ms,
                  "role_changes": len(found) - len(accused), "accused": accused,
                  "events": [describe(event) for event in found]}
        # Without a capture nobody can be excused.
        result["excused"] = bool(found) and bool(accused) and all(
            one["beats_apart_ms"] is not None and one["beats_apart_ms"] >= self.dead_ms for one in accused)
        if found:
            self._primary = self._lab.wait_until_whole(30)
            time.sleep(1)
        return result

    def _choose(self):
        if self._who == "random":
            return random.choice(self._plan.names())
        if self._who == "primary":
            return self._primary
        if self._who == "secondary":
            return random.choice([member for member in self._plan.names() if member != self._primary])
        return self._who

    def _accusation(self, event):
        accused = names.member_of_serial(event.get("peer"))
        return {"by": event["who"], "accused": accused,
                "beats_apart_ms": self._beats_apart_ms(accused, event["mono_ns"])}

    def _beats_apart_ms(self, member, moment_ns):
        """The accused need not be the frozen: it may be the one that the frozen, thawed, did not hear."""
        stamps = [stamp for stamp in self._wire.merged(member, self._plan.link_names())
                  if moment_ns - _BEFORE_S * 1e9 <= stamp <= moment_ns + _AFTER_S * 1e9]
        gaps = gaps_ms(stamps)
        return round(gaps[-1], 3) if gaps else None


def _freeze(pid, seconds):
    """(moment of the SIGSTOP, how long it really lasted in ms)."""
    own = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    except OSError:
        pass  # the figure says how long it became
    try:
        t0 = time.monotonic_ns()
        try:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        return t0, (time.monotonic_ns() - t0) / 1e6
    finally:
        os.sched_setscheduler(0, *own)


def run(plan, who, lengths_ms, count, json_file, say):
    """True when only those were given up whose beats really stayed away for the dead interval."""
    built = programs.ensure(say, up_to_date=False)
    plan_of_stalls = lengths_ms * count
    random.shuffle(plan_of_stalls)
    interval_ms, lost = plan.timing_ms()
    say(f"{len(plan_of_stalls)} stalls ({count} each of {', '.join(f'{length:g}' for length in lengths_ms)} ms) of "
        f"{who} members at random moments; {plan.members} members, {interval_ms} ms x {lost}")
    results = []
    with Lab(plan, built, "stall") as lab:
        stalls = Stalls(lab, who)
        try:
            stalls.set_up()
            for number, length_ms in enumerate(plan_of_stalls, 1):
                results.append(stalls.stall(length_ms))
                _announce(say, number, len(plan_of_stalls), results[-1])
        finally:
            stalls.tear_down()
    by_length = [_length_summary(length, [one for one in results if one["asked_ms"] == length])
                 for length in lengths_ms]
    _print_table(by_length, stalls.dead_ms, say)
    passed = all(row["false"] == 0 for row in by_length)
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump({"interval_ms": interval_ms, "lost": lost, "members": plan.members, "who": who, "count": count,
                       "by_length": by_length, "stalls": results, "passed": passed}, file, indent=1)
            file.write("\n")
    say(f"verdict: {'PASS' if passed else 'FAIL'}")
    return passed


def _announce(say, number, total, result):
    if result["events"]:
        why = "silent for the dead interval" if result["excused"] else "NO REASON"
        shown = ", ".join(f"{one['accused']} by {one['by']} ({one['beats_apart_ms']} ms)" for one in result["accused"])
        say(f"stall {number}/{total}: {result['member']} frozen for {result['frozen_ms']:.1f} ms; {why}; beats apart: "
            f"{shown or result['beats_apart_ms']}")
        for text in result["events"]:
            say(f"    {text}")
    elif number % 50 == 0 or number == total:
        say(f"stall {number}/{total}")


def _length_summary(length_ms, results):
    troubled = [one for one in results if one["events"]]
    return {"asked_ms": length_ms, "stalls": len(results),
            "frozen_ms": summary([one["frozen_ms"] for one in results]),
            "beats_apart_ms": summary([one["beats_apart_ms"] for one in results]),
            "role_changes": sum(one["role_changes"] for one in results),
            "members_lost": sum(len(one["accused"]) for one in results),
            "excused": sum(one["excused"] for one in troubled),
            "false": sum(not one["excused"] for one in troubled)}


def _print_table(rows, dead_ms, say):
    say(f"{'asked ms':>9}{'stalls':>8}{'frozen p50':>12}{'max':>8}{'beats apart p50':>17}{'max':>8}{'roles':>7}"
        f"{'lost':>6}{f'after {dead_ms} ms':>14}{'without':>9}")
    for row in rows:
        frozen, apart = row["frozen_ms"], row["beats_apart_ms"]
        say(f"{row['asked_ms']:>9g}{row['stalls']:>8}{_shown(frozen['p50']):>12}{_shown(frozen['max']):>8}"
            f"{_shown(apart['p50']):>17}{_shown(apart['max']):>8}{row['role_changes']:>7}{row['members_lost']:>6}"
            f"{row['excused']:>14}{row['false']:>9}")


def _shown(number):
    return "-" if number is None else f"{number:.2f}"
