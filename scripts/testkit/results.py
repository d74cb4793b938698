# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Counts tests and says each one's outcome on a line; a failure shows the end of its log."""
import sys

TAIL_LINES = 40
WORDS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}


class Tally:
    def __init__(self):
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []

    def add(self, name, outcome, seconds, log=""):
        self.counts[outcome] += 1
        print(f"{WORDS[outcome]:8}{seconds:8.2f} s  {name}")
        if outcome == "failed":
            self.failures.append(name)
            for line in log.rstrip().splitlines()[-TAIL_LINES:]:
                print("    | " + line)
        elif outcome == "skipped" and log.strip():
            print("    | " + log.strip().splitlines()[-1])
        sys.stdout.flush()

    def finish(self):
        """The last line; true if nothing failed."""
        if self.failures:
            print("failed:", *(f"\n    {name}" for name in self.failures))
        passed, failed, skipped = (self.counts[key] for key in ("passed", "failed", "skipped"))
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        return failed == 0
