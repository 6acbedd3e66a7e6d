"""Progress and tables for people, and the line of JSON."""

import json
import os
import platform
import statistics
import sys

# The columns of the table.
SYSTEM_NAMES = {"split": "unroll", "split_bf16": "unroll, bf16",
                "primitive": "oneDNN's RNN", "ort": "ONNX Runtime",
                "openvino": "OpenVINO", "torch": "PyTorch"}


class Machine:
    """What was measured on, and how busy it was."""

    def __init__(self, cpu, workers):
        self.cpu = cpu
        self.vectors = workers.vectors
        self.versions = workers.versions()
        self.load_before = os.getloadavg()[0]

    def facts(self, workers, results):
        """With the machine's own speed, as the results have it.

        On a quiet machine the workers have waited for their core next to never.
        """
        facts = {
            **machine_facts(self.load_before), "vectors": self.vectors,
            "threads": 1, "pinned_to": self.cpu, "versions": self.versions,
            "share_of_time_waited_for_the_core": workers.share_waited()}
        peaks = [shape.operations / fma / 1e9
                 for shape, pairs in results.items()
                 for fma, _ in pairs.get(("fma", "split"), [])]
        if peaks:
            facts["fma_peak_gflops"] = statistics.median(peaks)
        reads = {shape.hidden: shape.hidden ** 2 * 4 / statistics.median(
                     read for read, _ in pairs["read", "split"]) / 1e9
                 for shape, pairs in results.items()
                 if ("read", "split") in pairs}
        if reads:
            facts["read_gb_per_s"] = {f"h{h}": gb for h, gb in reads.items()}
        return facts


def progress(text):
    print(text, file=sys.stderr, flush=True)


def machine_facts(load_before):
    """What any benchmark tells of the machine."""
    return {"cpu": cpu_name(), "cores": os.cpu_count(),
            "system": platform.platform(),
            "load_average": {"before": load_before,
                             "after": os.getloadavg()[0]}}


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def heading(*cells):
    row(*cells)
    print("|" + "---|" * len(cells))


def show_machine(facts):
    print()
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k}: {number(v)}" for k, v in value.items())
        print(f"- {name.replace('_', ' ')}: {number(value)}")


def number(value):
    """Three digits of a float."""
    if not isinstance(value, float):
        return value
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def show_sweep(sweep, results):
    """Microseconds a step of every system on every shape."""
    print()
    print("Microseconds a step; operations and share of the peak of unroll's "
          "float32:\n")
    heading("H", "N", *SYSTEM_NAMES.values(),
            "GFLOP/s", "of the peak")
    for shape in sweep:
        pairs = results[shape]
        split = statistics.median(s for (_, system), samples in pairs.items()
                                  if system == "split" for _, s in samples)
        others = [statistics.median(t for t, _ in pairs[other, "split"])
                  for other in SYSTEM_NAMES if other != "split"]
        peak = statistics.median(f / s for f, s in pairs["fma", "split"])
        row(shape.hidden, shape.sequences,
            *(number(t * 1e6) for t in [split] + others),
            number(shape.operations / split / 1e9), f"{peak:.0%}")


def show_ratios(machine, ratios):
    """The last table, and the line of JSON."""
    print()
    heading("ratio", "median", "min", "max", "accept", "aim", "")
    for name, r in ratios.items():
        verdict = ("missed" if r["median"] < r["accept"]
                   else "accepted" if r["median"] < r["aim"] else "aim reached")
        row(name, *(f"{r[key]:.2f}" for key in ("median", "min", "max")),
            r["accept"], r["aim"], verdict)
    print(json.dumps({"ratios": ratios, "machine": machine}))
