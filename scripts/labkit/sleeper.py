# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A program like any other (python3 -m labkit.sleeper): it wants to wake every 10 ms and has no priority.

How long it had to wait at worst tells what the machine as a whole was like. When that is seconds, the programs beside
Systole that run without real-time priority could not have beaten in time, whatever they are made of; and if it is so
with Systole and not without it, Systole is what took the CPU.
"""
import signal
import subprocess
import sys
import time

from . import netns
from .programs import ROOT

_INTERVAL_S = 0.01


class Sleeper:
    def __init__(self, lab):
        self._process = subprocess.Popen([sys.executable, "-m", "labkit.sleeper"], cwd=ROOT / "scripts",
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        lab.add_helper([self._process.pid, netns.start_time(self._process.pid)])

    def stop(self):
        """The longest time between two wake-ups, in ms."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate()
        return float(output or "nan")


def main():
    worst_s, last = 0.0, time.monotonic()

    def tell(*_):
        print(round(1000 * max(worst_s, time.monotonic() - last), 3))
        sys.exit(0)

    signal.signal(signal.SIGTERM, tell)
    while True:
        time.sleep(_INTERVAL_S)
        now = time.monotonic()
        worst_s, last = max(worst_s, now - last), now


if __name__ == "__main__":
    main()
