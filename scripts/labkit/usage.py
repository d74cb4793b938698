# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What some processes cost: CPU time from the scheduler's own account, memory that is theirs.

The kernel's work for a frame after it left the sender (softirq) is charged to whoever happens to run; it is in nobody's
figure here.
"""
import os
import pathlib
import time

from . import names, netns


def _cpu_ns(pid):
    """Of all threads that live: nanoseconds, not ticks."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        pass  # gone meanwhile
    return total


def cpu_s(pids):
    """What they have used since they began."""
    return sum(map(_cpu_ns, pids)) / 1e9


def rss_bytes(pids):
    return 1024 * sum(_memory_kib(pid)["VmRSS"] for pid in pids)


def _memory_kib(pid):
    found = {"VmRSS": 0, "HugetlbPages": 0}
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, rest = line.partition(":")
            if key in found:
                found[key] = int(rest.split()[0])
    except OSError:
        pass
    return found


def systole_processes(member):
    """The daemon and its helpers (systole-...), not those that ask it things."""
    return [pid for pid in netns.processes(names.namespace(member)) if netns.command_name(pid).startswith("systole")
            and netns.command_name(pid) != "systolectl"]


def machine_ticks():
    """(busy, all) of all CPUs since boot."""
    first_line = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    fields = [int(word) for word in first_line.split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


class Meter:
    """One window over the processes that `find()` lists when it begins and when it ends."""

    def __init__(self, find):
        self._find = find
        self.start()

    def start(self):
        self._began = time.monotonic()
        self._before = {pid: _cpu_ns(pid) for pid in self._find()}

    def read(self):
        elapsed_s = time.monotonic() - self._began
        pids = self._find()
        # A process that came meanwhile counts from its birth; what one that is gone has used is not known any more.
        by_name = {}
        for pid in pids:
            name = netns.command_name(pid)
            used = _cpu_ns(pid) - self._before.get(pid, 0)
            by_name[name] = round(by_name.get(name, 0) + 100 * used / 1e9 / elapsed_s, 3)
        memory = [_memory_kib(pid) for pid in pids]
        return {"cpu_percent": round(sum(by_name.values()), 2), "cpu_percent_by_process": by_name,
                "rss_mib": round(sum(entry["VmRSS"] for entry in memory) / 1024, 1),
                "hugepages_mib": round(sum(entry["HugetlbPages"] for entry in memory) / 1024, 1),
                "processes": len(pids)}
