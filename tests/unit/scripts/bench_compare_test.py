# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""scripts/bench-compare over small files. The path of the script is the first argument."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


def single(name, cpu, unit="ns", real=None, **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "cpu_time": cpu,
            "real_time": cpu if real is None else real, "time_unit": unit, **more}


def median(name, cpu):
    return {**single(name, cpu), "name": f"{name}_median", "run_type": "aggregate", "aggregate_name": "median"}


class BenchCompare(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def file(self, name, benchmarks, **context):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"context": context, "benchmarks": benchmarks}, file)
        return path

    def run_script(self, *arguments):
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)

    def compare(self, old, new, *options):
        return self.run_script(self.file("old.json", old), self.file("new.json", new), *options)

    def line(self, done, name):
        return next(line for line in done.stdout.splitlines() if line.startswith(name + " "))

    def test_within_the_threshold_is_noise(self):
        done = self.compare([single("seal", 100)], [single("seal", 109)])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.line(done, "seal").split(), ["seal", "100", "ns", "109", "ns", "1.09"])
        self.assertIn("0 of 1 slower", done.stdout)

    def test_beyond_the_threshold_is_slower_and_fails(self):
        done = self.compare([single("seal", 100), single("open", 100)], [single("seal", 111), single("open", 50)])
        self.assertEqual(done.returncode, 1)
        self.assertTrue(self.line(done, "seal").endswith("1.11  slower"))
        self.assertTrue(self.line(done, "open").endswith("0.50  faster"))
        self.assertIn("1 of 2 slower", done.stdout)

    def test_the_threshold_can_be_set(self):
        files = [single("seal", 100)], [single("seal", 111)]
        self.assertEqual(self.compare(*files, "--threshold", "15").returncode, 0)
        self.assertEqual(self.compare(*files, "--threshold", "5").returncode, 1)
        self.assertEqual(self.compare(*files, "--threshold", "-5").returncode, 2)

    def test_medians_count_and_not_the_outliers_beside_them(self):
        old = [single("seal", 100), single("seal", 900), single("seal", 102)]
        new = [single("seal", 700), single("seal", 101), single("seal", 103), median("seal", 103)]
        done = self.compare(old, new)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1.01", self.line(done, "seal"))

    def test_units_are_brought_together(self):
        done = self.compare([single("step", 1500)], [single("step", 1.5, "us")])
        self.assertEqual(done.returncode, 0)
        self.assertIn("1.00", self.line(done, "step"))

    def test_a_benchmark_in_real_time_is_compared_in_real_time(self):
        done = self.compare([single("push/real_time", 1, real=100)], [single("push/real_time", 1, real=200)])
        self.assertEqual(done.returncode, 1)

    def test_what_only_one_file_has_is_named_and_fails_nothing(self):
        done = self.compare([single("a", 1), single("b", 1)], [single("b", 1), single("c", 1)])
        self.assertEqual(done.returncode, 0)
        self.assertIn("only in OLD", self.line(done, "a"))
        self.assertIn("only in NEW", self.line(done, "c"))

    def test_a_failed_benchmark_has_no_figure(self):
        done = self.compare([single("a", 1), single("b", 1)], [single("a", 1), single("b", 0, error_occurred=True)])
        self.assertIn("only in OLD", self.line(done, "b"))

    def test_another_machine_is_warned_of(self):
        old = self.file("old.json", [single("a", 1)], host_name="x")
        new = self.file("new.json", [single("a", 1)], host_name="y")
        self.assertIn("host_name differs (x, y)", self.run_script(old, new).stderr)

    def test_bad_files_are_named_with_the_reason(self):
        good = self.file("good.json", [single("a", 1)])
        torn = os.path.join(self.scratch, "torn.json")
        with open(torn, "w", encoding="utf-8") as file:
            file.write('{"benchmarks": [')
        cases = {
            os.path.join(self.scratch, "missing.json"): "No such file",
            torn: "not JSON",
            self.file("empty.json", []): "holds no figures",
            self.file("strange.json", [{"name": "a"}]): "entry 0",
            self.file("other.json", [single("z", 1)]): "no benchmark in common",
        }
        for path, reason in cases.items():
            with self.subTest(reason):
                done = self.run_script(good, path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(path, done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_help_says_how(self):
        done = self.run_script("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("OLD.json NEW.json", done.stdout)


unittest.main()
