# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""One program beside Systole, on two members: its files, its processes, what its frames and its log say.

Everything it writes lies below /run/systole/lab-peers. It runs in a mount namespace of its own (made by `ip netns
exec`) with two traps out of the way: /dev/console, where syslog(LOG_CONS) without a syslogd costs 1.3 ms of kernel time
a line, and /var/tmp, where FRR leaves a directory for every process that was killed.
"""
import os
import pathlib
import shutil
import signal
import string
import subprocess
import time

from .. import members, names, netns
from ..errors import LabError
from ..programs import ROOT

DIRECTORY = names.RUN_ROOT / "lab-peers"  # readable for others: FRR gives up root
TEMPLATES = ROOT / "bench" / "peers"
_MARK = "SYSTOLE_LAB_PEER"
_PREPARE = ("[ ! -e /dev/console ] || mount --bind /dev/null /dev/console; mount -t tmpfs none /var/tmp; "
            'cd "$0" && exec "$@"')


class Program:
    """A subclass says which commands, which frames are heartbeats, and which lines of the log are changes."""

    title = ""      # for people
    package = ""    # of Debian
    commands = ()   # that must be there
    dead_ms = 30.0  # configured detection time
    has_master = False  # one side alone sends
    longest_gap_ms = float("inf")  # a longer silence is no gap between heartbeats but another state

    def __init__(self, name, index):
        self.name, self.link, self._index = name, f"peer{index}", index
        self._processes = {}

    def check_installed(self):
        for command in self.commands:
            if not shutil.which(command):
                raise LabError(f"--peers {self.name}: there is no {command}; scripts/setup installs {self.package}, or "
                               f"leave {self.name} out")

    def address(self, member):
        return f"10.99.{self._index}.{int(member[1:])}"

    def directory(self, member):
        return DIRECTORY / member / self.name

    def launches(self, member):
        """[(name of the output file, command)], in order."""
        raise NotImplementedError

    def settings(self, member):
        """More for the templates."""
        del member
        return {}

    def start(self, member):
        directory = self.directory(member)
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.own(directory)
        launches = self.launches(member)
        self._processes[member] = [self._launch(member, output, command) for output, command in launches]

    def own(self, directory):
        """A program that gives up root needs the directory to be its user's."""

    def _launch(self, member, output, command):
        shell = ["ip", "netns", "exec", names.namespace(member), "sh", "-c", _PREPARE, str(self.directory(member))]
        with open(self.directory(member) / f"{output}.out", "ab") as log:
            return subprocess.Popen([*shell, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env={**os.environ, _MARK: self.name}, start_new_session=True)

    def render(self, member, template):
        """Writes one configuration and returns its path."""
        other = "m2" if member == "m1" else "m1"
        text = string.Template((TEMPLATES / f"{template}.conf.in").read_text(encoding="utf-8")).substitute(
            member=member, directory=self.directory(member), link=self.link, own_address=self.address(member),
            peer_address=self.address(other), **self.settings(member))
        path = self.directory(member) / f"{template}.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def restart(self, member):
        self.stop(member)
        self.start(member)

    def stop(self, member):
        """Politely, as an administrator would; then not. Also after somebody else has killed it."""
        deadline = time.monotonic() + 3
        members.signal_all(self.processes(member), signal.SIGTERM)
        while self.processes(member):
            if time.monotonic() > deadline:
                members.signal_all(self.processes(member), signal.SIGKILL)
            time.sleep(0.01)
        for process in self._processes.pop(member, []):
            process.wait()
        # A killed program leaves pid files and sockets that may keep the next one from starting.
        for left in self.directory(member).iterdir():
            if left.suffix not in (".out", ".log"):
                left.unlink()

    def processes(self, member):
        """By a mark that children inherit: several programs share the namespace, and names may be alike."""
        mark = f"{_MARK}={self.name}".encode()
        return [pid for pid in netns.processes(names.namespace(member)) if mark in _environment(pid)]

    def log_files(self, member):
        raise NotImplementedError

    def log_size(self, member):
        return {path: path.stat().st_size for path in self.log_files(member) if path.exists()}

    def changes(self, member, since):
        """The lines of its own log, written after log_size() gave `since`, that say it gave its peer up."""
        lines = []
        for path in self.log_files(member):
            if path.exists():
                with open(path, encoding="utf-8", errors="replace") as file:
                    file.seek(since.get(path, 0))
                    lines += [line.strip() for line in file if self.is_change(line)]
        return lines

    def is_change(self, line):
        raise NotImplementedError

    def is_beat(self, frame):
        """Of a frame (Ethernet) on its cable."""
        raise NotImplementedError

    def says_lost(self, frame):
        """Whether the frame is one that its sender sends only when it has given the other one up."""
        raise NotImplementedError

    def is_ready(self, last):
        """`last`: member -> its newest heartbeat frame, or None when there was none lately."""
        raise NotImplementedError

    def tail(self, member, lines=8):
        text = [f"--- {self.name} of {member}"]
        for path in sorted(self.directory(member).glob("*.[ol][uo][tg]")):
            text += path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return "\n".join(text)


def _environment(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def remove():
    """The files of every program on every member."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
