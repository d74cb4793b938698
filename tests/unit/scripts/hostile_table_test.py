# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""hostile-table finds the cases that a test's name says, and what is wrong with a table. Argument: the script."""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("hostile_table", sys.argv.pop())
table = importlib.util.module_from_spec(importlib.util.spec_from_loader("hostile_table", _loader))
_loader.exec_module(table)

CASES = "# comment\nE1* | a packet | accepted\nE2 | a bit | dropped\nP1 | short | dropped\n"


class Tree(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        root = pathlib.Path(self._directory.name)
        table.ROOT, table.CASES = root, root / "tests" / "hostile" / "cases.txt"
        table.UNTESTABLE, table.DOCUMENT = root / "tests" / "hostile" / "untestable.txt", root / "docs" / "SECURITY.md"
        self.write("tests/hostile/cases.txt", CASES)
        self.write("tests/hostile/untestable.txt", "P1 | there is no wire\n")
        self.write("docs/SECURITY.md", f"before\n{table.BEGIN}\n{table.END}\nafter\n")
        self.write("tests/unit/esp_test.cc", "TEST_P(Esp, E1_E2_is_judged)\n{\n}\n")

    def tearDown(self):
        self._directory.cleanup()

    def write(self, name, text):
        path = table.ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_with(self, *arguments):
        sys.argv[1:], said = arguments, io.StringIO()
        with contextlib.redirect_stdout(said):
            code = table.main()
        return code, said.getvalue()

    def check(self, *arguments):
        self.run_with("--write")
        return self.run_with("--check", *arguments)

    def test_a_whole_table_is_taken(self):
        self.assertEqual(self.check(), (0, "3 hostile cases, 2 with tests\n"))
        self.assertIn("| E1\\* | a packet | accepted | unit: `Esp.E1_E2_is_judged` |", table.DOCUMENT.read_text())
        self.assertIn("after\n", table.DOCUMENT.read_text())

    def test_a_case_without_a_test_is_named(self):
        self.write("tests/unit/esp_test.cc", "TEST(Esp, E1_is_judged)")
        code, said = self.check()
        self.assertEqual((code, said), (1, "no test covers E2\n"))
        self.assertEqual(self.check("--allow-missing"), (0, "3 hostile cases, 1 with tests, none for E2\n"))

    def test_a_test_of_no_case_is_named(self):
        self.write("tests/lab/replay_test.sh", "# covers: E1 E9\n")
        code, said = self.check()
        self.assertEqual(code, 1)
        self.assertIn("tests/lab/replay_test.sh: replay_test names E9", said)

    def test_a_case_with_a_test_is_testable(self):
        self.write("tests/unit/frame_test.cc", "TEST(Classify, P1_short)")
        code, said = self.check()
        self.assertEqual(code, 1)
        self.assertIn("P1 has a test, Classify.P1_short", said)

    def test_an_old_table_is_noticed(self):
        self.run_with("--write")
        self.write("tests/unit/more_test.cc", "TEST(More, E1_of_it)")
        code, said = self.run_with("--check")
        self.assertEqual(code, 1)
        self.assertIn("is old", said)

    def test_results_are_those_of_the_log(self):
        self.write("tests/lab/replay_test.sh", "# covers: E1\n")
        self.write("tests/unit/constant_test.cc", '// covers: E2 as "tags are equal"\n')
        log = table.ROOT / "log"
        good = ("ok          0.01 s  esp: Every/Esp.E1_E2_is_judged/cbc\nok          0.01 s  lab: replay_test\n"
                "ok          0.01 s  tags are equal\n")
        log.write_text(good)
        code, said = self.run_with("--results", str(log))
        self.assertEqual((code, said.splitlines()[-1]), (0, "3 cases: 1 not testable, 2 passed"))
        log.write_text(good + "FAILED      0.01 s  asan: esp: Every/Esp.E1_E2_is_judged/gcm\n")
        code, said = self.run_with("--results", str(log))
        self.assertEqual((code, said.splitlines()[-1]), (1, "3 cases: 2 FAILED, 1 not testable"))
        log.write_text("skipped     0.01 s  lab: replay_test\n")
        code, said = self.run_with("--results", str(log))
        self.assertEqual((code, said.splitlines()[-1]), (1, "3 cases: 1 not run, 1 not testable, 1 skipped"))
        self.assertIn("E1   not run  unit: Esp.E1_E2_is_judged", said)


class Names(unittest.TestCase):
    def test_the_first_words_of_a_name_are_its_cases(self):
        for name, ids in {
                "E5_a_frame_sent_back": ["E5"], "R2_R3_R6_takes_1023": ["R2", "R3", "R6"],
                "K2_to_K7_the_exchange": ["K2", "K3", "K4", "K5", "K6", "K7"], "H4Ke2BeforeAnyKe1": ["H4"],
                "H1H2AShareThatIs": ["H1", "H2"], "P10AndP11NamesAre": ["P10", "P11"], "H12AKe1Relayed": ["H12"],
                "L3L5IsFresh": ["L3", "L5"], "P2ToP4Are": ["P2", "P3", "P4"], "Ke1IsRepeated": [],
                "a_K9_later": [], "E2e_is_a_word": [], "S1_S2_S3_S6_a_member": ["S1", "S2", "S3", "S6"]}.items():
            self.assertEqual(table.ids_of(name), ids, name)


unittest.main(argv=sys.argv[:1])
