# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The members' own accounts: one `systolectl -j events --follow` per member, all in one list."""
import json
import subprocess
import threading
import time

from . import names


class EventLog:
    """What has been heard, in order of arrival; `mono_ns` in each event is the member's own CLOCK_MONOTONIC."""

    def __init__(self, on_event=None):
        self._changed = threading.Condition()
        self._events, self._seen, self._on_event = [], set(), on_event

    def add(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict) or "mono_ns" not in event:
            return
        with self._changed:
            key = json.dumps(event, sort_keys=True)
            if key in self._seen:
                return  # a new stream begins with what the old one told already
            self._seen.add(key)
            event["who"] = names.member_of_serial(event.get("member"))
            self._events.append(event)
            self._changed.notify_all()
        if self._on_event:
            self._on_event(event)

    def find(self, wanted, since_ns=0):
        with self._changed:
            return self._find(wanted, since_ns)

    def _find(self, wanted, since_ns):
        found = (event for event in self._events if event["mono_ns"] >= since_ns and wanted(event))
        return sorted(found, key=lambda event: event["mono_ns"])

    def wait_for(self, wanted, since_ns, timeout_s):
        """The earliest such event, or None when the time is over."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = self._find(wanted, since_ns)
                if found:
                    return found[0]
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)


def became_primary(event):
    return event["event"] == "role" and event.get("to") == "primary" and event.get("vcluster", 1) == 1


class EventStream:
    """Follows one member for as long as the lab lasts, also over its restarts."""

    def __init__(self, programs, member, log):
        self._command = [str(programs.ctl), "-n", member, "-j", "events", "--follow"]
        self._socket = names.RUN_ROOT / member / "control.sock"
        self._log, self._ending, self._process = log, threading.Event(), None
        self.connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"events of {member}", daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.is_set():
            if self._socket.exists():
                self._follow()
                self.connected.clear()
            self._ending.wait(0.05)

    def _follow(self):
        with subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
            self._process = process
            for line in process.stdout:
                self.connected.set()
                self._log.add(line)

    def close(self):
        self._ending.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
        self._thread.join(2)
