#!/usr/bin/env python3
"""The server benchmark: unroll-server against a bare gRPC echo server.

  make bench-server [ONLY='echo_share_*']

Both get the same load from the same client, `unroll bench`, and answer with
messages of the same sizes, of a tiny model (a step computes for less than a
microsecond): what is left is what unroll adds to gRPC. They are measured in
turn, A B A B ...; while one is, the other idles. Client and server run on the
same cores. Prints tables of Markdown, then one line of JSON.

Exit code: 0 when every ratio reaches its accept value, 1 when one does not, 2
when something failed (a call included) and nothing can be said. (make says 2
for either.)
"""

import argparse
import os
import pathlib
import statistics
import tempfile

import report
from ratios import chosen, exit_code, ratios_of, run_as_program
from report import progress
from scheduler_search import highest_rate
from server_systems import HIDDEN, INPUTS, System, write_model
from server_targets import TARGETS

PLACES = 64  # calls at a time
CONNECTIONS = 4
# Of each echo_share: flags of unroll bench, and of its report the rate that
# counts and the times that are shown.
LOADS = {
    "echo_share_unary": (["--call=predict", "--lengths=1"],
                         "sequences_per_second", "latency"),
    "echo_share_streamed": (["--call=stream", "--lengths=24"],
                            "sequences_per_second", "latency"),
    "echo_share_live": (["--call=live", "--lengths=100"], "steps_per_second",
                        "gap"),
}
STEP_INTERVAL = 0.010
LATENCY_BOUND = 0.010
FEWEST_STREAMS = 25
PRECISION = .04  # of a number of streams


class Benchmark:
    """Measures both systems, for so long each time."""

    def __init__(self, unroll, echo, seconds):
        self.systems = unroll, echo
        self.seconds = seconds
        self.most = {}  # of a system, what its last search found

    def bench(self, system, *flags):
        return system.bench(
            f"--warmup={self.seconds / 4:.3f}s",
            f"--duration={self.seconds:.3f}s",
            f"--connections={CONNECTIONS}", "--results=hidden", *flags)

    def share(self, name):
        """The reports of both systems."""
        flags = LOADS[name][0]
        pair = [self.bench(system, f"--concurrency={PLACES}", *flags)
                for system in self.systems]
        for one, system in zip(pair, self.systems):
            if one["failed"] > 0:
                raise RuntimeError(f"{system.name}: {one['errors']}")
        return pair

    def holds(self, system, streams):
        """Whether so many live streams get their steps' results in time."""
        got = self.bench(system, f"--live={streams}",
                         f"--step-interval={STEP_INTERVAL * 1e3:g}ms",
                         f"--slo=p99<{LATENCY_BOUND * 1e3:g}ms")
        holds = got["slos"][0]["holds"]
        progress(f"    {system.name}: {streams} live streams, p99 "
                 f"{got['latency']['p99_seconds'] * 1e3:.3g} ms, "
                 f"{'holds' if holds else 'too many'}")
        return holds

    def most_streams(self, system):
        """The most that hold, from what was found before on."""
        if system.name not in self.most:
            streams = FEWEST_STREAMS
            while self.holds(system, 2 * streams):
                streams *= 2
            self.most[system.name] = streams
        self.most[system.name] = highest_rate(
            lambda streams: self.holds(system, round(streams)),
            self.most[system.name], PRECISION)
        return self.most[system.name]


def run(targets, benchmark, pairs):
    """Of each target: [(unroll, echo)], and the rows of the table."""
    samples = {target: [] for target in targets}
    rows = []
    for target in targets:
        reports = []
        for turn in range(pairs):
            progress(f"[{target.name}] {turn + 1}/{pairs}")
            if target.name in LOADS:
                pair = benchmark.share(target.name)
                reports.append(pair)
                rate = LOADS[target.name][1]
                # Never 0, which only a machine that stands still gives.
                samples[target].append(tuple(max(r[rate], 1) for r in pair))
            else:
                samples[target].append(tuple(
                    benchmark.most_streams(system)
                    for system in benchmark.systems))
        rows += rows_of(target.name, samples[target], reports)
    return samples, rows


def rows_of(name, values, reports):
    rows = []
    for index, system in enumerate(("unroll", "echo")):
        row = [name, system, round(statistics.median(v[index] for v in values))]
        if reports:
            mine = [pair[index] for pair in reports]
            times = LOADS[name][2]
            row += [report.number(statistics.median(
                        one[times][key] * 1e3 for one in mine))
                    for key in ("p50_seconds", "p99_seconds")]
            row.append(report.number(sum(one["messages"] for one in mine)
                                     / max(1, sum(one["steps"]
                                                  for one in mine))))
        else:
            row += ["", "", ""]
        rows.append(row)
    return rows


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bin", required=True, type=pathlib.Path,
                        help="where unroll, unroll-server and "
                             "unroll_echo_server are")
    parser.add_argument("--only", metavar="NAME,...",
                        help="only these ratios (* and ? are understood)")
    parser.add_argument("--pairs", type=int, default=7,
                        help="how often each system is measured (default: 7)")
    parser.add_argument("--seconds", type=float, default=2,
                        help="of one measurement (default: 2)")
    parser.add_argument("--cpus", metavar="N,...",
                        help="the cores of client and server (default: all)")
    options = parser.parse_args()
    allowed = os.sched_getaffinity(0)
    options.cpus = (allowed if options.cpus is None
                    else {int(cpu) for cpu in options.cpus.split(",")})
    if not options.cpus <= allowed:
        parser.error(f"--cpus: this process may run on {sorted(allowed)}")
    return options


def main():
    options = arguments()
    targets = chosen(TARGETS, options.only)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        write_model(pathlib.Path(folder) / "tiny")
        with System("unroll", options.bin, options.cpus, [
                options.bin / "unroll-server", f"--model-repository={folder}",
                "--address=127.0.0.1", "--grpc-port=0",
                "--metrics-port=0"]) as unroll, \
             System("echo", options.bin, options.cpus, [
                options.bin / "unroll_echo_server",
                f"--input-size={INPUTS}", f"--hidden-size={HIDDEN}"]) as echo:
            samples, rows = run(targets,
                                Benchmark(unroll, echo, options.seconds),
                                options.pairs)
            version = unroll.client_version()
    facts = {**report.machine_facts(load_before), "version": version,
             "pinned_to": ",".join(map(str, sorted(options.cpus))),
             "model": f"RNN(tanh) {INPUTS}->{HIDDEN}, 1 layer",
             "calls_at_a_time": PLACES, "connections": CONNECTIONS}
    print("\nCalls a second (unary, streamed; times of a call), steps a second "
          "(live; times of a step), or live streams:\n")
    report.heading("ratio", "server", "median", "p50, ms", "p99, ms",
                   "messages a step")
    for row in rows:
        report.row(*row)
    ratios = ratios_of(samples)
    report.show_machine(facts)
    report.show_ratios(facts, ratios)
    return exit_code(ratios)


if __name__ == "__main__":
    run_as_program(main)
