#!/usr/bin/env python3
"""The kernel benchmark: unroll's kernels, other libraries, and the machine.

  make bench-kernels [ONLY='ort_*,peak_share_n16_h64']

For every shape the outputs of all systems are checked against numpy in float64.
Then each system is timed in turn with unroll's split kernel, A B A B ..., one
thread each, all on the same core. Prints tables of Markdown, then one line of
JSON.

Exit code: 0 when every ratio reaches its accept value, 1 when one does not, 2
when something failed (a wrong output included) and nothing can be said. (make
says 2 for either.)
"""

import argparse
import collections
import math
import os
import pathlib
import sys
import tempfile

import report
from cases import SWEEP, Case
from ratios import chosen, exit_code, ratios_of, run_as_program
from targets import TARGETS
from workers import Workers

TOLERANCES = {"split": 1e-5, "split_bf16": 2e-2, "split_tokens": 1e-5,
              "primitive": 1e-5, "ort": 1e-5, "openvino": 1e-5, "torch": 1e-5}
# What the table compares with the split kernel on every shape.
OTHERS = ("split_bf16", "primitive", "ort", "openvino", "torch", "fma")
# What a run of a probe does.
FMA_OPERATIONS = 1536 * 50000
SECONDS = 0.12  # of one measurement, about
PAIRS = 5
TARGET_PAIRS = 11


class Plan:
    """Which pairs of systems are compared on which shapes, and how often."""

    def __init__(self, targets, sweep):
        self.pairs = collections.defaultdict(dict)  # shape -> pair -> count
        for shape in sweep:
            for other in OTHERS:
                self.pairs[shape][other, "split"] = PAIRS
        for target in targets:
            pair = target.numerator, target.denominator
            self.pairs[target.shape][pair] = TARGET_PAIRS

    def systems(self, shape):
        return sorted({system for pair in self.pairs[shape] for system in pair})


def prepare(workers, case, systems, folder):
    """Makes all systems ready for a case, and checks them."""
    for system in systems:
        if system == "fma":
            workers.ask("prepare", system, FMA_OPERATIONS)
        elif system == "read":
            workers.ask("prepare", system, case.shape.hidden ** 2 * 4)
        else:
            workers.ask("prepare", system, *case.shape.sizes, case.path)
            output = folder / "output"
            workers.ask("check", system, output)
            case.check(system, output, TOLERANCES[system])


def runs_a_step(shape, system):
    """How many runs of a system are the work of one of the layer's steps."""
    if system == "fma":
        return shape.operations / FMA_OPERATIONS
    if system == "read":  # W_hh once
        return 1
    return 1 / shape.steps


def seconds(workers, system, count):
    return float(workers.ask("run", system, count))


def runs_to_time(workers, system):
    """How many runs take about SECONDS."""
    count, took = 1, 0.0
    while took < SECONDS / 8:
        took = seconds(workers, system, count)
        count = math.ceil(count * min(8, SECONDS / took))
    return count


def measure(workers, shape, pairs, counts):
    """Seconds a step of both systems of each pair, [(numerator, denominator)]."""
    results = {}
    for pair, repetitions in pairs.items():
        results[pair] = [
            tuple(seconds(workers, system, counts[system]) / counts[system]
                  * runs_a_step(shape, system) for system in pair)
            for _ in range(repetitions)]
    return results


def run(plan, workers, folder):
    """All measurements: shape -> pair -> [(numerator, denominator)]."""
    results = {}
    for number, (shape, pairs) in enumerate(plan.pairs.items(), 1):
        systems = plan.systems(shape)
        report.progress(
            f"[{number}/{len(plan.pairs)}] N = {shape.sequences}, "
            f"I = {shape.inputs}, H = {shape.hidden}, T = {shape.steps}: "
            f"{', '.join(systems)}")
        prepare(workers, Case(shape, folder / "case"), systems, folder)
        counts = {system: runs_to_time(workers, system) for system in systems}
        results[shape] = measure(workers, shape, pairs, counts)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--worker", required=True, type=pathlib.Path,
                        help="unroll_kernel_worker")
    parser.add_argument("--only", metavar="NAME,...",
                        help="only these ratios (* and ? are understood) and "
                             "not the table of all shapes")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)),
                        help="the core (default: the last)")
    options = parser.parse_args()
    if options.cpu not in os.sched_getaffinity(0):
        parser.error(f"--cpu: this process may run on "
                     f"{sorted(os.sched_getaffinity(0))}, not {options.cpu}")
    return options


def main():
    options = arguments()
    targets = chosen(TARGETS, options.only)
    sweep = SWEEP if options.only is None else []
    plan = Plan(targets, sweep)
    systems = {s for shape in plan.pairs for s in plan.systems(shape)}
    workers = Workers(options.worker, options.cpu,
                      sorted(systems & {"ort", "openvino", "torch"}))
    machine = report.Machine(options.cpu, workers)
    with tempfile.TemporaryDirectory() as folder:
        results = run(plan, workers, pathlib.Path(folder))
    facts = machine.facts(workers, results)
    workers.stop()
    ratios = ratios_of({
        target: results[target.shape][target.numerator, target.denominator]
        for target in targets})
    report.show_machine(facts)
    if sweep:
        report.show_sweep(sweep, results)
    report.show_ratios(facts, ratios)
    return exit_code(ratios)


if __name__ == "__main__":
    run_as_program(main)
