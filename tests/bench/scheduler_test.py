"""Tests of scheduler.py: scheduler_test.py UNROLL_SCHEDULER_WORKER."""

import json
import pathlib
import subprocess
import sys
import unittest

from scheduler_search import highest_rate
from scheduler_targets import TARGETS

SCRIPT = pathlib.Path(__file__).with_name("scheduler.py")
WORKER = sys.argv.pop(1)


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, "--worker", WORKER, "--quick", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class HighestRate(unittest.TestCase):
    def test_is_found_from_guesses_that_are_too_low_and_too_high(self):
        for guess in (500, 990, 1000, 1010, 2000):
            rate = highest_rate(lambda r: r <= 1000, guess, .02)
            self.assertLess(abs(rate / 1000 - 1), .02, guess)

    def test_nothing_that_holds_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "other things to do"):
            highest_rate(lambda rate: False, 1000, .02)


class Scheduler(unittest.TestCase):
    def test_the_last_line_has_every_ratio(self):
        result = run()
        # Whether a ratio is reached says nothing in so short a time.
        self.assertIn(result.returncode, (0, 1), result.stderr)
        ratios = json.loads(result.stdout.splitlines()[-1])["ratios"]
        self.assertEqual(list(ratios), [target.name for target in TARGETS])
        for name, ratio in ratios.items():
            self.assertGreaterEqual(ratio["median"], 0, name)

    def test_only_some_ratios(self):
        result = run("--only", "*_over_single_w1")
        self.assertIn(result.returncode, (0, 1), result.stderr)
        ratios = json.loads(result.stdout.splitlines()[-1])["ratios"]
        self.assertEqual(list(ratios), ["capacity_continuous_over_single_w1"])

    def test_no_such_ratio(self):
        result = run("--only", "latency")
        self.assertEqual(result.returncode, 2)
        self.assertIn('no ratio is called "latency"', result.stderr)


if __name__ == "__main__":
    unittest.main()
