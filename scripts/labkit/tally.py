# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What a member has counted, and the difference of two such moments. Counters are read by whatever names they have."""
import pathlib

from . import members, names, netns, usage
from .errors import LabError


class Tally:
    """One moment of one member: its status, its poll core, what the kernel took off its heartbeat links, its memory."""

    def __init__(self, programs, plan, member):
        members.wait_for_answer(plan, programs, member)
        self.status = members.status(programs, member)
        self._poll = members.json_answer(programs, member, "diagnose", "sys", "ha", "poll")
        if self.status is None or self._poll is None:
            raise LabError(f"{member} does not answer\n{members.logs(plan)}")
        self._arrived = _arrived(member, plan.kernel_links())
        self.rss_mib = usage.Meter(lambda: usage.systole_processes(member)).read()["rss_mib"]

    def since(self, before):
        counters = _grown(self.status.get("counters", {}), before.status.get("counters", {}))
        drops = counters.pop("drops", {})
        drops.pop("esp_replay", None)  # an older name of one of the others
        for maximum in ("late_us_max", "longest_gap_us"):
            counters.pop(maximum, None)
        return {"ports": self._ports(before), "drops": drops, "counters": counters, "heard": self._heard(before),
                "own_gap_ms": self._own(before, "longest_gap_us"), "own_late_ms": self._own(before, "late_us_max"),
                "late_rounds": self._late_rounds(before),
                "silences": self._poll.get("silences", 0) - before._poll.get("silences", 0),
                "rss_mib": {"before": before.rss_mib, "after": self.rss_mib}}

    def _ports(self, before):
        """`missed`: what came in at the interface and never reached the member, because its queue was full."""
        old = {port["name"]: port["rx_packets"] for port in before.status.get("ports", [])}
        found = {}
        for port in self.status.get("ports", []):
            link = port["name"]
            taken = port["rx_packets"] - old.get(link, 0)
            found[link] = {"taken": taken}
            if link in self._arrived:
                arrived = self._arrived[link] - before._arrived[link]
                found[link].update(arrived=arrived, missed=max(0, arrived - taken))
        return found

    def _heard(self, before):
        """The beats of each other member by link. The longest gap is one since the start of the member: it belongs to
        this window when it has grown, else it is all that is known ("at_most")."""
        old = {(entry["serial"], link["name"]): link for entry in before.status.get("members", []) if not entry["local"]
               for link in entry["links"]}
        found = {}
        for entry in self.status.get("members", []):
            for link in [] if entry["local"] else entry["links"]:
                then = old.get((entry["serial"], link["name"]), {"rx": 0, "lost": 0, "longest_gap_us": 0})
                again = link["rx"] < then["rx"]  # counted anew: the member was lost and forgotten meanwhile
                found[f"{names.member_of_serial(entry['serial'])} {link['name']}"] = {
                    "beats": link["rx"] - (0 if again else then["rx"]),
                    "lost": link["lost"] - (0 if again else then["lost"]),
                    "longest_gap_ms": _maximum(then["longest_gap_us"], link["longest_gap_us"])}
        return found

    def _own(self, before, counter):
        return _maximum(*(moment.status.get("counters", {}).get(counter, 0) for moment in (before, self)))

    def _late_rounds(self, before):
        """Rounds of beats by lateness: {"below 100 us": rounds, ...}."""
        found = {}
        for now, then in zip(self._poll.get("late", []), before._poll.get("late", [])):
            label = f"below {now['below_us']} us" if "below_us" in now else "later"
            found[label] = now["rounds"] - then["rounds"]
        return found


def late_bound_us(late_rounds, share):
    """The class that this share of all rounds of these members does not reach: below how many us they were late. None: later
    than the last class tells."""
    rounds = sum(sum(one.values()) for one in late_rounds)
    passed = 0
    for label in late_rounds[0]:
        passed += sum(one[label] for one in late_rounds)
        if passed >= share * rounds:
            return int(label.split()[1]) if label.startswith("below") else None
    return None


def _maximum(before_us, after_us):
    return {"worst" if after_us > before_us else "at_most": after_us / 1000}


def _grown(now, before):
    """Of two like objects every number that has grown, by how much."""
    found = {}
    for name, value in now.items():
        if isinstance(value, dict):
            found[name] = _grown(value, before.get(name, {}))
        elif isinstance(value, int) and not isinstance(value, bool) and value > before.get(name, 0):
            found[name] = value - before.get(name, 0)
    return found


def _arrived(member, links):
    with netns.inside(names.namespace(member)):
        lines = pathlib.Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
    packets = {}
    for line in lines[2:]:
        interface, _, figures = line.partition(":")
        if interface.strip() in links:
            packets[interface.strip()] = int(figures.split()[1])
    return packets
