# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Runs programs, one with a deadline or one beside others; whatever they started ends with them."""
import os
import signal
import subprocess
import time


class Finished:
    def __init__(self, code, output, seconds, timed_out):
        self.code = code  # exit code; negative: the signal
        self.output = output
        self.seconds = seconds
        self.timed_out = timed_out


def end_group(process):
    """The process and its children: asked first, then not asked."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


class Running:
    """A program that was started. Output goes to the file `log`."""

    def __init__(self, command, log, environment=None):
        self._log = log
        self._begun = time.monotonic()
        with open(log, "wb") as sink:
            self._process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                             env={**os.environ, **(environment or {})}, start_new_session=True)

    def finish(self, timeout):
        """Waits for its end. An interrupt ends the group and is passed on."""
        timed_out = False
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            end_group(self._process)
        except BaseException:
            end_group(self._process)
            raise
        with open(self._log, encoding="utf-8", errors="replace") as text:
            return Finished(self._process.returncode, text.read(), time.monotonic() - self._begun, timed_out)

    def end(self):
        if self._process.poll() is None:
            end_group(self._process)


def run(command, log, timeout, environment=None):
    return Running(command, log, environment).finish(timeout)
