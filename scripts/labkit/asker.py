# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A member's control socket, spoken directly: a process for each question would cost more than what is to be timed."""
import json
import socket

from . import names


class Asker:
    def __init__(self, member):
        self._path, self._connection, self._answers = str(names.RUN_ROOT / member / "control.sock"), None, None

    def ask(self, *words):
        """The answer, None while the member gives none."""
        try:
            if self._connection is None:
                self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._connection.settimeout(2)
                self._connection.connect(self._path)
                self._answers = self._connection.makefile("rb")
            self._connection.sendall(" ".join(words).encode() + b"\n")
            line = self._answers.readline()
            if line:
                return json.loads(line)
        except (OSError, ValueError):
            pass
        self.close()
        return None

    def sessions(self):
        """`session_pickup` of its status; {} while it is silent, or when it is too old to have one."""
        return (self.ask("get", "system", "ha", "status") or {}).get("session_pickup", {})

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None
