# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Builds, and runs the tests that meson knows. Every case of a Google Test program counts as a test of its own."""
import json
import os
import pathlib
import tempfile
import xml.etree.ElementTree

from processes import Running, run

OUTCOMES = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}  # everything else has failed


class Build:
    def __init__(self, directory, scratch, options=(), environment=None, prefix="", patience=1):
        self.directory = pathlib.Path(directory)
        self.scratch = pathlib.Path(scratch)
        self.options = list(options)
        self.environment = environment or {}
        self.prefix = prefix  # of the names of its tests
        self.patience = patience  # times the timeouts that the tests ask for
        self._beside = None

    def _log(self):
        return tempfile.mkstemp(dir=self.scratch, suffix=".log")[1]

    def configure(self, tally):
        # The tests are an `auto` feature, so that a production build needs no test library: here they must be there.
        options = ["-Dtests=enabled", *self.options]
        if (self.directory / "build.ninja").exists():
            return self._step(tally, "configure", ["meson", "configure", str(self.directory), *options], 300)
        return self._step(tally, "configure", ["meson", "setup", str(self.directory), *options], 300)

    def compile(self, tally, targets=()):
        return self._step(tally, "build", self._compile(targets), 3000)

    def compile_beside(self, targets):
        """Begins to compile, with what CPU nobody else wants."""
        self._beside = Running(["chrt", "--idle", "0", *self._compile(targets)], self._log(), self.environment)

    def end_beside(self):
        """compile() goes on where it was. It waits for nothing now, and so may have both CPUs."""
        if self._beside is not None:
            self._beside.end()
            self._beside = None

    def _compile(self, targets):
        return ["meson", "compile", "-C", str(self.directory), *targets]

    def _step(self, tally, name, command, timeout):
        done = run(command, self._log(), timeout, self.environment)
        if done.code == 0:
            print(f"        {done.seconds:8.2f} s  {self.prefix}{name}", flush=True)
            return True
        tally.add(f"{self.prefix}{name} ({' '.join(command)})", "failed", done.seconds, done.output)
        return False

    def test(self, tally, suites, without=(), processes=None, environment=None):
        """Runs the tests of these suites that are in none of `without`."""
        reports = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        label = "-".join(suites)
        command = ["meson", "test", "-C", str(self.directory), "--logbase", f"testlog-{label}",
                   "--timeout-multiplier", str(self.patience), "--num-processes", str(processes or os.cpu_count() or 1)]
        for suite in suites:
            command += ["--suite", suite]
        for suite in without:
            command += ["--no-suite", suite]
        done = run(command, self._log(), 3600,
                   {**self.environment, **(environment or {}), "GTEST_OUTPUT": f"xml:{reports}/", "GTEST_COLOR": "no"})
        journal = self.directory / "meson-logs" / f"testlog-{label}.json"
        if not journal.exists():
            tally.add(f"{self.prefix}{label}", "failed", done.seconds, done.output)
            return
        failed_before = tally.counts["failed"]
        for line in journal.read_text(encoding="utf-8").splitlines():
            self._count(tally, json.loads(line), reports)
        journal.unlink()
        # A run that was cut short has a journal too, of what came before.
        if done.timed_out or (done.code != 0 and tally.counts["failed"] == failed_before):
            tally.add(f"{self.prefix}{label}: the run itself", "failed", done.seconds, done.output)

    def _count(self, tally, entry, reports):
        name = self.prefix + entry["name"].split(" / ")[-1]
        outcome = OUTCOMES.get(entry["result"], "failed")
        log = (entry.get("stdout") or "") + (entry.get("stderr") or "")
        program = pathlib.Path(entry["command"][0]).name
        found = sorted(reports.glob(f"{program}.xml")) + sorted(reports.glob(f"{program}_[0-9]*.xml"))
        cases = list(_cases(found[0])) if found else []
        if not cases or (outcome == "failed" and not any(case[1] == "failed" for case in cases)):
            tally.add(name, outcome, entry["duration"], log or f"{entry['result']}, exit code {entry['returncode']}")
        for case, case_outcome, seconds, message in cases:
            tally.add(f"{name}: {case}", case_outcome, seconds, message)
        if found:
            found[0].unlink()


def _cases(report):
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.get("status") == "notrun":  # disabled or filtered out
            continue
        failures = case.findall("failure")
        skipped = case.find("skipped")
        if failures:
            yield name, "failed", float(case.get("time")), "\n".join(failure.get("message") or "" for failure in failures)
        elif skipped is not None:
            yield name, "skipped", float(case.get("time")), skipped.get("message") or ""
        else:
            yield name, "passed", float(case.get("time")), ""
