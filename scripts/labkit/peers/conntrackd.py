# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""conntrackd, mode FTFW (its reliable one) over UDP: two caches, one of its own sessions and one of the other's, which an
operator's script commits to the kernel at a takeover. Only `sessions` runs it: it beats no heart and moves no address."""
import re
import subprocess
import time

from ..errors import LabError
from .program import Program


class Conntrackd(Program):
    title, package, commands = "conntrackd FTFW", "conntrackd", ("conntrackd",)

    def __init__(self, index, sessions):
        super().__init__("conntrackd", index)
        self._sessions = sessions

    def launches(self, member):
        # In the foreground: the lab then knows its process.
        return [("conntrackd", ["conntrackd", "-C", self.render(member, "conntrackd")])]

    def settings(self, member):
        # Its hash never grows: a size for as many as will come, and a limit that does not bite.
        return {"hash_size": max(32768, 1 << (self._sessions // 4).bit_length()),
                "hash_limit": max(524288, 4 * self._sessions)}

    def log_files(self, member):
        return [self.directory(member) / "conntrackd.log"]

    def is_change(self, line):
        return False

    def tell(self, member, option, timeout_s=60):
        """`conntrackd -n` and the like: its answer."""
        command = ["conntrackd", "-C", str(self.directory(member) / "conntrackd.conf"), option]
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                timeout=timeout_s)
        if answer.returncode:
            raise LabError(f"{' '.join(command)}: {(answer.stderr or answer.stdout).strip()}\n{self.tail(member)}")
        return answer.stdout

    def wait_until_answering(self, member):
        deadline = time.monotonic() + 10
        while not (self.directory(member) / "conntrackd.ctl").exists():
            if time.monotonic() > deadline:
                raise LabError(f"{self.title} of {member} does not come up within 10 s\n{self.tail(member)}")
            time.sleep(0.02)
        self.tell(member, "-s")

    def cached(self, member, which):
        """How many sessions its cache holds: "internal" its own, "external" the other's."""
        found = re.search(rf"cache {which}:\s*current active connections:\s*(\d+)", self.tell(member, "-s"))
        return int(found[1]) if found else 0
