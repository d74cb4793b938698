# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""2 MiB hugepages for the members, reserved when the machine has none and given back afterwards."""
import pathlib

_COUNT = pathlib.Path("/proc/sys/vm/nr_hugepages")
_PAGES_PER_MEMBER, _LEAST_PAGES = 40, 128
_PAGE_KIB = 2048


def _read():
    try:
        return int(_COUNT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _available_kib():
    for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    return 0


def reserve(members):
    """How many pages were added. 0 is no error: systoled works without hugepages too."""
    before = _read()
    wanted = max(_LEAST_PAGES, members * _PAGES_PER_MEMBER)
    if before != 0 or _available_kib() < 4 * wanted * _PAGE_KIB:
        return 0
    try:
        _COUNT.write_text(f"{wanted}\n", encoding="ascii")
    except OSError:
        return 0
    return (_read() or 0) - before


def give_back(added):
    now = _read()
    if added and now is not None:
        _COUNT.write_text(f"{max(0, now - added)}\n", encoding="ascii")
