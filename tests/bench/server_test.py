"""Tests of server.py: server_test.py FOLDER_OF_BINARIES.

Nothing is asserted of how fast anything is.
"""

import json
import pathlib
import subprocess
import sys
import unittest

from server import Benchmark
from server_targets import TARGETS

SCRIPT = pathlib.Path(__file__).with_name("server.py")
BINARIES = sys.argv.pop(1)


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, "--bin", BINARIES, "--pairs=1",
         "--seconds=0.1", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class FakeSystem:
    """A server that can hold 300 live streams."""
    name = "fake"

    def bench(self, *flags):
        streams = next(int(flag.split("=")[1]) for flag in flags
                       if flag.startswith("--live="))
        return {"latency": {"p99_seconds": .001},
                "slos": [{"holds": streams <= 300}]}


class MostStreams(unittest.TestCase):
    def test_is_found_from_nothing_and_again(self):
        benchmark = Benchmark(None, None, 1)
        for _ in range(3):
            most = benchmark.most_streams(FakeSystem())
            self.assertLess(abs(most / 300 - 1), .05)


class Server(unittest.TestCase):
    def test_the_last_line_has_the_ratios(self):
        result = run("--only=echo_share_*")
        # Whether a ratio is reached says nothing in so short a time.
        self.assertIn(result.returncode, (0, 1), result.stderr)
        ratios = json.loads(result.stdout.splitlines()[-1])["ratios"]
        self.assertEqual(list(ratios), [target.name for target in TARGETS
                                        if target.name.startswith("echo")])
        self.assertIn("| echo_share_live | unroll |", result.stdout)

    def test_live_streams(self):
        result = run("--only=live_streams_*")
        if result.returncode == 2:  # on a busy machine
            self.assertIn("other things to do", result.stderr)
            return
        self.assertIn(result.returncode, (0, 1), result.stderr)
        ratios = json.loads(result.stdout.splitlines()[-1])["ratios"]
        self.assertEqual(list(ratios), ["live_streams_share_10ms"])

    def test_no_such_ratio(self):
        result = run("--only=latency")
        self.assertEqual(result.returncode, 2)
        self.assertIn('no ratio is called "latency"', result.stderr)


if __name__ == "__main__":
    unittest.main()
