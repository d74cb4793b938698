# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Runs one program with a deadline; whatever it started ends with it."""
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


def run(command, log, timeout, environment=None):
    """Output goes to the file `log`. An interrupt ends the group and is passed on."""
    begun = time.monotonic()
    timed_out = False
    with open(log, "wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(environment or {})}, start_new_session=True)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            end_group(process)
        except BaseException:
            end_group(process)
            raise
    with open(log, encoding="utf-8", errors="replace") as text:
        return Finished(process.returncode, text.read(), time.monotonic() - begun, timed_out)
