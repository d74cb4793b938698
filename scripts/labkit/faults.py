# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The faults, each prepared before the clock starts so that its first action follows t0 at once."""
import os
import signal
import subprocess
import time

from . import fabric, members, names, netns, xdp
from .errors import LabError
from .netlink import BRIDGE_DISABLED, BRIDGE_FORWARDING, bridge_port_batch, link_batch, xdp_batch

# tc: return TC_ACT_SHOT, whatever the frame. Written as classic BPF because no other classifier that could say
# "everything" is in every kernel, and `action drop` needs act_gact.
_DROP_BYTECODE = "1,6 0 0 2,"


class Crash:
    """Power loss: every link down in one netlink batch, then every process killed."""

    def __init__(self, plan, member):
        self._plan, self._member = plan, member
        self._links = link_batch(names.namespace(member), plan.interfaces(), up=False)
        self._pids = netns.processes(names.namespace(member))

    def strike(self):
        self._links.fire()
        members.signal_all(self._pids, signal.SIGKILL)

    def finish(self):
        """What need not happen at once, and would take the CPU from the members that are now busy."""
        self._links.confirm()
        members.kill_everything(self._member)
        members.forget_like_a_power_loss(self._plan, self._member)


class Signal:
    """To the daemon alone: SIGKILL is a crash of the program, SIGSTOP a freeze."""

    def __init__(self, member, number):
        self._pid, self._number = members.daemon_pid(member), number

    def strike(self):
        os.kill(self._pid, self._number)
        if self._number == signal.SIGKILL:
            deadline = time.monotonic() + 5
            while netns.start_time(self._pid) is not None and time.monotonic() < deadline:
                time.sleep(0.002)


class LinkDown:
    def __init__(self, member, interfaces, up=False):
        self._batch = link_batch(names.namespace(member), interfaces, up)

    def strike(self):
        self._batch.apply()


class Cut:
    """Frames are lost and the carrier stays. `way`: None for both, "in" towards the member, "out" from it."""

    def __init__(self, plan, member, links, way=None):
        if plan.vdev == "memif":
            raise LabError("cut does not work with --vdev memif: its frames never enter the kernel; "
                           "build the lab with --vdev af_packet")
        for link in links:
            if link not in plan.link_names():
                raise LabError(f"cut: {member} has no heartbeat link {link}; it has {' '.join(plan.link_names())}")
        self._plan, self._member, self._links, self._way = plan, member, links, way
        self._batches = []
        if plan.direct:
            self._prepare_direct()
        elif way is None:
            ports = [names.fabric_end(member, link) for link in links]
            self._batches = [bridge_port_batch(names.FABRIC, ports, BRIDGE_DISABLED)]

    def _prepare_direct(self):
        # No bridge in between: the receiver drops, before any tap, so that the sender's way of sending is all the same.
        if self._plan.vdev == "af_xdp":
            raise LabError("cut does not work with --direct --vdev af_xdp: the one place that could drop a frame is "
                           "taken by AF_XDP itself; leave out --direct")
        peer = next(name for name in self._plan.names() if name != self._member)
        program = xdp.load_drop_program()
        receivers = [self._member] if self._way == "in" else [peer] if self._way == "out" else [self._member, peer]
        self._batches = [xdp_batch(names.namespace(receiver), self._links, program) for receiver in receivers]
        self._program = program

    def strike(self):
        for batch in self._batches:
            batch.fire()
        for batch in self._batches:
            batch.confirm()
        if self._plan.direct:
            os.close(self._program)
        elif self._way is not None:
            self._drop_one_way()

    def _drop_one_way(self):
        # The member's outgoing frames come in at the fabric's end of its cable, and the other way round.
        side = "egress" if self._way == "in" else "ingress"
        lines = []
        for link in self._links:
            end = names.fabric_end(self._member, link)
            lines += [f"qdisc replace dev {end} clsact",
                      f"filter replace dev {end} {side} protocol all prio 1 bpf da bytecode \"{_DROP_BYTECODE}\""]
        _tc(lines)


def heal(plan, member, links):
    """Undoes every kind of cut; healing what is whole is no error."""
    if plan.vdev == "memif":
        return
    for link in links:
        if link not in plan.link_names():
            raise LabError(f"heal: {member} has no heartbeat link {link}; it has {' '.join(plan.link_names())}")
    if plan.direct:
        if plan.vdev != "af_xdp":  # where the program is AF_XDP's own
            for name in plan.names():
                xdp_batch(names.namespace(name), links, -1).apply()
        return
    ends = [names.fabric_end(member, link) for link in links]
    bridge_port_batch(names.FABRIC, ends, BRIDGE_FORWARDING).apply()
    _tc([f"qdisc del dev {end} clsact" for end in ends], quiet=True)


def _tc(lines, quiet=False):
    result = subprocess.run(["ip", "netns", "exec", names.FABRIC, "tc", "-force", "-batch", "-"],
                            input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
    if result.returncode and not quiet:
        raise LabError(f"tc failed: {result.stderr.strip()}; the kernel needs CONFIG_NET_CLS_BPF and "
                       "CONFIG_NET_SCH_INGRESS")


class ServerGone:
    """sys-server loses its address: what pings it gets no answer, and every link stays."""

    def __init__(self):
        self._line = f"addr del {names.SERVER_ADDRESS}/24 dev eth0"

    def strike(self):
        fabric.batch(names.SERVER, [self._line])

    @staticmethod
    def undo():
        fabric.batch(names.SERVER, [f"addr replace {names.SERVER_ADDRESS}/24 dev eth0",
                                    f"route replace default via {names.WAN_GATEWAY}"])


class Planned:
    """The operator moves the role: `execute ha failover set 1` on the primary."""

    def __init__(self, programs, member):
        self._programs, self._member = programs, member

    def strike(self):
        _control(self._programs, self._member, "set")

    @staticmethod
    def undo(programs, member):
        _control(programs, member, "unset")


def _control(programs, member, word):
    answer = members.control(programs, member, "execute", "ha", "failover", word, "1", as_json=False)
    if answer.returncode:
        raise LabError(f"`execute ha failover {word} 1` failed on {member}: {(answer.stderr or answer.stdout).strip()}")
