"""The tables of the scheduler benchmark."""

import os
import statistics

from report import heading, machine_facts, number, row


class Machine:
    """What was measured on, and how busy it was."""

    def __init__(self, runs):
        self.version = runs.worker.version
        self.load_before = os.getloadavg()[0]

    def facts(self, runs):
        """On a quiet machine the worker has waited for its core next to never."""
        usual = os.sched_getscheduler(0) == os.SCHED_OTHER
        facts = {**machine_facts(self.load_before), "threads": 1,
                 "priority": "usual" if usual else "real time",
                 "versions": {"worker": self.version}}
        if runs.waited:
            facts["share_of_time_waited_for_the_core"] = statistics.median(
                runs.waited)
        return facts


def percentiles(values, *names):
    """Milliseconds, p50 / p99."""
    if values is None:
        return "-"
    return " / ".join(number(values[name]) for name in names)


def show_loads(loads):
    print("\nModel M, W1, at loads in % of tuned padding's capacity (above 100 %, "
          "what cannot be in time is dropped). Milliseconds; steps/s in "
          "thousands:\n")
    heading("load", "policy", "latency p50 / p90 / p99 / p99.9",
            "queued p50 / p99", "compute p50 / p99", "first step p50 / p99",
            "between steps p50 / p99", "steps/s", "of them in time", "goodput",
            "padding", "rows a step", "busy", "queue")
    for load, policy, run in loads:
        row(f"{load:.0%}", policy,
            percentiles(run["latency_ms"], "p50", "p90", "p99", "p99.9"),
            *(percentiles(run[part], "p50", "p99")
              for part in ("queued_ms", "compute_ms", "first_step_ms",
                           "gap_ms")),
            number(run["steps_per_s"] / 1e3),
            number(run["good_steps_per_s"] / 1e3), f"{run['goodput']:.1%}",
            f"{run['padding']:.0%}", number(run["rows_a_step"]),
            f"{run['busy']:.0%}", "grew" if run["queue_grew"] else "")


def show_live(runs):
    print("\nModel M, W5: live streams with a step every 10 ms. Milliseconds "
          "from a step's sending to its result:\n")
    heading("streams", "policy", "p50", "p90", "p99", "p99.9", "within 10 ms",
            "rows a step", "busy")
    for streams, policy, run in runs:
        row(streams, policy,
            *(number(run["latency_ms"][p])
              for p in ("p50", "p90", "p99", "p99.9")),
            f"{run['goodput']:.1%}", number(run["rows_a_step"]),
            f"{run['busy']:.0%}")


def show_models(runs):
    print("\nAll models, W1, with sequences always waiting. Steps/s in "
          "thousands, by the clock and by the worker's own time on its core:\n")
    heading("model", "us a step alone", "policy", "steps/s",
            "steps/s of core time", "padding", "rows a step", "busy")
    for model, alone, policy, run in runs:
        row(model, number(alone), policy, number(run["steps_per_s"] / 1e3),
            number(run["steps_per_cpu_s"] / 1e3), f"{run['padding']:.0%}",
            number(run["rows_a_step"]), f"{run['busy']:.0%}")


def show_capacities(bench):
    print("\nModel M, capacities in sequences/s:\n")
    heading("lengths", "policy", "capacity")
    for (lengths, name), capacity in sorted(bench.capacities.items()):
        row(lengths, bench.policy(lengths, name), f"{capacity:.0f}")
