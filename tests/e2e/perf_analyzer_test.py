"""Triton's load generator against the real server.

  /usr/bin/python3 tests/e2e/perf_analyzer_test.py
"""

import csv
import glob
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import registries  # noqa: E402
from server_process import MODELS, ServerProcess  # noqa: E402

WHAT = "perf_analyzer against the server"
# The last tritonclient whose perf_analyzer runs with the C library of Debian 12;
# it wants CUDA's, too.
PACKAGES = ("--no-deps", "tritonclient==2.51.0", "nvidia-cuda-runtime-cu12")


def find_program():
    """perf_analyzer, and the environment that it runs in."""
    directory = os.path.dirname(os.path.dirname(registries.environment(
        "perf_analyzer", PACKAGES, WHAT)))
    cuda, = glob.glob(f"{directory}/lib/python*/site-packages/nvidia/"
                      "cuda_runtime/lib")
    program = os.path.join(directory, "bin", "perf_analyzer")
    variables = {**os.environ, "LD_LIBRARY_PATH": cuda}
    started = subprocess.run([program, "--version"], env=variables, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if started.returncode != 0:
        registries.skip(WHAT, "it does not start here (libb64-0d is one of "
                        f"deploy/test-packages.txt): {started.stdout}")
    return program, variables


class PerfAnalyzerTest(unittest.TestCase):
    def serve(self, *flags):
        # Whose log tells of every call that fails.
        self.server = ServerProcess(MODELS, "--log-level=debug", *flags)
        self.addCleanup(self.server.stop)

    def analyze(self, *options):
        """The levels of concurrency that it reports on."""
        with tempfile.TemporaryDirectory() as work:
            report = os.path.join(work, "report.csv")
            # Short windows, of which any will do: what counts is that it works.
            run = subprocess.run(
                [PROGRAM, "-m", "langid", "-i", "grpc", "-u",
                 self.server.address, "--shape", "tokens:16", "--input-data",
                 "zero", "--measurement-interval", "300",
                 "--stability-percentage", "999", "--max-trials", "50",
                 "-f", report, *options],
                env=VARIABLES, text=True, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
            self.assertEqual(run.returncode, 0, run.stdout)
            self.assertNotRegex(run.stdout, "(?i)error|failed")
            with open(report, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        for row in rows:
            self.assertGreater(float(row["Inferences/Second"]), 0, run.stdout)
        for code in ("ABORTED", "INTERNAL", "INVALID_ARGUMENT",
                     "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNIMPLEMENTED",
                     "UNKNOWN"):
            self.assertEqual(self.server.metric("unroll_requests_total",
                                                f'code="{code}"'), 0,
                             [code] + self.server.log)
        return {row.get("Concurrency") for row in rows}

    def test_unary_calls(self):
        self.serve()
        self.assertEqual(self.analyze("--concurrency-range", "1:9:4"),
                         {"1", "5", "9"})
        self.analyze("-b", "8", "--async", "--concurrency-range", "4")
        self.analyze("--request-rate-range", "200")

    def test_streams(self):
        self.serve()
        self.assertEqual(
            self.analyze("--streaming", "--async", "--concurrency-range",
                         "1:9:4"), {"1", "5", "9"})

    def analyze_sequences(self, *options):
        self.serve("--model-config-scheduler=sequence")
        self.analyze("--async", "--sequence-length", "10",
                     "--sequence-length-variation", "50",
                     "--concurrency-range", "1:9:4", *options)
        self.assertGreater(
            self.server.metric("unroll_sequences_resumed_total"), 0)
        # It has ended all that it began.
        self.assertEqual(self.server.metric("unroll_sequences_kept"), 0)

    def test_sequences(self):
        self.analyze_sequences()

    def test_sequences_on_streams(self):
        self.analyze_sequences("--streaming")


if __name__ == "__main__":
    PROGRAM, VARIABLES = find_program()
    unittest.main()
