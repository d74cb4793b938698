# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`sessions`: many sessions appear on the primary at once; how soon has the other member all of them, and at what price?

  first           last      equal                     SIGKILL     there again
    |-- creation ---|---------|      the standby:        |-----------|---- joiner ----|  complete
    |--- sessions/s ----------|

At last, of Systole, both daemons die and one starts again: how soon has it read what its kernel still has?

Systole first, then conntrackd in the same namespaces with the same loader and the same loss on its own cable; never both
at once, since each would pay for the other's events.
"""
import json
import signal
import time

from . import conntrack, events, fabric, faults, members, names, programs, sync_wire, usage
from .asker import Asker
from .errors import LabError
from .lab import Lab
from .netlink import link_batch
from .peers.conntrackd import Conntrackd
from .tally import Tally, late_bound_us

PEERS = ("conntrackd",)
COMMITS = ("hot", "on-takeover")
# How often they are asked, and so how exact the times are: to answer costs them CPU that is in their figures. A joiner's
# CPU is not measured.
_POLL_S, _JOINER_POLL_S = 0.02, 0.004
_IDLE_S = 5  # heartbeats to compare with, and CPU that is not the sessions' price


class Contestant:
    """One of them on the two members of a lab: what is asked and timed is the same for all."""

    name = title = ""
    commits_beside = True  # the copies can be in the standby's kernel while the primary lives

    def __init__(self, lab, primary, count, family):
        self.lab, self.count = lab, count
        self.primary, self.standby = primary, next(member for member in lab.plan.names() if member != primary)
        self.tables = {member: conntrack.Table(lab.programs, names.namespace(member), family)
                       for member in (self.primary, self.standby)}

    def processes(self, member):
        raise NotImplementedError

    def copied(self):
        """How many sessions the standby says it has of the primary."""
        raise NotImplementedError

    def equal(self):
        """The standby has what the primary has, by their own words."""
        raise NotImplementedError

    def kernel_filled(self):
        """When the standby's kernel had them all, where it gets them by itself; else None."""
        return None

    def in_kernel(self):
        """Brings the copies into the standby's kernel when they are not there by themselves; seconds, or None."""
        raise NotImplementedError

    def takeover(self):
        """The steps of a takeover with all these sessions, by the survivor's history."""
        return None

    def restart_standby(self):
        """The moment from which the fresh one could be told."""
        raise NotImplementedError

    def first_fill(self):
        """What it takes to read a kernel that has them all already; None where it is not said."""
        return None

    def before_load(self):
        """To be able to say in own_figures() what has changed since."""

    def own_figures(self):
        """What it says about itself."""
        return {}

    def measure(self):
        idle = self._idle_share()
        self.before_load()
        before_cpu_s, began = self._cpu_s(), time.monotonic()
        before_rss = usage.rss_bytes(self.processes(self.standby))
        wire = sync_wire.read(self.name)
        made = self.tables[self.primary].load(self.count)
        equal_ns = self._wait(self.equal)
        filled_ns = equal_ns and self.kernel_filled()
        time.sleep(0.3)  # acknowledgements, and what else is done a little later
        now_cpu_s, elapsed_s = self._cpu_s(), time.monotonic() - began
        cpu_s = {role: round(max(0.0, now_cpu_s[role] - before_cpu_s[role] - idle[role] * elapsed_s), 4) for role in idle}
        crossed = sync_wire.since(self.name, wire)
        figures = {
            "created_per_s": made["per_second"],
            "equal": equal_ns is not None,
            "copied": min(self.count, self.copied()),
            "equal_after_ms": ms(equal_ns, made["last_ns"]),
            "in_kernel_after_ms": ms(filled_ns, made["last_ns"]),
            "sessions_per_s": rate(self.count, equal_ns, made["first_ns"]),
            "cpu_s": cpu_s,
            "idle_cpu_percent": {role: round(100 * share, 2) for role, share in idle.items()},
            "cpu_us_per_session": round(1e6 * sum(cpu_s.values()) / self.count, 3),
            "wire_bytes_per_session_seen": round(crossed.bytes / self.count, 2),
            "wire_frames_seen": crossed.frames,
            "wire_frames_dropped": crossed.dropped,
            "rss_bytes_per_session": round((usage.rss_bytes(self.processes(self.standby)) - before_rss) / self.count, 1),
            **self.own_figures(),
        }
        if self.commits_beside:
            figures["commit"] = self.in_kernel()
            figures.update(self._compare())
        figures["joiner"] = self._measure_joiner() if figures["copied"] else None
        if not self.commits_beside:
            figures["commit"] = self.in_kernel()
            figures.update(self._compare())
        figures["takeover"] = self.takeover()
        figures["first_fill"] = self.first_fill()
        return figures

    def _cpu_s(self):
        return {role: usage.cpu_s(self.processes(member)) for role, member in
                (("source", self.primary), ("copy", self.standby))}

    def _idle_share(self):
        """What they use while nothing happens: heartbeats are not the sessions' price."""
        before, began = self._cpu_s(), time.monotonic()
        time.sleep(_IDLE_S)
        after, elapsed_s = self._cpu_s(), time.monotonic() - began
        return {role: (after[role] - before[role]) / elapsed_s for role in before}

    def _compare(self):
        """The kernel's word on both sides: what is lost is what the standby's table lacks, or has otherwise."""
        theirs = self.tables[self.standby].digest(self.count)
        ours = self.tables[self.primary].digest(self.count)
        return {"source_table": ours, "copy_table": theirs, "lost": theirs["missing"], "wrong": theirs["wrong"],
                "tables_alike": ours["digest"] == theirs["digest"]}

    def _measure_joiner(self):
        began_ns, told_ns = self.restart_standby()
        none_ns, first_ns = self._wait_for_first()
        complete_ns = first_ns and self._wait(self.equal, _JOINER_POLL_S)
        filled_ns = complete_ns and self.kernel_filled()
        told_ns = told_ns or none_ns
        figures = {"complete": complete_ns is not None, "copied": min(self.count, self.copied()),
                   "from_start_ms": ms(complete_ns, began_ns), "transfer_ms": ms(complete_ns, told_ns),
                   "in_kernel_ms": ms(filled_ns, told_ns),
                   "sessions_per_s": rate(self.count, complete_ns, told_ns)}
        if self.commits_beside:
            self.in_kernel()
            figures.update(self._compare())
        return figures

    def _wait_for_first(self):
        """When it was last seen to have none, and first to have some."""
        none_ns = time.monotonic_ns()

        def has_some():
            nonlocal none_ns
            asked_ns = time.monotonic_ns()
            if self.copied() > 0:
                return True
            none_ns = asked_ns
            return False
        first_ns = self._wait(has_some, _JOINER_POLL_S)
        return none_ns, first_ns

    def _wait(self, holds, poll_s=_POLL_S):
        """When it was seen to hold; None when nothing has moved for so long that it never will."""
        best, moved = -1, time.monotonic()
        look_again, patience_s = moved + 1, 5 + self.count / 50_000
        while not holds():
            if time.monotonic() > look_again:
                copied, look_again = self.copied(), time.monotonic() + 1
                if copied != best:
                    best, moved = copied, time.monotonic()
            if time.monotonic() > moved + patience_s:
                return None
            time.sleep(poll_s)
        return time.monotonic_ns()

    def close(self):
        for table in self.tables.values():
            table.close()


class Systole(Contestant):
    name, title = "systole", "Systole"

    def __init__(self, lab, primary, count, family, commit, log):
        super().__init__(lab, primary, count, family)
        self._commit, self._log, self._since_ns = commit, log, 0
        self.commits_beside = commit == "hot"
        self._askers = {member: Asker(member) for member in self.tables}
        self._steps = None
        self._at_start = self._tally()
        self._tallies, self._idle_beats = self._at_start, None

    def _tally(self):
        return {member: Tally(self.lab.programs, self.lab.plan, member) for member in self.tables}

    def before_load(self):
        self._tallies, self._since_ns = self._tally(), time.monotonic_ns()
        self._idle_beats = _since(self._at_start, self._tallies)

    def processes(self, member):
        return usage.systole_processes(member)

    def copied(self):
        return self._askers[self.standby].sessions().get("sessions", 0)

    def equal(self):
        copy = self._askers[self.standby].sessions()
        if not copy.get("in_step") or copy.get("sessions", 0) < self.count:
            return False
        source = self._askers[self.primary].sessions()
        return bool(source.get("in_step")) and source.get("sessions") == copy["sessions"]

    def kernel_filled(self):
        return self._wait_for_kernel() if self._commit == "hot" else None

    def own_figures(self):
        source, copy = (self._askers[member].sessions() for member in (self.primary, self.standby))
        beats = _since(self._tallies, self._tally())
        changes = self._log.find(lambda event: events.became_primary(event) or event["event"] == "peer-lost",
                                 self._since_ns)
        return {"heartbeats": {member: {"own_late_ms": one["own_late_ms"], "late_rounds": one["late_rounds"],
                                        "heard": one["heard"]} for member, one in beats.items()},
                "beats_late_ms_worst": max(max(one["own_late_ms"].values()) for one in beats.values()),
                "beats_late_p999_below_us": {"idle": _late_p999_us(self._idle_beats), "burst": _late_p999_us(beats)},
                "events": changes,
                "wire_bytes_per_session": source.get("bytes_per_session_wire"),
                "memory_bytes_per_session": copy.get("bytes_per_session_memory"),
                "sync_frames": source.get("sync_frames"), "sync_frames_lost": source.get("sync_frames_lost"),
                "status": {"source": source, "copy": copy}}

    def restart_standby(self):
        self.lab.kill_daemon(self.standby)
        self.tables[self.standby].flush()
        began_ns = time.monotonic_ns()
        self.lab.revive(self.standby)
        return began_ns, None  # told from when it is known, which is soon after it had none for the last time

    def in_kernel(self):
        """On takeover: there is no other way to have them committed than to let the primary die."""
        if self._commit == "hot":
            return None
        role_ns, complete_ns = self._crash_primary(self._wait_for_kernel)
        return {"ms": ms(complete_ns, role_ns), "per_s": rate(self.count, complete_ns, role_ns)}

    def takeover(self):
        if self._steps is None:
            self._crash_primary(lambda: None)
        return self._steps

    def _crash_primary(self, before_healing):
        """When the standby became primary, and what was found then; the healing comes after it."""
        self.lab.wait_until_whole(20)
        crash = faults.Crash(self.lab.plan, self.primary)
        t0 = time.monotonic_ns()
        crash.strike()
        role = self._log.wait_for(lambda event: events.became_primary(event) and event["who"] == self.standby, t0, 10)
        found = before_healing()
        crash.finish()
        if role is None:
            raise LabError(f"{self.standby} did not take over when {self.primary} crashed\n{members.logs(self.lab.plan)}")
        self._steps = role["steps"]
        return role["mono_ns"], found

    def first_fill(self):
        """By its own clock: from the question to the kernel until the last answer is in its table."""
        for member in self.tables:
            if members.daemon_pids(member):
                self.lab.kill_daemon(member)
        self.lab.revive(self.standby)
        deadline = time.monotonic() + self.lab.first_election_timeout_s() + self.count / 50_000
        while time.monotonic() < deadline:
            status = self._askers[self.standby].sessions()
            if status.get("role") == "source" and status.get("source_dumps"):
                told, took_ms = status["source_dump_sessions"], status["source_dump_ms"]
                if took_ms:
                    return {"sessions": told, "ms": round(took_ms, 2), "per_s": round(1000 * told / took_ms)}
            time.sleep(_POLL_S)
        return None

    def _wait_for_kernel(self):
        table = self.tables[self.standby]
        deadline = time.monotonic() + 10 + self.count / 50_000
        while table.size() < self.count:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.001)
        return time.monotonic_ns()

    def _compare(self):
        if self._commit == "hot":
            return super()._compare()
        theirs = self.tables[self.standby].digest(self.count)  # the primary has lost its own with its power
        return {"copy_table": theirs, "lost": theirs["missing"], "wrong": theirs["wrong"],
                "tables_alike": theirs["missing"] == theirs["wrong"] == 0}

    def close(self):
        for asker in self._askers.values():
            asker.close()
        super().close()


class ConntrackdContestant(Contestant):
    name, title = "conntrackd", Conntrackd.title

    def __init__(self, lab, primary, count, family):
        super().__init__(lab, primary, count, family)
        self.program = Conntrackd(0, count)
        self._raise_cables()
        for member in self.tables:
            self.tables[member].flush()
            self.program.start(member)
        for member in self.tables:
            self.program.wait_until_answering(member)

    def _raise_cables(self):
        for member in self.tables:
            fabric.batch(names.namespace(member), [f"link set {self.program.link} up",
                                                   f"addr replace {self.program.address(member)}/24 "
                                                   f"dev {self.program.link}"])

    def processes(self, member):
        return self.program.processes(member)

    def copied(self):
        return self.program.cached(self.standby, "external")

    def equal(self):
        return self.copied() >= self.count

    def restart_standby(self):
        for pid in self.program.processes(self.standby):
            members.signal_all([pid], signal.SIGKILL)
        self.program.stop(self.standby)
        self.tables[self.standby].flush()
        began_ns = time.monotonic_ns()
        self.program.start(self.standby)
        self.program.wait_until_answering(self.standby)
        told_ns = time.monotonic_ns()
        self.program.tell(self.standby, "-n")  # what an operator's script does: ask the other one for everything
        return began_ns, told_ns

    def in_kernel(self):
        before_ns = time.monotonic_ns()
        self.program.tell(self.standby, "-c", timeout_s=60 + self.count / 5000)
        now_ns = time.monotonic_ns()
        return {"ms": ms(now_ns, before_ns), "per_s": rate(self.count, now_ns, before_ns)}

    def close(self):
        for member in self.tables:
            self.program.stop(member)
        super().close()


def _since(before, after):
    return {member: after[member].since(before[member]) for member in before}


def _late_p999_us(beats):
    """Of the rounds of both members. A class of the histogram, so the truth is below it."""
    return late_bound_us([one["late_rounds"] for one in beats.values()], 0.999)


def ms(later_ns, earlier_ns):
    return None if later_ns is None or earlier_ns is None else round((later_ns - earlier_ns) / 1e6, 2)


def rate(count, later_ns, earlier_ns):
    return None if later_ns is None or earlier_ns is None else round(count / max(1e-6, (later_ns - earlier_ns) / 1e9))


def run(plan, count, loss_percent, peers, commit, family, json_file, say):
    """The result, written where asked for."""
    built = programs.ensure(say, False, "ct_loader")
    if peers:
        Conntrackd(0, count).check_installed()
    say(f"{count} sessions, {loss_percent:g} % of the sync frames lost, session-commit {commit}")
    result = {"count": count, "loss_percent": loss_percent, "commit": commit, "family": family}
    with Lab(plan, built, "sessions") as lab:
        log, streams = events.EventLog(), []
        lab.build()
        conntrack.make_room(count)
        sync_wire.install(loss_percent)
        result["raw"] = conntrack.raw_limits(built, count, family)
        lab.start_members()
        try:
            streams = [events.EventStream(built, member, log) for member in plan.names()]
            primary = lab.wait_until_whole(lab.first_election_timeout_s())
            result["systole"] = _measure(Systole(lab, primary, count, family, commit, log))
            if peers:
                for stream in streams:
                    stream.close()
                _clear(lab)
                result["conntrackd"] = _measure(ConntrackdContestant(lab, primary, count, family))
            _beside_the_limits(result)
        finally:
            for stream in streams:
                stream.close()
    print_table(result, say)
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    return result


def _beside_the_limits(result):
    """What each reached, as a share of what ctnetlink alone took and told in this run."""
    for name in ("systole", "conntrackd"):
        for figure, limit in (("commit", "inject_per_s"), ("first_fill", "dump_per_s")):
            reached = result.get(name, {}).get(figure)
            if reached and reached["per_s"]:
                reached["of_raw"] = round(reached["per_s"] / result["raw"][limit], 3)


def _clear(lab):
    """Nobody's events but conntrackd's own, and links as they were where a member was crashed."""
    for member in lab.plan.names():
        if members.daemon_pids(member):
            lab.kill_daemon(member)
        members.kill_everything(member)
        link_batch(names.namespace(member), lab.plan.interfaces(), up=True).apply()


def _measure(contestant):
    try:
        return contestant.measure()
    finally:
        contestant.close()


def passed(result):
    """Ours: all there, by its own word and by the kernel's, also for one that joined later; and nobody was given up."""
    ours = result["systole"]
    joiner = ours["joiner"] or {"complete": False}
    return bool(ours["equal"] and not ours["events"] and joiner["complete"] and all(
        one["lost"] == one["wrong"] == 0 and one["tables_alike"] for one in (ours, joiner) if "lost" in one))


_ROWS = (
    ("created on the primary, 1/s", lambda one: one["created_per_s"]),
    ("all on the standby, 1/s", lambda one: one["sessions_per_s"]),
    ("copied, by its own word", lambda one: one["copied"]),
    ("ms from the last one to equality", lambda one: one["equal_after_ms"]),
    ("ms from the last one to the kernel", lambda one: one["in_kernel_after_ms"]),
    ("CPU s, primary", lambda one: one["cpu_s"]["source"]),
    ("CPU s, standby", lambda one: one["cpu_s"]["copy"]),
    ("CPU us per session, both", lambda one: one["cpu_us_per_session"]),
    ("bytes on the wire per session, told", lambda one: one.get("wire_bytes_per_session")),
    ("bytes on the wire per session, seen", lambda one: one["wire_bytes_per_session_seen"]),
    ("bytes of memory per session, told", lambda one: one.get("memory_bytes_per_session")),
    ("bytes of memory per session, RSS", lambda one: one["rss_bytes_per_session"]),
    ("sync frames", lambda one: one["wire_frames_seen"]),
    ("of those dropped", lambda one: one["wire_frames_dropped"]),
    ("sessions lost", lambda one: one["lost"]),
    ("sessions not as they were", lambda one: one["wrong"]),
    ("idle: p99.9 of heartbeats late below, us", lambda one: one.get("beats_late_p999_below_us", {}).get("idle")),
    ("meanwhile: p99.9 late below, us", lambda one: one.get("beats_late_p999_below_us", {}).get("burst")),
    ("a heartbeat was late by at most, ms", lambda one: one.get("beats_late_ms_worst")),
    ("joiner: ms from its start", lambda one: (one["joiner"] or {}).get("from_start_ms")),
    ("joiner: ms of transfer", lambda one: (one["joiner"] or {}).get("transfer_ms")),
    ("joiner: ms until in the kernel", lambda one: (one["joiner"] or {}).get("in_kernel_ms")),
    ("joiner: sessions/s", lambda one: (one["joiner"] or {}).get("sessions_per_s")),
    ("joiner: sessions lost", lambda one: (one["joiner"] or {}).get("lost")),
    ("commit to the kernel, ms", lambda one: (one["commit"] or {}).get("ms")),
    ("commit to the kernel, 1/s", lambda one: (one["commit"] or {}).get("per_s")),
    ("takeover: waited for sessions, ms", lambda one: _step_ms(one, "commit_us")),
    ("takeover: addresses and first ARP, ms", lambda one: _step_ms(one, "arm_us", "first_arp_us")),
    ("commit, of what ctnetlink takes", lambda one: (one["commit"] or {}).get("of_raw")),
    ("first fill from the kernel, 1/s", lambda one: (one["first_fill"] or {}).get("per_s")),
    ("first fill, of what ctnetlink tells", lambda one: (one["first_fill"] or {}).get("of_raw")),
)


def _step_ms(one, *steps):
    return sum(one["takeover"].get(step, 0) for step in steps) / 1000 if one.get("takeover") else None


def print_table(result, say):
    found = [(title, result[name]) for name, title in (("systole", Systole.title), ("conntrackd", Conntrackd.title))
             if name in result]
    say(f"ctnetlink alone: takes {result['raw']['inject_per_s']:.0f}/s, tells {result['raw']['dump_per_s']:.0f}/s")
    say(f"{'':<42}" + "".join(f"{title:>18}" for title, _ in found))
    for title, of in _ROWS:
        say(f"{title:<42}" + "".join(f"{shown(of(one)):>18}" for _, one in found))
    for title, one in found:
        for event in one.get("events", ()):
            say(f"{title}: while sessions were told, {event['who']} said {event['event']}")
        if not one["equal"]:
            say(f"{title}: the standby never said that it has all; it has {one['copied']} of {result['count']}")


def shown(value):
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
