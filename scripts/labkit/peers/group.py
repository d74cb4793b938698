# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The programs chosen with --peers, together: cables, start, readiness."""
import time

from .. import fabric, names
from ..errors import LabError
from .bfd import Bird, Frr
from .keepalived import Keepalived, KeepalivedRealTime

PROGRAMS = {"keepalived": Keepalived, "keepalived-rt": KeepalivedRealTime, "frr": Frr, "bird": Bird}
DEFAULT = ("keepalived", "frr", "bird")


def chosen(text):
    """--peers a,b|none -> names, in the order of PROGRAMS."""
    wanted = set() if text == "none" else set(text.split(","))
    for name in sorted(wanted - set(PROGRAMS)):
        raise LabError(f"--peers {text}: '{name}' is none of {', '.join(PROGRAMS)}, none")
    return [name for name in PROGRAMS if name in wanted]


class Peers:
    def __init__(self, plan):
        self.plan = plan
        self.programs = [PROGRAMS[name](name, index) for index, name in enumerate(plan.peers)]

    def check_installed(self):
        for program in self.programs:
            program.check_installed()

    def start(self):
        for member in self.plan.names():
            self.start_on(member)

    def start_on(self, member):
        self._raise_cables(member)
        for program in self.programs:
            program.start(member)

    def _raise_cables(self, member):
        """Again after a crash, which takes the addresses."""
        fabric.batch(names.namespace(member), [line for program in self.programs for line in (
            f"link set {program.link} up", f"addr replace {program.address(member)}/24 dev {program.link}")])

    def stop_on(self, member):
        for program in self.programs:
            program.stop(member)

    def unready(self, wire):
        """The programs that do not see their other side at this moment, by their frames on the wire."""
        wire.drain()
        return [program for program in self.programs
                if not program.is_ready({member: wire.latest(member, program.link) for member in self.plan.names()})]

    def wait_until_ready(self, wire, timeout_s):
        deadline = time.monotonic() + timeout_s
        while waiting := self.unready(wire):
            if time.monotonic() > deadline:
                tails = "\n".join(program.tail(member) for program in waiting for member in self.plan.names())
                raise LabError(f"{', '.join(program.title for program in waiting)} did not come up within "
                               f"{timeout_s} s\n{tails}")
            time.sleep(0.05)

    def find(self, name):
        return next((program for program in self.programs if program.name == name), None)
