# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`isolation`: every heartbeat link of the primary is cut, both members live on; for how long do both own an address?

The answer is compared with the number that the primary's status promised for the facts of that moment.
"""
import json
import random
import time

from . import events, faults, members, names, programs, witness
from .errors import LabError
from .failover import difference_ms, start_stress, summary, value
from .lab import Lab
from .netlink import link_batch
from .observer import Observer
from .prober import Prober

# What else befalls the primary at the moment of the cut.
LOSSES = ("nothing", "link", "server", "witness")
POLICIES = {
    "fgcp": ["isolation fgcp"],
    "demote": ["isolation demote"],
    "lease": ["isolation demote", "isolation-proof lease"],
    "witness": ["isolation witness"],
    "witness-act": ["isolation witness", "witness-fallback act"],
}
WITNESSED = ("lease", "witness", "witness-act")
# With --loss server: real pings from port2, dead after 2 x 100 ms.
_LINK_MONITOR = f"""config system link-monitor
    edit "server"
        set srcintf "port2"
        set server "{names.SERVER_ADDRESS}"
        set interval 100
        set probe-timeout 100
        set failtime 2
        set recoverytime 1
        set ha-priority 5
    next
end
"""
_PING_SETTINGS = ['pingserver-monitor-interface "port2"', "pingserver-flip-timeout 6", "test-timer-scale 360"]
FIGURES = ("both_ms", "stopped_ms", "claimed_ms")


class Experiment:
    def __init__(self, lab, losses, seconds):
        self.lab, self.losses, self.seconds = lab, losses, seconds
        self.log, self.streams, self.observer, self.prober = events.EventLog(), [], None, None

    def set_up(self):
        self.lab.build()
        self.observer = Observer(self.lab.plan)
        self.lab.start_members()
        self.streams = [events.EventStream(self.lab.programs, member, self.log) for member in self.lab.plan.names()]
        self.lab.wait_until_whole(self.lab.first_election_timeout_s())
        self.prober = Prober(self.lab.programs)

    def tear_down(self):
        if self.prober:
            self.prober.close()
        for stream in self.streams:
            stream.close()
        if self.observer:
            self.observer.close()

    def trial(self, number):
        primary = self._settle()
        loss = self.losses[(number - 1) % len(self.losses)]
        strikes = [faults.Cut(self.lab.plan, primary, self.lab.plan.link_names())]
        lost = {"link": "port2", "witness": witness.INTERFACE}.get(loss)
        if lost:
            strikes.append(faults.LinkDown(primary, [lost]))
        if loss == "server":
            strikes.append(faults.ServerGone())
        time.sleep(random.uniform(0.1, 0.4))
        self.prober.mark()
        t0 = time.monotonic_ns()
        random.shuffle(strikes)
        for strike in strikes:
            strike.strike()
        time.sleep(1)
        promised = promise(members.status(self.lab.programs, primary))
        time.sleep(self.seconds - 1)
        healed_ns = time.monotonic_ns()
        figures = {
            "primary": primary, "loss": loss, "promised_ms": promised,
            "both_ms": round(self.observer.shared_ns(t0, healed_ns) / 1e6, 3),
            "stopped_ms": difference_ms(self.observer.released_ns(primary, t0, healed_ns), t0),
            "claimed_ms": self._claimed_ms(primary, t0),
        }
        if loss == "server":
            faults.ServerGone.undo()
        self._heal(primary, lost)
        self.lab.wait_until_whole(30)
        # Healing must not bring what the cut did not.
        figures["both_ms"] = max(figures["both_ms"],
                                 round(self.observer.shared_ns(t0, time.monotonic_ns()) / 1e6, 3))
        return figures

    def _settle(self):
        primary = self.lab.wait_until_whole(30)
        self.prober.wait_until_clean(20)
        deadline = time.monotonic() + 20
        # A lease is asked for when the role is taken and comes a moment later.
        while self.lab.plan.witness and not holds_lease(members.status(self.lab.programs, primary)):
            if time.monotonic() > deadline:
                raise LabError(f"{primary} is primary and does not get the lease of the witness\n"
                               f"{members.logs(self.lab.plan)}")
            time.sleep(0.1)
        return primary

    def _claimed_ms(self, primary, t0):
        found = self.log.find(lambda event: events.became_primary(event) and event["who"] != primary, t0)
        return difference_ms(found[0]["mono_ns"], t0) if found else None

    def _heal(self, primary, lost):
        """The heartbeats last: a member must not act again because only its link is back."""
        if lost:
            link_batch(names.namespace(primary), [lost], up=True).apply()
            time.sleep(1)
        faults.heal(self.lab.plan, primary, self.lab.plan.link_names())


def promise(status):
    """dual_primary_bound_ms of the first virtual cluster: None where nothing is promised."""
    if status is None:
        raise LabError("the primary does not answer after the cut")
    return status["vclusters"][0]["dual_primary_bound_ms"]


def holds_lease(status):
    state = (status or {}).get("vclusters", [{}])[0].get("witness") or {}
    return (state.get("held_ms") or 0) > 0


def broken(figures):
    return figures["promised_ms"] is not None and figures["both_ms"] > figures["promised_ms"]


def prepare(plan, losses):
    """What the losses need of the members' configuration."""
    if "server" in losses:
        plan.sections = [*plan.sections, _LINK_MONITOR]
        plan.settings = [*_PING_SETTINGS, *plan.settings]


def losses_of(policy, wanted):
    """Which losses a policy is tried with, unless told."""
    if wanted:
        if "witness" in wanted and policy not in WITNESSED:
            raise LabError(f"--loss witness: policy {policy} asks no witness")
        return wanted
    return {"fgcp": ["nothing"], "demote": ["link", "server"]}.get(policy, ["nothing", "witness"])


def run(plan, policy, losses, trials, seconds, stress, json_file, say):
    prepare(plan, losses)
    built = programs.ensure(say, up_to_date=False)
    say(f"isolation {policy}: {trials} x every heartbeat link of the primary cut for {seconds:g} s, with loss of "
        f"{' or '.join(losses)}{', CPU stress' if stress else ''}")
    with Lab(plan, built, f"isolation --policy {policy}") as lab:
        experiment = Experiment(lab, losses, seconds)
        try:
            experiment.set_up()
            if stress:
                start_stress(lab)
            results = [_announce(say, number, trials, experiment.trial(number)) for number in range(1, trials + 1)]
        finally:
            experiment.tear_down()
    result = {"policy": policy, "trials": results, "broken": sum(map(broken, results)),
              "summary": {figure: summary([trial[figure] for trial in results]) for figure in FIGURES}}
    _print(result, say)
    if json_file:
        with open(json_file, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    return result


def _announce(say, number, trials, figures):
    promised = "nothing" if figures["promised_ms"] is None else f"{figures['promised_ms']:g} ms"
    say(f"trial {number:3}/{trials}: {figures['primary']} loses {figures['loss']:<8} both own an address for "
        f"{figures['both_ms']:.2f} ms (promised: {promised})  the old one stopped after {value(figures['stopped_ms'])}, "
        f"the other claimed after {value(figures['claimed_ms'])} ms{'  BROKEN' if broken(figures) else ''}")
    return figures


def _print(result, say):
    say(f"{'ms':<12}{'min':>12}{'p50':>12}{'p99':>12}{'max':>12}")
    for figure, row in result["summary"].items():
        say(f"{figure[:-3].replace('_', ' '):<12}" + "".join(f"{value(row[key]):>12}" for key in
                                                            ("min", "p50", "p99", "max")))
    say(f"trials in which the promise was broken: {result['broken']} of {len(result['trials'])}")
