# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What can go wrong in a way that the user can act on."""


class LabError(Exception):
    """An error of the user or of the machine: the message says what it is and how to cure it."""


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived; everything is to be removed."""

    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.number = number
