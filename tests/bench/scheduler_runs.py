"""Runs of the scheduler benchmark's worker, and what is found out by several."""

import dataclasses
import json
import os

from report import progress
from scheduler_search import highest_rate
from workers import Worker

GOODPUT = .99  # of what is offered, at capacity


@dataclasses.dataclass(frozen=True)
class Effort:
    seconds: float    # of a run, about
    precision: float  # of a capacity
    pairs: int
    sizes: tuple      # of batches that are tried: sequences
    delays: tuple     # for company that are tried: microseconds
    streams: tuple    # live ones
    searches: bool    # for capacities; or else any guess will do


FULL = Effort(1.2, .02, 5, (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64),
              (0, 500, 2000), (50, 100, 200, 400, 800), True)
QUICK = Effort(.05, .1, 1, (2, 16), (0, 500), (20,), False)


class Runs:
    """The worker with one model."""

    def __init__(self, binary, effort):
        self.effort = effort
        self.worker = Worker("unroll_scheduler_worker", [binary],
                             os.sched_getaffinity(0))
        self.waited = []  # shares of time that a busy worker waited for its core

    def prepare(self, model):
        progress(f"model {model}")
        return float(self.worker.ask("prepare", model))

    def saturated(self, lengths, policy):
        """Sequences that are always there: as many as get through."""
        run = self.ask(lengths, 0, 300, 1, "keep", policy)
        count = self.effort.seconds * rate_of(run)
        run = self.ask(lengths, 0, count, 1, "keep", policy)
        self.waited.append(max(0, 1 - run["steps"] / run["seconds"]
                               / run["steps_per_cpu_s"]))
        return run

    def at_rate(self, lengths, policy, rate, seed, drop=False):
        return self.ask(lengths, rate, rate * self.effort.seconds, seed,
                        "drop" if drop else "keep", policy)

    def ask(self, lengths, rate, count, seed, late, policy):
        return json.loads(self.worker.ask(
            "run", lengths, f"{rate:.3f}", max(100, round(count)), seed, late,
            policy))

    def live(self, streams, policy):
        steps = min(330, round(self.effort.seconds / .01))
        return json.loads(self.worker.ask("live", streams, steps, 1, policy))

    def capacity(self, lengths, policy, seed, guess, precision=None):
        """The highest rate in time and without a queue that grows, sequences/s.

        A hiccup of the machine is not the policy's: each rate has two tries.
        """
        def holds(rate):
            for attempt in range(2):
                run = self.at_rate(lengths, policy, rate, seed + attempt * 1000)
                if run["goodput"] >= GOODPUT and not run["queue_grew"]:
                    return True
            return False

        if not self.effort.searches:
            holds(guess)
            return guess
        found = highest_rate(holds, guess, precision or self.effort.precision)
        progress(f"{lengths}, {policy}: {found:.0f} sequences/s")
        return found

    def tuned(self, lengths, kind):
        """The (policy, capacity) of the best size of batches and delay."""
        (guess, size), (_, other) = self.throughputs(lengths, kind)[:2]
        found = []

        def attempt(size, delay):
            policy = f"{kind} {size} {delay}"
            found.append((self.capacity(lengths, policy, 1, .9 * guess, .05),
                          policy, delay))

        for delay in self.effort.delays:
            attempt(size, delay)
        attempt(other, max(found)[-1])
        capacity, policy, _ = max(found)
        return policy, capacity

    def throughputs(self, lengths, kind):
        """[(sequences/s, size of batches)], the best first."""
        found = sorted(
            ((rate_of(self.saturated(lengths, f"{kind} {size} 0")), size)
             for size in self.effort.sizes), reverse=True)
        progress(f"{lengths}, {kind}, sequences/s by the most a batch: "
                 + ", ".join(f"{size}: {rate:.0f}" for rate, size in found))
        return found


def rate_of(run):
    """Sequences a second."""
    return run["steps_per_s"] * run["sequences"] / run["steps"]
