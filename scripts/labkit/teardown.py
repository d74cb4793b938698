# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Takes everything away that a lab may have made, from what it wrote down and from what is there."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

from . import conntrack, hugepages, keylog, members, names, netns, state
from .peers import program
from .plan import Plan

# EAL keeps its telemetry socket here, in a directory named by systoled's --file-prefix, also after SIGKILL.
_DPDK_RUN = pathlib.Path("/var/run/dpdk")


def remove_everything():
    """Never raises for what is gone already. Returns short descriptions of what was removed."""
    removed = []
    known = state.read_or_none() or {}
    namespaces = netns.existing()
    instances = _instances(known, namespaces)
    ended = _end_processes(namespaces)
    for pid, started in known.get("helpers", []):
        _end_helper(pid, started)
    if known.get("plan", {}).get("key_log"):
        keylog.merge(Plan(**known["plan"]))
    if namespaces:
        subprocess.run(["ip", "-force", "-batch", "-"], input="".join(f"netns del {name}\n" for name in namespaces),
                       text=True, capture_output=True, check=False)
        removed.append(f"{len(namespaces)} namespaces")
    for instance in instances:
        for root in (names.RUN_ROOT, names.STATE_ROOT):
            shutil.rmtree(root / instance, ignore_errors=True)
        shutil.rmtree(_DPDK_RUN / f"systole-{instance}", ignore_errors=True)
    if instances:
        removed.append(f"instances {' '.join(instances)}")
    shutil.rmtree(names.LAB_DIRECTORY, ignore_errors=True)
    program.remove()
    for directory in known.get("scratch", []):
        shutil.rmtree(directory, ignore_errors=True)
    if known.get("conntrack"):
        conntrack.give_back(known["conntrack"])
    if known.get("hugepages"):
        hugepages.give_back(known["hugepages"])
        removed.append(f"{known['hugepages']} hugepages")
    for leftover in (names.STATE_FILE.with_suffix(".new"), names.STATE_FILE):
        leftover.unlink(missing_ok=True)
    for directory in (names.RUN_ROOT, names.STATE_ROOT, _DPDK_RUN):
        try:
            directory.rmdir()
        except OSError:
            pass  # in use by others, or not there
    _wait_until_gone(ended)
    return removed


def _instances(known, namespaces):
    count = known.get("plan", {}).get("members", 0)
    found = set(names.member_names(count)) | {name[4:] for name in namespaces if name[4:5] == "m"}
    return sorted(found, key=lambda name: int(name[1:]))


def _end_helper(pid, started):
    if netns.start_time(pid) != started:
        return
    members.signal_all([pid], signal.SIGTERM)
    deadline = time.monotonic() + 3
    while netns.start_time(pid) == started:
        if time.monotonic() > deadline:
            members.signal_all([pid], signal.SIGKILL)
            return
        time.sleep(0.01)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def _end_processes(namespaces):
    """Politely first, so that a daemon can put the kernel's settings back; then not. Returns the pids."""
    ended = set()
    for number, patience_s in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + patience_s
        asked = set()
        while pids := {pid for namespace in namespaces for pid in netns.processes(namespace)}:
            members.signal_all(pids - asked, number)
            members.signal_all(pids - asked, signal.SIGCONT)
            asked |= pids
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        ended |= asked
    return ended


def _wait_until_gone(pids):
    """The dead too: init collects the orphans of an earlier scripts/lab, some inits only every other second."""
    deadline = time.monotonic() + 3
    for pid in pids:
        while pathlib.Path("/proc", str(pid)).exists() and time.monotonic() < deadline:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            time.sleep(0.01)
