# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`failover`: the same fault many times at random phases of the heartbeat, and the figures that come of it.

  t0 --detect--> peer-lost --elect--> role --takeover--> first gratuitous ARP        (the new primary's)
"""
import json
import random
import signal
import subprocess
import time

from . import events, faults, members, names, netns, programs
from .errors import LabError
from .lab import Lab
from .observer import Observer
from .peers.group import Peers
from .prober import NAT_TRAFFIC, Prober, Traffic

HOWS = ("crash", "kill", "pause", "cut", "link-down", "planned")
PEER_HOWS = ("crash", "cut")  # what can befall the others too, by the same hand at the same moment
FIGURES = ("detect_ms", "elect_ms", "takeover_ms", "client_gap_ms", "switch_ms", "dual_primary_ms", "heal_gap_ms")
HEAL_BOUND_MS = 100
# A member that is dead or frozen is left so for this long after the traffic is back: a datagram counts as lost after
# 200 ms.
_HOLD_S = 0.25
_PAUSE_S = 2.0  # a freeze that everybody but the frozen one has long got over


class Experiment:
    def __init__(self, lab, how, traffic=None):
        self.lab, self.how, self.traffic = lab, how, traffic
        self.log, self.observer, self.prober, self.streams = events.EventLog(), None, None, []
        self.false_failovers = 0
        interval_ms, lost = lab.plan.timing_ms()
        self.dead_s = interval_ms * lost / 1000

    def set_up(self):
        self.lab.build()
        self.observer = Observer(self.lab.plan)
        self.lab.start_members()
        self.streams = [events.EventStream(self.lab.programs, member, self.log) for member in self.lab.plan.names()]
        self.lab.wait_until_whole(self.lab.first_election_timeout_s())
        self.prober = Prober(self.lab.programs, traffic=self.traffic)

    def tear_down(self):
        if self.prober:
            self.prober.close()
        for stream in self.streams:
            stream.close()
        if self.observer:
            self.observer.close()

    def trial(self):
        primary, quiet_since = self._settle()
        fault = self._prepare(primary)
        time.sleep(random.uniform(0.1, 0.4))
        self.false_failovers += len(self.log.find(events.became_primary, quiet_since))
        self.prober.mark()
        t0 = time.monotonic_ns()
        fault.strike()
        role = self.log.wait_for(lambda event: events.became_primary(event) and event["who"] != primary, t0,
                                 5 + 3 * self.dead_s)
        if hasattr(fault, "finish"):
            fault.finish()
        taken_over_ns = role["mono_ns"] if role else t0
        self.prober.wait_until_back(taken_over_ns, 4)
        time.sleep(_PAUSE_S if self.how == "pause" else _HOLD_S)
        figures = self._figures(primary, t0, role, self.prober.report(taken_over_ns))
        self.prober.mark()
        healed_ns = time.monotonic_ns()
        changes = self.log.find(events.became_primary, t0)
        self.false_failovers += max(0, len(changes) - 1)
        self._heal(primary)
        self._settle_after(figures, t0, healed_ns)
        return figures

    def _settle(self):
        """One primary, all members seen, traffic clean. Returns the primary and since when it has been quiet."""
        self.lab.wait_until_whole(20 + 10 * self.dead_s)
        self.prober.wait_until_clean(10)
        for stream in self.streams:
            if not stream.connected.wait(5):
                raise LabError("a member's event stream does not come; is `systolectl -j events --follow` working?")
        quiet_since = time.monotonic_ns()
        # Asked again, so that the fault strikes who is primary after the last change and not before it.
        return self.lab.wait_until_whole(10), quiet_since

    def _prepare(self, primary):
        plan = self.lab.plan
        return {
            "crash": lambda: faults.Crash(plan, primary),
            "kill": lambda: faults.Signal(primary, signal.SIGKILL),
            "pause": lambda: faults.Signal(primary, signal.SIGSTOP),
            "cut": lambda: faults.Cut(plan, primary, plan.link_names()),
            "link-down": lambda: faults.LinkDown(primary, ["port1"]),
            "planned": lambda: faults.Planned(self.lab.programs, primary),
        }[self.how]()

    def _heal(self, member):
        if self.how in ("crash", "kill", "pause", "link-down"):
            self.lab.revive(member)
        elif self.how == "cut":
            faults.heal(self.lab.plan, member, self.lab.plan.link_names())
        else:
            faults.Planned.undo(self.lab.programs, member)

    def _figures(self, primary, t0, role, report):
        udp, tcp, flows, pings = report["udp"], report["tcp"], report["flows"], report["pings"]
        new_primary = role["who"] if role else None
        lost = self.log.find(lambda event: event["event"] == "peer-lost" and event["who"] == new_primary
                             and names.member_of_serial(event.get("peer")) == primary, t0)
        lost_ns = lost[0]["mono_ns"] if lost and lost[0]["mono_ns"] <= role["mono_ns"] else None
        moved = self.observer.first_announcement(new_primary, t0) if role else None
        return {
            "primary": primary,
            "new_primary": new_primary,
            "detect_ms": difference_ms(lost_ns, t0),
            "elect_ms": difference_ms(role and role["mono_ns"], lost_ns),
            "takeover_ms": difference_ms(moved and moved.mono_ns, role and role["mono_ns"]),
            "client_gap_ms": None if udp["gap_open"] and udp["longest_gap_ns"] > 1e9 else
                             round(udp["longest_gap_ns"] / 1e6, 3),
            "tcp_total": tcp["total"],
            "tcp_kept": tcp["kept"],
            "dual_primary_ms": None,
            "heal_gap_ms": None,
            "switch_ms": difference_ms(role and role["mono_ns"], t0),
            "udp_lost": udp["lost"],
            "udp_duplicates": udp["duplicates"],
            "tcp_resets": tcp["resets"],
            "tcp_stalled": tcp["stalled"],
            "tcp_worst_stall_ms": round(tcp["longest_stall_ns"] / 1e6, 3),
            "bytes_verified": tcp["verified_bytes"],
            "bytes_wrong": tcp["wrong_bytes"],
            "udp_flows_total": flows["total"],
            "udp_flows_kept": flows["kept"],
            "udp_flows_moved": flows["moved"],
            "udp_flows_worst_stall_ms": round(flows["longest_gap_ns"] / 1e6, 3),
            "pings_total": pings["total"],
            "pings_kept": pings["kept"],
            "pings_moved": pings["moved"],
            "pings_worst_stall_ms": round(pings["longest_gap_ns"] / 1e6, 3),
            # From the last beat that came in: the phase of the fault is not in it.
            "since_last_beat_ms": difference_ms(lost_ns, lost[0].get("last_rx_ns") if lost else None),
            "prober_late_ms": round(udp["longest_send_gap_ns"] / 1e6, 3),
            "reason": role.get("reason") if role else None,
        }

    def _settle_after(self, figures, t0, healed_ns):
        self.lab.wait_until_whole(20 + 10 * self.dead_s)
        now = time.monotonic_ns()
        # A cut makes two primaries by its nature, for as long as it lasts.
        if self.how != "cut":
            figures["dual_primary_ms"] = round(self.observer.shared_ns(t0, now) / 1e6, 3)
        if self.how in ("pause", "kill", "cut"):
            figures["dual_primary_after_heal_ms"] = round(self.observer.shared_ns(healed_ns, now) / 1e6, 3)
        if self.how in ("pause", "kill"):
            figures["released_ms"] = difference_ms(self.observer.released_ns(figures["primary"], t0, healed_ns), t0)
            figures["announced_after_heal"] = self.observer.announcements(figures["primary"], healed_ns)
            figures["held_after_heal"] = self.observer.took_again(figures["primary"], healed_ns)
        self.prober.wait_until_back(healed_ns, 10)
        if self.how == "planned":
            time.sleep(_HOLD_S)  # what is not answered by then is lost
        report = self.prober.report(healed_ns)
        healed = report["udp"]
        figures["heal_gap_ms"] = None if healed["gap_open"] and healed["longest_gap_ns"] > 1e9 else \
            round(healed["longest_gap_ns"] / 1e6, 3)
        figures["role_changes_after_heal"] = len(self.log.find(events.became_primary, healed_ns))
        if self.how == "planned":  # the way back is a switch too
            figures.update(back_udp_lost=healed["lost"], back_udp_duplicates=healed["duplicates"],
                           back_tcp_total=report["tcp"]["total"], back_tcp_kept=report["tcp"]["kept"])


def difference_ms(later_ns, earlier_ns):
    return None if later_ns is None or earlier_ns is None else round((later_ns - earlier_ns) / 1e6, 3)


def traffic_of(plan, tcp, udp_flows, pings):
    """What was asked for; the rest as it goes with the plan."""
    usual = NAT_TRAFFIC if plan.nat else Traffic()
    traffic = Traffic(*(usual_count if asked is None else asked for asked, usual_count in
                        ((tcp, usual.tcp), (udp_flows, usual.udp_flows), (pings, usual.pings))))
    traffic.check()
    return traffic


def run(plan, how, trials, stress, json_file, plot_file, say, traffic=None):
    """The result, written and drawn where asked for."""
    from . import contest
    built = programs.ensure(say, up_to_date=False)
    Peers(plan).check_installed()
    interval_ms, lost = plan.timing_ms()
    traffic = traffic or traffic_of(plan, None, None, None)
    say(f"{trials} x {how}, {plan.members} members, {interval_ms} ms x {lost}{', CPU stress' if stress else ''}; "
        f"{'NAT, ' if plan.nat else ''}{traffic.describe()}")
    with Lab(plan, built, f"failover --how {how}") as lab:
        experiment = (contest.Contest if plan.peers else Experiment)(lab, how, traffic)
        try:
            experiment.set_up()
            stressor = start_stress(lab) if stress else None
            results = [announce(say, number, trials, experiment.trial()) for number in range(1, trials + 1)]
            if stressor:
                stressor.terminate()
        finally:
            experiment.tear_down()
    result = {"how": how, "interval_ms": interval_ms, "lost": lost, "members": plan.members, "links": plan.links,
              "direct": plan.direct, "vdev": plan.vdev, "nat": plan.nat, "stress": stress, "trials": results,
              "summary": {figure: summary([trial[figure] for trial in results]) for figure in FIGURES},
              "false_failovers": experiment.false_failovers}
    if how == "planned":
        found = switches(results)
        result["switches"] = {"total": len(found), "without_loss": sum(lost == 0 for lost, _ in found),
                              "lost": sum(lost for lost, _ in found), "duplicates": sum(again for _, again in found)}
    if plan.peers:
        result["peers"] = experiment.summaries(results)
    print_table(result, say)
    if plan.peers:
        contest.print_table(result, say)
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    if plot_file:
        from . import plot
        plot.compare([result], plot_file) if plan.peers else plot.draw(result, plot_file)
    return result


def passed(result):
    """Every trial ended with a new primary and there was no false failover."""
    return result["false_failovers"] == 0 and all(trial["new_primary"] for trial in result["trials"])


def start_stress(lab):
    try:
        process = subprocess.Popen(["stress-ng", "--cpu", "4", "--quiet"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except FileNotFoundError:
        raise LabError("--stress cpu needs stress-ng; scripts/setup installs it") from None
    lab.add_helper([process.pid, netns.start_time(process.pid)])
    return process


def announce(say, number, trials, figures):
    shown = "  ".join(f"{figure[:-3].replace('_', ' ')} {value(figures[figure])}" for figure in FIGURES)
    say(f"trial {number:3}/{trials}: {figures['primary']} -> {figures['new_primary'] or 'nobody'}  {shown}  "
        f"tcp {figures['tcp_kept']}/{figures['tcp_total']}{_sessions(figures)}")
    return figures


def _sessions(figures):
    """Of one trial, what is not as it should be, and what not every run has."""
    shown = "".join(f"  {title} {figures[kind + '_kept']}/{figures[kind + '_total']}"
                    for kind, title in (("udp_flows", "flows"), ("pings", "pings")) if figures[f"{kind}_total"])
    shown += "".join(f"  {title} {figures[key]}" for key, title in (
        ("tcp_resets", "resets"), ("tcp_stalled", "stalled"), ("bytes_wrong", "WRONG BYTES")) if figures[key])
    if "back_udp_lost" in figures:
        shown += f"  lost {figures['udp_lost']}, back {figures['back_udp_lost']}"
    return shown + f"  worst stall {figures['tcp_worst_stall_ms']:.0f}"


def value(number):
    return "-" if number is None else f"{number:.2f}"


def summary(values):
    """Nearest-rank percentiles of the trials that have the figure; null when none has."""
    found = sorted(number for number in values if number is not None)
    if not found:
        return {"min": None, "p50": None, "p99": None, "max": None}

    def rank(percent):
        return found[max(0, -(-percent * len(found) // 100) - 1)]
    return {"min": found[0], "p50": rank(50), "p99": rank(99), "max": found[-1]}


def print_table(result, say):
    say(f"{'ms':<18}{'min':>10}{'p50':>10}{'p99':>10}{'max':>10}")
    for figure, row in result["summary"].items():
        say(f"{figure[:-3].replace('_', ' '):<18}" + "".join(f"{value(row[key]):>10}" for key in
                                                            ("min", "p50", "p99", "max")))
    kept = sum(trial["tcp_kept"] for trial in result["trials"])
    total = sum(trial["tcp_total"] for trial in result["trials"])
    say(f"TCP connections kept: {kept} of {total}; false failovers: {result['false_failovers']}")
    _print_sessions(result, say)
    if result["how"] == "planned":
        _print_switches(result, say)
    if result["how"] == "cut":
        _print_heals(result["trials"], say)
    if result["how"] in ("pause", "kill"):
        _print_keeper(result, say)


def _print_sessions(result, say):
    trials = result["trials"]

    def total(key):
        return sum(trial[key] for trial in trials)
    say(f"reset {total('tcp_resets')}, without progress for more than 1 s {total('tcp_stalled')}, worst "
        f"{max(trial['tcp_worst_stall_ms'] for trial in trials):.0f} ms; bytes checked {total('bytes_verified')}, wrong "
        f"{total('bytes_wrong')}")
    for kind, title in (("udp_flows", "UDP flows"), ("pings", "pings")):
        if total(f"{kind}_total"):
            say(f"{title} kept: {total(f'{kind}_kept')} of {total(f'{kind}_total')} (translated anew: "
                f"{total(f'{kind}_moved')}), worst silence "
                f"{max(trial[f'{kind}_worst_stall_ms'] for trial in trials):.0f} ms")


def switches(trials):
    """(lost, duplicates) of every planned switch, there and back."""
    return ([(trial["udp_lost"], trial["udp_duplicates"]) for trial in trials if trial["new_primary"]]
            + [(trial["back_udp_lost"], trial["back_udp_duplicates"]) for trial in trials
               if trial["role_changes_after_heal"]])


def _print_switches(result, say):
    found = switches(result["trials"])
    say(f"planned: {sum(lost == 0 for lost, _ in found)} of {len(found)} switches lost nothing; datagrams lost "
        f"{sum(lost for lost, _ in found)}, at most {max((lost for lost, _ in found), default=0)} in one; duplicates "
        f"{sum(again for _, again in found)}")


def _print_keeper(result, say):
    """A daemon that is dead or frozen cannot give its addresses back: systole-keeper does, after the dead interval."""
    trials, dead_ms = result["trials"], result["interval_ms"] * result["lost"]
    released = summary([trial["released_ms"] for trial in trials])
    kept = sum(trial["released_ms"] is None for trial in trials)
    say(f"keeper: the addresses left the struck member p50 {value(released['p50'])}, min {value(released['min'])}, max "
        f"{value(released['max'])} ms after the fault (dead interval {dead_ms} ms, bound 20 ms more); never: {kept}")
    say(f"back again, it announced a cluster address {sum(trial['announced_after_heal'] for trial in trials)} times and "
        f"took one {sum(trial['held_after_heal'] for trial in trials)} times")


def _print_heals(trials, say):
    """Both were primary; which of them the switches believe after the heal is what a user feels."""
    gaps = [trial["heal_gap_ms"] for trial in trials]
    over = sum(gap is None or gap > HEAL_BOUND_MS for gap in gaps)
    row = summary(gaps)
    say(f"heals: the client was without a reply for p50 {value(row['p50'])}, max {value(row['max'])} ms; over "
        f"{HEAL_BOUND_MS} ms: {over} of {len(trials)}")
