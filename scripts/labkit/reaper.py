# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Removes the lab when the scripts/lab that owns it dies without having done so (python3 -m labkit.reaper).

It waits on a pipe: "done" lets it go, the end of the pipe without it means that its owner was killed.
"""
import signal
import subprocess
import sys

from . import teardown
from .programs import ROOT


class Reaper:
    def __init__(self):
        self._process = subprocess.Popen([sys.executable, "-m", "labkit.reaper"], cwd=ROOT / "scripts",
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)

    def dismiss(self):
        try:
            self._process.stdin.write(b"done")
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.wait(5)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    if sys.stdin.buffer.read() != b"done":
        teardown.remove_everything()
