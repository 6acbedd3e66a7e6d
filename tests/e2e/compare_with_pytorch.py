#!/usr/bin/python3
"""Random models, served and asked through the command, compared with PyTorch.

  /usr/bin/python3 tests/e2e/compare_with_pytorch.py --models 40

Writes a model repository of random networks, starts unroll-server on it, runs
`unroll predict` for each and compares hidden.npy, h_n.npy and scores.npy with
torch in float64 within 1e-5 * max(1, |want|). Exits 1 when anything differs.
Needs Debian's python3-torch, and the binaries to be built.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

import random_models

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
from server_process import ServerProcess  # noqa: E402

TOLERANCE = 1e-5
# What `unroll predict` leaves in --output-dir.
RESULTS = ("hidden", "h_n", "scores")


def predict(binary, server, model, directory):
    """Asks for one sequence; returns {result: array}."""
    os.makedirs(directory)
    input_path = f"{directory}/x.npy"
    np.save(input_path, model.input)
    command = [binary, "predict", model.name, "--input", input_path,
               "--output-dir", f"{directory}/out",
               "--server", server.address]
    if model.initial_state is not None:
        np.save(f"{directory}/h.npy", model.initial_state)
        command += ["--initial-state", f"{directory}/h.npy"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise RuntimeError(f"exit {run.returncode}: {run.stderr.strip()}")
    paths = {name: f"{directory}/out/{name}.npy" for name in RESULTS}
    return {name: np.load(path) for name, path in paths.items()
            if os.path.exists(path)}


def compare(got, want):
    """The worst error as a share of what is allowed; raises on a shape."""
    if set(got) != set(want):
        raise RuntimeError(f"results {sorted(got)}, expected {sorted(want)}")
    worst = 0.0
    for name, expected in want.items():
        if got[name].shape != expected.shape:
            raise RuntimeError(f"{name} is {got[name].shape}, expected "
                               f"{expected.shape}")
        if not np.isfinite(got[name]).all():
            raise RuntimeError(f"{name} holds NaN or Inf")
        error = np.abs(got[name].astype(np.float64) - expected)
        allowed = TOLERANCE * np.maximum(1, np.abs(expected))
        worst = max(worst, float((error / allowed).max()))
    return worst


def run_all(models, server, options, work):
    """Prints a line a model; returns how many are wrong."""
    wrong = 0
    print(f"{'model':<10} {'error':>8}  (as a share of what is allowed)")
    for model in models:
        try:
            share = compare(
                predict(options.client, server, model, f"{work}/{model.name}"),
                model.expected())
            verdict = "" if share <= 1 else "  WRONG"
            wrong += share > 1
            print(f"{model.name:<10} {share:8.3f}  {model}{verdict}")
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            wrong += 1
            print(f"{model.name:<10} {'-':>8}  {model}  FAILED: {error}")
        sys.stdout.flush()
    return wrong


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binaries", default="build/release/bin",
                        help="where they are (default: %(default)s)")
    parser.add_argument("--only-write", metavar="DIR",
                        help="write the model repository there, no more")
    parser.add_argument("--load-seconds", type=float, default=120)
    options = parser.parse_args()
    options.client = f"{options.binaries}/unroll"

    torch.set_num_threads(1)
    models = random_models.make(options.models, options.seed)
    if options.only_write:
        for model in models:
            model.write(options.only_write)
            print(f"{model.name}  {model}")
        return 0
    with tempfile.TemporaryDirectory() as work, torch.no_grad():
        for model in models:
            model.write(f"{work}/repository")
        server = ServerProcess(
            f"{work}/repository", seconds=options.load_seconds,
            binary=f"{options.binaries}/unroll-server")
        try:
            wrong = run_all(models, server, options, f"{work}/calls")
        finally:
            exit_code = server.stop()
    print(f"{len(models) - wrong} of {len(models)} models as PyTorch; the "
          f"server left with {exit_code}")
    if wrong:
        print("".join(server.log), file=sys.stderr)
    return 1 if wrong or exit_code else 0


if __name__ == "__main__":
    sys.exit(main())
