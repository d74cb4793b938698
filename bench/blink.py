# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Runs a benchmark program for a blink, so that it cannot rot: blink.py PROGRAM [OPTION...]. The figures say nothing.

Fails if the program does, if a benchmark reports an error, or if the filter matches none.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as scratch:
    path = os.path.join(scratch, "figures.json")
    command = [os.path.abspath(sys.argv[1]), *sys.argv[2:]]
    run = subprocess.run(
        [*command, "--benchmark_min_time=0.001", f"--benchmark_out={path}", "--benchmark_out_format=json"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False)
    if run.returncode != 0:  # what happened stands above what it printed, which is long
        what = signal.Signals(-run.returncode).name if run.returncode < 0 else f"exit code {run.returncode}"
        sys.exit(f"{command[0]}: {what}\n{run.stdout}")
    with open(path, encoding="utf-8") as file:
        report = file.read()  # empty if the filter matches nothing
benchmarks = json.loads(report)["benchmarks"] if report else []
errors = [f"{entry['name']}: {entry['error_message']}" for entry in benchmarks if entry.get("error_occurred")]
if not benchmarks:
    errors.append("no benchmark ran")
elif (named := json.loads(report)["context"]["executable"]) != command[0]:
    errors.append(f"the report names {named!r} as the program")
if errors:
    sys.exit("\n".join([*errors, run.stdout]))
