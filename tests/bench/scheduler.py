#!/usr/bin/env python3
"""The scheduler benchmark: ways of batching, on one kernel and one thread.

  make bench-scheduler [ONLY='capacity_*_w1,goodput_share_2x']

Every result of every run is checked against its sequence run alone, to the bit.
Sequences come by chance at a rate that does not care how the server is doing;
each pair of ratios is measured side by side with the same arrivals. Prints
tables of Markdown, then one line of JSON.

Exit code: 0 when every ratio reaches its accept value, 1 when one does not, 2
when something failed (a wrong result included) and nothing can be said. (make
says 2 for either.)
"""

import argparse
import pathlib
import statistics

import report
import scheduler_report
from ratios import chosen, exit_code, ratios_of, run_as_program
from report import progress
from scheduler_runs import FULL, QUICK, Runs, rate_of
from scheduler_targets import GOODPUT, P99, TARGETS

CONTINUOUS = "continuous"
# As commonly left.
PADDED32 = "padded 32 2000"
LOADS = (.3, .6, .9, 1.2, 2, 3)  # of the tuned padded's capacity


class Bench:
    def __init__(self, runs):
        self.runs = runs
        self.policies = {"continuous": CONTINUOUS, "single": "single",
                         "padded32": PADDED32}  # by name; tuned ones come later
        self.capacities = {}  # (lengths, name) -> sequences/s

    def prepare(self, lengths, name):
        """Finds a policy's settings, and about its capacity."""
        if (lengths, name) in self.capacities:
            return
        if name in ("padded", "packed"):
            self.policies[lengths, name], capacity = self.runs.tuned(lengths,
                                                                     name)
        else:
            policy = self.policy(lengths, name)
            guess = .9 * rate_of(self.runs.saturated(lengths, policy))
            capacity = self.runs.capacity(lengths, policy, 1, guess, .05)
        self.capacities[lengths, name] = capacity

    def policy(self, lengths, name):
        return self.policies.get((lengths, name)) or self.policies[name]

    def capacity_samples(self, lengths, rivals):
        """Of each rival: [(continuous batching's capacity, its own)]."""
        names = ["continuous", *rivals]
        for name in names:
            self.prepare(lengths, name)
        rounds = []
        for number in range(self.runs.effort.pairs):
            progress(f"{lengths}, round {number + 1} of "
                     f"{self.runs.effort.pairs}")
            rounds.append({
                name: self.runs.capacity(lengths, self.policy(lengths, name),
                                         number, self.capacities[lengths, name])
                for name in names})
        for name in names:
            self.capacities[lengths, name] = statistics.median(
                r[name] for r in rounds)
        return {rival: [(r["continuous"], r[rival]) for r in rounds]
                for rival in rivals}

    def p99_samples(self):
        """[(p99 of padded, of continuous)] at 90 % of padded's capacity."""
        self.prepare("w1", "padded")
        load = .9 * self.capacities["w1", "padded"]

        def p99(policy, seed):
            run = self.runs.at_rate("w1", policy, load, seed)
            return run["latency_ms"]["p99"]

        sizes = [size for _, size in self.runs.throughputs("w1", "padded")[:4]]
        found, policy = min(
            (p99(policy, 1), policy)
            for policy in (f"padded {size} {delay}" for size in sizes
                           for delay in self.runs.effort.delays))
        progress(f"w1, 90 % load, {policy}: p99 {found:.2f} ms")
        return [(p99(policy, seed), p99(CONTINUOUS, seed))
                for seed in range(self.runs.effort.pairs)]

    def goodput_samples(self):
        """[(steps in time at twice the capacity, at the best of other loads)]."""
        self.prepare("w1", "continuous")
        capacity = self.capacities["w1", "continuous"]

        def good(load, seed):
            return self.runs.at_rate("w1", CONTINUOUS, load * capacity, seed,
                                     drop=True)["good_steps_per_s"]

        # Never 0, which only a machine that stands still gives.
        return [(good(2, seed), max(good(1, seed), good(1.25, seed), 1))
                for seed in range(self.runs.effort.pairs)]

    def samples(self, targets):
        """Of each target: [(numerator, denominator)]."""
        samples = {}
        for lengths in sorted({t.lengths for t in targets if t.rival}):
            wanted = [t for t in targets if t.rival and t.lengths == lengths]
            found = self.capacity_samples(lengths, [t.rival for t in wanted])
            samples.update((t, found[t.rival]) for t in wanted)
        if P99 in targets:
            samples[P99] = self.p99_samples()
        if GOODPUT in targets:
            samples[GOODPUT] = self.goodput_samples()
        return samples

    def loads(self):
        """[(load, policy, run)] of W1 on the model that is prepared."""
        names = ("continuous", "padded", "packed", "padded32", "single")
        for name in names:
            self.prepare("w1", name)
        found = []
        for load in LOADS:
            progress(f"w1, {load:.0%} of padded's capacity")
            for name in names:
                policy = self.policy("w1", name)
                rate = load * self.capacities["w1", "padded"]
                found.append((load, policy, self.runs.at_rate(
                    "w1", policy, rate, 1, drop=load > 1)))
        return found

    def models(self):
        """[(model, microseconds of a step alone, policy, run)] of W1, saturated."""
        found = []
        for model in ("S", "M", "L", "Bi"):
            alone = self.runs.prepare(model)
            policies = [CONTINUOUS, "single"]
            # A backward direction cannot be padded so simply.
            for kind in ("packed",) if model == "Bi" else ("packed", "padded"):
                _, size = self.runs.throughputs("w1", kind)[0]
                policies.append(f"{kind} {size} 0")
            found += [(model, alone, policy, self.runs.saturated("w1", policy))
                      for policy in policies]
        return found

    def live(self):
        """[(streams, policy, run)]."""
        return [(streams, policy, self.runs.live(streams, policy))
                for streams in self.runs.effort.streams
                for policy in (CONTINUOUS, "single")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--worker", required=True, type=pathlib.Path,
                        help="unroll_scheduler_worker")
    parser.add_argument("--only", metavar="NAME,...",
                        help="only these ratios (* and ? are understood) and "
                             "not the tables of loads, models and live streams")
    parser.add_argument("--quick", action="store_true",
                        help="runs so short that the numbers mean nothing")
    return parser.parse_args()


def main():
    options = arguments()
    targets = chosen(TARGETS, options.only)
    runs = Runs(options.worker, QUICK if options.quick else FULL)
    machine = scheduler_report.Machine(runs)
    runs.prepare("M")
    bench = Bench(runs)
    samples = bench.samples(targets)
    ratios = ratios_of({target: samples[target] for target in targets})
    if options.only is None:
        scheduler_report.show_loads(bench.loads())
        scheduler_report.show_live(bench.live())
        scheduler_report.show_models(bench.models())
    scheduler_report.show_capacities(bench)
    facts = machine.facts(runs)
    runs.worker.stop()
    report.show_machine(facts)
    report.show_ratios(facts, ratios)
    return exit_code(ratios)


if __name__ == "__main__":
    run_as_program(main)
