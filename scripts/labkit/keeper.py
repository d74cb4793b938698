# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The lab's background helper (python3 -m labkit.keeper): the capture of the heartbeat links, and the merged key log.

Ready when it prints "ready"; ends on SIGTERM, or by itself when the lab's state file is gone.
"""
import bisect
import itertools
import selectors
import signal
import struct
import subprocess
import sys
import time

from . import keylog, names, netns, state
from .errors import LabError
from .packet import PACKET_STATISTICS, SOL_PACKET, open_tap, receive
from .programs import ROOT

_PCAP_NANOSECONDS, _ETHERNET = 0xa1b23c4d, 1


class Capture:
    """Each frame once: as it comes in at the fabric's end of a member's cable, or, on a direct cable, at the other
    member (the sender's own tap would not see it: DPDK sends past the taps)."""

    def __init__(self, plan):
        if plan.direct:
            self.taps = [open_tap(names.namespace(member), plan.link_names()) for member in plan.names()]
        else:
            # On a bridge a frame leaves at other ports too; only its way in counts.
            self.taps = [open_tap(names.FABRIC, [names.fabric_end(member, link) for member in plan.names()
                                                 for link in plan.link_names()])]
        self._file = open(plan.capture, "wb")
        self._file.write(struct.pack("=IHHiIII", _PCAP_NANOSECONDS, 2, 4, 0, 0, 65535, _ETHERNET))
        self._file.flush()
        self._waiting = []

    def drain(self, until_ns=None):
        """Writes what has come in. Two CPUs may queue frames in another order than they stamped them, so the youngest
        wait for the next turn."""
        until_ns = until_ns or time.time_ns() - 1_000_000
        fresh = itertools.chain.from_iterable(map(receive, self.taps))
        frames = sorted([*self._waiting, *fresh], key=lambda frame: frame.real_ns)
        ripe = bisect.bisect_left(frames, until_ns, key=lambda frame: frame.real_ns)
        self._waiting = frames[ripe:]
        for frame in frames[:ripe]:
            seconds, nanoseconds = divmod(frame.real_ns, 1_000_000_000)
            self._file.write(struct.pack("=IIII", seconds, nanoseconds, len(frame.data), frame.length) + frame.data)
        self._file.flush()

    def close(self):
        self.drain(until_ns=1 << 63)
        self._file.close()
        drops = sum(struct.unpack("=II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1] for tap in self.taps)
        if drops:
            print(f"the capture lost {drops} frames: the machine was too busy", file=sys.stderr)


def spawn(plan):
    """Starts the helper and returns [pid, start time] once it captures; None when there is nothing to keep."""
    if not plan.capture and not plan.key_log:
        return None
    log = open(names.LAB_DIRECTORY / "keeper.log", "ab")
    with log:
        process = subprocess.Popen([sys.executable, "-m", "labkit.keeper"], cwd=ROOT / "scripts",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    with process.stdout:
        if process.stdout.readline() != b"ready\n":
            text = (names.LAB_DIRECTORY / "keeper.log").read_text(encoding="utf-8", errors="replace")
            raise LabError(f"the capture did not start:\n{text.strip()}")
    return [process.pid, netns.start_time(process.pid)]


def main():
    ending = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.append(True))
    plan = state.plan_of(state.read())
    capture = Capture(plan) if plan.capture else None
    selector = selectors.DefaultSelector()
    if capture:
        for tap in capture.taps:
            selector.register(tap, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.close()
    merge_at = 0
    while not ending and names.STATE_FILE.exists():
        if capture:
            selector.select(0.25)
            capture.drain()
        time.sleep(0.02 if capture else 0.25)  # frames wait in the socket; a turn for each would cost a core
        if plan.key_log and time.monotonic() >= merge_at:
            keylog.merge(plan)
            merge_at = time.monotonic() + 0.5
    if capture:
        capture.close()
    if plan.key_log:
        keylog.merge(plan)


if __name__ == "__main__":
    main()
