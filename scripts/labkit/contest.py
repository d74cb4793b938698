# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`failover --peers`: the others are struck by the same fault at the same moment as Systole, and measured the same way.

  detection   the survivor's first frame that says so, stamped by the kernel in sys-fabric: a VRRP advertisement of the
              backup, a BFD packet with state Down and diagnostic 1. (Systole's own is its `peer-lost`; its frames are
              encrypted.) Both are after the decision, the frame by some microseconds more.
  client gap  keepalived moves addresses of its own, and a second prober goes through them. FRR and BIRD move nothing.
"""
from . import fabric, faults, names
from .errors import LabError
from .failover import HEAL_BOUND_MS, Experiment, difference_ms, summary, value
from .netlink import BRIDGE_DISABLED, BRIDGE_FORWARDING, bridge_port_batch
from .peers import keepalived
from .peers.group import Peers
from .prober import Prober
from .wire import Wire

_HEAL_PATIENCE_S = 10
PEER_FIGURES = ("detect_ms", "client_gap_ms", "heal_gap_ms")


class _CutOfAll:
    """Every heartbeat cable of the member, Systole's and the others', in one netlink message."""

    def __init__(self, plan, member):
        ends = [names.fabric_end(member, link) for link in plan.link_names() + plan.peer_links()]
        self._batch = bridge_port_batch(names.FABRIC, ends, BRIDGE_DISABLED)

    def strike(self):
        self._batch.apply()


class _CrashOfAll(faults.Crash):
    """Power loss that everybody feels at once. To down one link takes the kernel 0.3 to 2.5 ms: the last of seven would
    live some 5 ms longer, long enough for keepalived to see its LAN port go and say goodbye. The bridge ports of all
    die in some 10 us; when the links come up again so do they."""

    def __init__(self, plan, member):
        super().__init__(plan, member)
        links = plan.interfaces() if not plan.direct else plan.peer_links() + ["port1", "port2"]
        self._ports = bridge_port_batch(names.FABRIC, [names.fabric_end(member, link) for link in links],
                                        BRIDGE_DISABLED)

    def strike(self):
        self._ports.fire()
        super().strike()

    def finish(self):
        self._ports.confirm()
        super().finish()


class Contest(Experiment):
    def __init__(self, lab, how, traffic=None):
        super().__init__(lab, how, traffic)
        if how == "cut" and lab.plan.direct:
            raise LabError("--how cut --peers needs the bridges between the members; leave out --direct")
        self.peers, self._wire, self._second = Peers(lab.plan), None, None

    def set_up(self):
        super().set_up()
        self._wire = Wire(self.lab.plan, self.peers.programs)
        self.peers.start()
        self.peers.wait_until_ready(self._wire, 20)
        if self.peers.find("keepalived"):
            self._second = Prober(self.lab.programs, to=keepalived.SERVER_ADDRESS, port=7008)

    def tear_down(self):
        if self._second:
            self._second.close()
        if self._wire:
            self._wire.close()
        super().tear_down()

    def _settle(self):
        primary = self.lab.wait_until_whole(20 + 10 * self.dead_s)
        self.peers.wait_until_ready(self._wire, 20)
        self._align(primary)
        if self._second:
            self._second.wait_until_clean(20)
        return super()._settle()

    def _align(self, primary):
        """keepalived's master must be the one that is struck. A restart on the other side moves it, as a stop would."""
        for program in self.peers.programs:
            for member in self.lab.plan.names():
                if program.has_master and member != primary and self._wire.latest(member, program.link):
                    program.restart(member)
        self.peers.wait_until_ready(self._wire, 20)

    def _prepare(self, primary):
        self._wire.mark()
        if self._second:
            self._second.mark()
        return (_CutOfAll if self.how == "cut" else _CrashOfAll)(self.lab.plan, primary)

    def _figures(self, primary, t0, role, report):
        figures = super()._figures(primary, t0, role, report)
        survivor = next(member for member in self.lab.plan.names() if member != primary)
        self._wire.drain()
        figures["peers"] = {program.name: self._peer_figures(program, survivor, t0) for program in self.peers.programs}
        if self._second:
            udp = self._second.report()["udp"]
            figures["peers"]["keepalived"]["client_gap_ms"] = _gap_ms(udp)
        return figures

    def _peer_figures(self, program, survivor, t0):
        said_ns = self._wire.first_lost_ns(survivor, program.link, 0)
        # Given up before the fault: no detection of this fault, and no figure.
        disturbed = said_ns is not None and said_ns < t0
        return {"detect_ms": None if disturbed else difference_ms(said_ns, t0), "client_gap_ms": None,
                "heal_gap_ms": None, "disturbed": disturbed}

    def _heal(self, member):
        if self._second:
            self._second.mark()
        if self.how == "cut":
            ends = [names.fabric_end(member, link) for link in self.lab.plan.peer_links()]
            bridge_port_batch(names.FABRIC, ends, BRIDGE_FORWARDING).apply()
        super()._heal(member)
        if self.how == "crash":
            self.peers.stop_on(member)
            self.peers.start_on(member)

    def _settle_after(self, figures, t0, healed_ns):
        super()._settle_after(figures, t0, healed_ns)
        if self._second:
            self._second.wait_until_back(healed_ns, _HEAL_PATIENCE_S)
            udp = self._second.report(healed_ns)["udp"]
            mine = figures["peers"]["keepalived"]
            mine["heal_gap_ms"] = round(udp["longest_gap_ns"] / 1e6, 3)
            mine["heal_given_up"] = udp["gap_open"] and udp["longest_gap_ns"] > 1e9
            if mine["heal_given_up"]:
                self._forget_gateways()

    @staticmethod
    def _forget_gateways():
        """The client or the server still sends to the one that has stepped back, for up to half a minute more: long
        enough for a figure, too long for a trial."""
        for namespace, gateway in ((names.CLIENT, keepalived.LAN_GATEWAY), (names.SERVER, keepalived.WAN_GATEWAY)):
            fabric.batch(namespace, [f"neigh flush to {gateway} dev eth0"])

    def summaries(self, trials):
        return {program.name: {
            "title": program.title, "dead_ms": program.dead_ms,
            "disturbed": sum(trial["peers"][program.name]["disturbed"] for trial in trials),
            "missed": sum(trial["peers"][program.name]["detect_ms"] is None for trial in trials)
            - sum(trial["peers"][program.name]["disturbed"] for trial in trials),
            "heals_over_bound": sum((trial["peers"][program.name]["heal_gap_ms"] or 0) > HEAL_BOUND_MS
                                    for trial in trials),
            "heals_given_up": sum(trial["peers"][program.name].get("heal_given_up", False) for trial in trials),
            "summary": {figure: summary([trial["peers"][program.name][figure] for trial in trials])
                        for figure in PEER_FIGURES}} for program in self.peers.programs}


def _gap_ms(udp):
    return None if udp["gap_open"] and udp["longest_gap_ns"] > 1e9 else round(udp["longest_gap_ns"] / 1e6, 3)


def print_table(result, say):
    say(f"{'p50 / max, ms':<24}{'configured':>12}{'detection':>18}{'client gap':>18}{'after the heal':>18}")
    rows = [("Systole", result["interval_ms"] * result["lost"], result["summary"])]
    rows += [(peer["title"], peer["dead_ms"], peer["summary"]) for peer in result["peers"].values()]
    for title, dead_ms, row in rows:
        cells = (f"{value(row[figure]['p50'])} / {value(row[figure]['max'])}" for figure in PEER_FIGURES)
        say(f"{title:<24}{dead_ms:>12.1f}" + "".join(f"{cell:>18}" for cell in cells))
    for peer in result["peers"].values():
        if peer["disturbed"] or peer["missed"]:
            say(f"{peer['title']}: gave its peer up before the fault in {peer['disturbed']} trials, not at all in "
                f"{peer['missed']}")
        if peer["heals_over_bound"]:
            say(f"{peer['title']}: the client was dark for more than {HEAL_BOUND_MS} ms after the heal in "
                f"{peer['heals_over_bound']} of {len(result['trials'])} trials, in {peer['heals_given_up']} still "
                f"after {_HEAL_PATIENCE_S} s")
