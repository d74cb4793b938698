# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What a machine may be busy with while it should beat: none of it has real-time priority, all of it ends with us."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

from . import names, netns, state
from .errors import LabError

_STRESS = {
    "cpu": ("--cpu", "4"),
    "mixed": ("--cpu", "4", "--udp", "4", "--fork", "2", "--vm", "2"),
    "io": ("--io", "4", "--hdd", "1"),
}
LOADS = ("idle", "cpu", "mixed", "io", "iperf")
_PORT = "5201"


def describe(name):
    return {"idle": "nothing", "iperf": "iperf3, TCP from client to server through the primary"}.get(
        name) or f"stress-ng {' '.join(_STRESS[name])}"


class Load:
    def __init__(self, lab, name):
        self._lab, self.name = lab, name
        self._processes, self._scratch, self._flow = [], None, None

    def start(self, seconds):
        """It would end by itself, some time after `seconds`; stop() is how it should end."""
        if self.name in _STRESS:
            self._start_stress(seconds)
        elif self.name == "iperf":
            self._start_iperf(seconds)

    def _start_stress(self, seconds):
        # On a disk: /tmp and /run may be memory, and then --hdd would not be about disks.
        self._scratch = tempfile.mkdtemp(prefix="systole-soak-", dir="/var/tmp")
        state.update(scratch=[self._scratch])
        self._spawn(["stress-ng", *_STRESS[self.name], "--temp-path", self._scratch,
                     "--timeout", str(seconds + 60), "--quiet"])

    def _start_iperf(self, seconds):
        server = self._spawn(["ip", "netns", "exec", names.SERVER, "iperf3", "-s", "-1", "-B", names.SERVER_ADDRESS,
                              "-p", _PORT, "--forceflush"], stdout=subprocess.PIPE)
        while b"listening" not in (line := server.stdout.readline()):
            if not line:
                raise LabError(f"iperf3 did not start in {names.SERVER}: {server.stderr.read().decode().strip()}")
        self._flow = Flow(server.pid)
        self._spawn(["ip", "netns", "exec", names.CLIENT, "iperf3", "-c", names.SERVER_ADDRESS, "-p", _PORT,
                     "-t", str(seconds + 60)])

    def _spawn(self, command, stdout=subprocess.DEVNULL):
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                                       start_new_session=True, cwd=self._scratch or "/")
        except FileNotFoundError as error:
            raise LabError(f"--load {self.name} needs {error.filename}; scripts/setup installs it") from None
        self._processes.append(process)
        self._lab.add_helper([process.pid, netns.start_time(process.pid)])
        return process

    def check(self):
        """A load that is not there would make a soak that proves nothing."""
        for process in self._processes:
            if process.poll() is not None:
                raise LabError(f"--load {self.name} ended by itself with exit code {process.returncode}: "
                               f"{process.stderr.read().decode(errors='replace').strip()[-300:]}")

    def stop(self):
        """Ends its process groups, the newest first. What iperf3 moved, nothing for the others."""
        moved = {"gbit_per_s": self._flow.gbit_per_s()} if self._flow else {}
        for process in reversed(self._processes):
            _signal_group(process, signal.SIGINT if self.name == "iperf" else signal.SIGTERM)
            try:
                process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                pass
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._processes = []
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
        return moved


class Flow:
    """What arrives at a process's eth0, by the kernel's count: a report of iperf3's own may be late on a busy machine."""

    def __init__(self, pid):
        self._path = f"/proc/{pid}/net/dev"
        self._bytes, self._at = self._received(), time.monotonic()

    def _received(self):
        with open(self._path, encoding="ascii") as file:
            return next(int(line.split(":")[1].split()[0]) for line in file if line.strip().startswith("eth0:"))

    def gbit_per_s(self):
        try:
            moved = self._received() - self._bytes
        except OSError:  # it has ended
            return None
        return round(8 * moved / (time.monotonic() - self._at) / 1e9, 3)


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
