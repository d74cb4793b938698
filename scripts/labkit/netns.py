# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Network namespaces: enter one, list the processes that live in one."""
import contextlib
import ctypes
import os
import pathlib

from . import names

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


@contextlib.contextmanager
def inside(namespace):
    """The calling thread is in the namespace meanwhile: its sockets, its /proc/sys/net, its children."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(names.NETNS_DIRECTORY / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)


def existing():
    """The lab's namespaces that are there now."""
    try:
        return sorted(entry for entry in os.listdir(names.NETNS_DIRECTORY) if names.LAB_NAMESPACE.match(entry))
    except FileNotFoundError:
        return []


def processes(namespace):
    """The pids of all processes in the namespace."""
    try:
        wanted = os.stat(names.NETNS_DIRECTORY / namespace)
    except FileNotFoundError:
        return []
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            status = os.stat(f"/proc/{entry}/ns/net")
        except OSError:
            continue  # gone, or a zombie
        if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino) and int(entry) != os.getpid():
            found.append(int(entry))
    return found


def command_name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def start_time(pid):
    """Tells two processes with the same pid apart; None when there is none (or only a zombie)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def set_sysctl(path, value):
    """Of the namespace the calling thread is in."""
    pathlib.Path("/proc/sys/net", path).write_text(f"{value}\n", encoding="ascii")
