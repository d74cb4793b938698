# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The kernel's tables of connections: room for many on this machine, and systole-ct-loader, which fills one and reads it.

How many entries a namespace may have, and how many buckets all of them share, are two numbers of the whole machine. They
are written down in the lab's state before they are raised, so that `down` and the reaper put them back too.
"""
import json
import os
import pathlib
import subprocess

from . import names, netns, state
from .errors import LabError

_MOST = pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_max")
_BUCKETS = pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_buckets")
_SPARE = 20_000  # beside the loaded ones: the lab's traffic, and whatever the machine does


def make_room(count):
    """Raises, never lowers. In the namespace of the machine itself: the only one where the numbers can be written."""
    try:
        before = {"max": int(_MOST.read_text(encoding="ascii")), "buckets": int(_BUCKETS.read_text(encoding="ascii"))}
    except FileNotFoundError:
        raise LabError(f"there is no {_MOST}: the kernel tracks no connections here; try `modprobe nf_conntrack`") from None
    state.update(conntrack=before)
    try:
        if before["max"] < count + _SPARE:
            _MOST.write_text(f"{count + _SPARE}\n", encoding="ascii")
        # The entries of both members lie in the same buckets; on machines of their own each has all of them for itself.
        if before["buckets"] < 2 * count:
            _BUCKETS.write_text(f"{1 << (2 * count - 1).bit_length()}\n", encoding="ascii")
    except OSError as error:
        raise LabError(f"{error.filename} cannot be raised to hold {count} sessions: {error.strerror}; "
                       "is this a container? Raise it outside, or ask for fewer (--count)") from None


def give_back(before):
    for path, value in ((_MOST, before["max"]), (_BUCKETS, before["buckets"])):
        try:
            if int(path.read_text(encoding="ascii")) != value:
                path.write_text(f"{value}\n", encoding="ascii")
        except OSError:
            pass  # what could not be raised need not be lowered


class Table:
    """That of one namespace."""

    def __init__(self, programs, namespace, family=4):
        self._loader, self._namespace, self._family = programs.ct_loader, namespace, family
        with netns.inside(namespace):  # which table the file shows is decided when it is opened
            self._size = os.open("/proc/sys/net/netfilter/nf_conntrack_count", os.O_RDONLY | os.O_CLOEXEC)

    def size(self):
        return int(os.pread(self._size, 32, 0))

    def ask(self, *arguments, timeout_s=120):
        """What the loader answers; its refusal is an error."""
        command = ["ip", "netns", "exec", self._namespace, str(self._loader), *map(str, arguments), "--family",
                   str(self._family)]
        try:
            answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                    timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"systole-ct-loader {' '.join(map(str, arguments))}: no end after {timeout_s} s") from None
        if answer.returncode and not answer.stdout:
            raise LabError(f"systole-ct-loader failed in {self._namespace}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def load(self, count):
        made = self.ask("--count", count, "--nat", timeout_s=120 + count / 5000)
        if made["refused"]:
            raise LabError(f"the kernel refused {made['refused']} of {count} sessions: {made['refusal']}; the table of "
                           f"{self._namespace} is full, or had some of them already")
        return made

    def digest(self, count):
        return self.ask("--dump-digest", "--count", count, "--nat")

    def flush(self):
        self.ask("--flush")

    def close(self):
        os.close(self._size)


def raw_limits(programs, count, family):
    """What ctnetlink can take and tell here, in a namespace where nobody listens."""
    table = Table(programs, names.CLIENT, family)
    try:
        return {"inject_per_s": table.ask("--inject-rate", "--count", count, "--nat")["inject_per_second"],
                "dump_per_s": table.ask("--dump-rate", "--count", count, "--nat")["dump_per_second"]}
    finally:
        table.close()
