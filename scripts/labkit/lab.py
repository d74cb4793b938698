# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A lab from its first namespace to its last process."""
import os
import secrets
import signal

from . import fabric, hugepages, keeper, keylog, members, names, netns, state, teardown, witness
from .errors import LabError
from .reaper import Reaper


class Lab:
    """Built by build(); removed by remove() or, should this process die first, by the reaper; keep() lets it live."""

    def __init__(self, plan, programs, made_by):
        self.plan, self.programs, self._made_by = plan, programs, made_by
        self._daemons, self._reaper, self._helpers = {}, None, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def build(self):
        left = netns.existing()
        if left and state.read_or_none() is None:
            raise LabError(f"namespaces of an earlier lab are still there ({' '.join(left)}); "
                           "`scripts/lab down` removes them")
        state.create({"made_by": self._made_by, "plan": vars(self.plan), "helpers": [], "hugepages": 0})
        self._reaper = Reaper()
        state.update(hugepages=hugepages.reserve(self.plan.members))
        for directory in (names.RUN_ROOT, names.STATE_ROOT):
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        names.LAB_DIRECTORY.mkdir(mode=0o700, exist_ok=True)
        fabric.build(self.plan)
        members.prepare(self.plan, self.programs, password=secrets.token_hex(16))
        if self.plan.key_log:
            keylog.clear(self.plan)
        self.add_helper(keeper.spawn(self.plan))
        if self.plan.witness:
            self.add_helper(witness.start())

    def add_helper(self, helper):
        """A process outside the members that goes with the lab: [pid, start time]."""
        if helper:
            self._helpers.append(helper)
            state.update(helpers=self._helpers)

    def start_members(self):
        for member in self.plan.names():
            self._daemons[member] = members.launch(self.plan, self.programs, member)

    def kill_daemon(self, member):
        """SIGKILL, and gone when this returns."""
        members.signal_all([members.daemon_pid(member)], signal.SIGKILL)
        self._daemons[member].wait(10)

    def revive(self, member):
        fresh = members.revive(self.plan, self.programs, member)
        if fresh:
            self._daemons[member].wait()
            self._daemons[member] = fresh

    def check_daemons(self):
        """A daemon that ended by itself will not come; better to say so than to wait for it."""
        for member, process in self._daemons.items():
            code = process.poll()
            if code is not None and code != -signal.SIGKILL:
                raise LabError(f"{member}'s {names.DAEMON} ended with exit code {code}\n{members.logs(self.plan)}")

    def wait_for_answers(self):
        for member, process in self._daemons.items():
            members.wait_for_answer(self.plan, self.programs, member, process)

    def wait_until_whole(self, timeout_s):
        return members.wait_until_whole(self.plan, self.programs, timeout_s, self.check_daemons)

    def first_election_timeout_s(self):
        interval_ms, lost = self.plan.timing_ms()
        return 20 + self.plan.hello_seconds() + 10 * interval_ms * lost / 1000 + self.plan.members

    def keep(self):
        self._reaper.dismiss()
        self._reaper = None

    def remove(self):
        """Also when half built; nothing here was made without the state file saying so first."""
        if self._reaper is None:
            return
        previous = {number: signal.signal(number, signal.SIG_IGN)
                    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            teardown.remove_everything()
            self._reaper.dismiss()
            self._reaper = None
            for process in self._daemons.values():
                process.wait(5)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def require_root():
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and needs root; try `sudo scripts/lab`")
