# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What scripts/test runs, in order: from the quickest answer to the slowest."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from meson import Build
from processes import run
from results import Tally

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB_TIMEOUT_S = 150
SIM_SEEDS = "1-2000"
SIM_TIMEOUT_S = 240  # all of it, on two busy cores
MODEL_TIMEOUT_S = 900  # about a minute on two idle cores
FUZZ_MINUTES = 0.2  # for all targets; what fits into one run of CI
SANITIZED = {"unit", "crypto", "scenario", "dataplane", "sim"}
# Suite of tests whose sources take longest to compile with sanitizers and see no bytes from the wire.
UNSANITIZED = "unsanitized"
NEEDS_BUILD = {"purity", "unit", "scenario", "sim", "dataplane", "bench", "lab"}


def program(tally, scratch, name, command, timeout):
    """One program is one test; exit code 77 means skipped, and its last line says why."""
    done = run(command, os.path.join(scratch, name.replace("/", "-") + ".log"), timeout)
    if done.timed_out:
        tally.add(name, "failed", done.seconds, done.output + f"\nstopped after {timeout} s")
    else:
        tally.add(name, {0: "passed", 77: "skipped"}.get(done.code, "failed"), done.seconds, done.output)
    return done


class Suites:
    def __init__(self, tally, scratch, wanted):
        self.wanted = wanted
        self.tally = tally
        self.scratch = scratch
        self.build = Build(ROOT / "build", scratch, patience=2)
        self.sanitized = Build(ROOT / "build-asan", scratch, prefix="asan: ", patience=6,
                               options=["-Doptimization=0", "-Db_sanitize=address,undefined",
                                        "-Db_lundef=false", "-Dbenchmarks=disabled"],
                               environment={"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                                            "ASAN_OPTIONS": "detect_stack_use_after_return=0"})
        self.lab_used = False

    def lint(self):
        program(self.tally, self.scratch, "lint", ["scripts/lint"], 600)

    def purity(self):
        check = "scripts/check-core-purity"
        program(self.tally, self.scratch, "the core is pure, as built", [check, str(self.build.directory)], 300)
        program(self.tally, self.scratch, "the purity check finds each break", [check, "--self-test"], 600)

    def unit(self):
        self.build.test(self.tally, ["unit", "crypto"])

    def scenario(self):
        self.build.test(self.tally, ["scenario"])

    def sim(self):
        self.build.test(self.tally, ["sim"])
        simulator = self.build.directory / "tests" / "sim" / "systole-sim"
        done = program(self.tally, self.scratch, f"sim: seeds {SIM_SEEDS}, 120 s each, two to four members",
                       [str(simulator), "--seeds", SIM_SEEDS], SIM_TIMEOUT_S)
        if done.code == 0:
            for line in done.output.splitlines()[1:-1]:
                print("    | " + line)

    def model(self):
        done = program(self.tally, self.scratch, "model: election, flip timer and isolation of three members",
                       ["tests/model/check"], MODEL_TIMEOUT_S)
        if done.code == 0:
            for line in done.output.splitlines():
                print("    | " + line)

    def dataplane(self):
        # Real time: one at a time, so that they do not take each other's cores.
        self.build.test(self.tally, ["dataplane"], processes=1)

    def bench(self):
        """Each benchmark for a blink, so that none rots; figures come from bench/README.md's commands."""
        self.build.test(self.tally, ["bench"], processes=1)

    def fuzz(self):
        """The kept inputs of every target, and seconds of new ones."""
        work = ROOT / "build-fuzz" / "test"
        shutil.rmtree(work, ignore_errors=True)
        build = run(["scripts/fuzz", "--only-build"], os.path.join(self.scratch, "fuzz-build.log"), 1800)
        if build.code != 0:
            self.tally.add("fuzz: build", "failed", build.seconds, build.output)
            return
        program(self.tally, self.scratch, "fuzz: what was kept and a few seconds more, every target",
                ["scripts/fuzz", str(FUZZ_MINUTES), "--work", str(work)], 120)

    def asan(self):
        """Everything that needs no root once more, with AddressSanitizer and UndefinedBehaviorSanitizer."""
        build = self.sanitized
        build.end_beside()
        if not build.configure(self.tally) or not build.compile(self.tally, sanitized_targets(build.directory)):
            return
        # The random runs of many members are the simulator's business below; here they would take minutes.
        build.test(self.tally, ["unit", "crypto", "scenario"], without=[UNSANITIZED],
                   environment={"GTEST_FILTER": "-Seed/ManyMembers.*:Seed/WhatIfComesTrue.*:*H13AKe1*:*H14*:*K10AWrongPassword*:*Q7_a_roll_over*:*Q4_a_blocked*:*H16_members_form*"})
        # The DPDK libraries keep what they allocate until the process ends.
        build.test(self.tally, ["dataplane"], without=["root"], processes=1, environment={"ASAN_OPTIONS": "detect_leaks=0"})
        for simulator, seeds in (("sim", "1-12"), ("sync_sim", "1-12")):
            path = build.directory / "tests" / simulator / f"systole-{simulator.replace('_', '-')}"
            program(self.tally, self.scratch, f"asan: {simulator}: seeds {seeds}", [str(path), "--seeds", seeds], 900)

    def lab(self):
        """Namespaces and real traffic, one test after the other. Most of the time they wait, and asan() needs its programs."""
        tests = sorted(path for path in (ROOT / "tests" / "lab").glob("*_test.sh"))
        if os.geteuid() != 0:
            for path in tests:
                self.tally.add(f"lab: {path.stem}", "skipped", 0, "needs root for network namespaces")
            return
        if os.path.exists("/run/systole/lab.json"):
            self.tally.add("lab", "failed", 0, "a lab is running; end it with scripts/lab down, these tests need its names")
            return
        self.lab_used = True
        if "asan" in self.wanted and self.sanitized.configure(self.tally):
            self.sanitized.compile_beside(sanitized_targets(self.sanitized.directory))
        self.build.test(self.tally, ["lab"], processes=1)
        for path in tests:
            program(self.tally, self.scratch, f"lab: {path.stem}", [str(path)], LAB_TIMEOUT_S)

    def clean_up(self):
        self.sanitized.end_beside()
        if self.lab_used:
            subprocess.run(["scripts/lab", "down"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def sanitized_targets(directory):
    """Of the tests that asan() runs, and nothing else: the daemon would double the time."""
    introspect = ["meson", "introspect", str(directory)]
    tests = json.loads(subprocess.check_output(introspect + ["--tests"]))
    names = {target["id"]: target["name"] for target in json.loads(subprocess.check_output(introspect + ["--targets"]))}
    wanted = set()
    for test in tests:
        suites = {suite.split(":")[-1] for suite in test["suite"]}
        if suites & SANITIZED and not suites & {"root", UNSANITIZED}:
            wanted.update(names[target] for target in test["depends"] if target in names)
    return sorted(wanted)


ORDER = ["lint", "purity", "unit", "scenario", "dataplane", "bench", "sim", "model", "fuzz", "lab", "asan"]


def main():
    parser = argparse.ArgumentParser(prog="scripts/test", description="Every test in one command.")
    parser.add_argument("--fast", action="store_true", help="without the sanitizer builds and the lab")
    parser.add_argument("--suite", action="append", choices=ORDER, help="only this one; may be repeated")
    parser.add_argument("--list", action="store_true", help="names what would run")
    arguments = parser.parse_args()
    wanted = [name for name in ORDER if name in (arguments.suite or ORDER)]
    if arguments.fast:
        wanted = [name for name in wanted if name not in ("asan", "fuzz", "lab")]
    if arguments.list:
        print(*wanted, sep="\n")
        return 0

    os.chdir(ROOT)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    tally = Tally()
    scratch = tempfile.mkdtemp(prefix="systole-test-")
    suites = Suites(tally, scratch, wanted)
    try:
        built = not NEEDS_BUILD & set(wanted) or (suites.build.configure(tally) and suites.build.compile(tally))
        for name in wanted:
            if built or name not in NEEDS_BUILD:
                print(f"== {name}", flush=True)
                getattr(suites, name)()
    except KeyboardInterrupt:
        tally.add("interrupted", "failed", 0)
    finally:
        suites.clean_up()
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if tally.finish() else 1


sys.exit(main())
