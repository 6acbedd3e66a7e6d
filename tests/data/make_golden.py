#!/usr/bin/python3
"""Writes golden.json (the cases) and golden.safetensors (PyTorch's outputs).

  /usr/bin/python3 tests/data/make_golden.py

Weights and inputs are not stored: `values` makes them from an integer hash that
tests/support/golden.cc computes too, exact in float32. The outputs are float64:
`<case>.hidden` [T, D*H], `<case>.h_n` [L*D, H] and, with a head, `.scores`
([T, C] on each step, else [C]). Needs Debian's python3-torch.
"""

import itertools
import json
import math
import os
import random
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402

SIZES = (1, 5, 8, 33, 64, 100, 256)
ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
}
APPLIED_TO = ("each_step", "last_step", "h_n")

# Which tensor of a case a hash is for; a layer's four follow LAYER_0.
INPUT, INITIAL_STATE, EMBEDDING, HEAD_WEIGHT, HEAD_BIAS = range(5)
LAYER_0 = 16
LAYER_TENSORS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def hashes(case, tensor, count):
    """`count` numbers of 24 bits: splitmix64 at (case, tensor, element)."""
    start = case << 48 | tensor << 40
    z = np.uint64(start) + np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return (z ^ z >> np.uint64(31)) >> np.uint64(40)


def scale(fan_in):
    """A power of two not far above 1 / sqrt(fan_in)."""
    exponent = 0
    while 4 ** (exponent + 1) <= fan_in:
        exponent += 1
    return 2.0 ** -exponent


def values(case, tensor, shape, bound):
    """Numbers in [-bound, bound), exact in float32 as bound is 2^k."""
    bits = hashes(case, tensor, math.prod(shape)).astype(np.float64)
    array = (bits - 2 ** 23) / 2 ** 23 * bound
    assert np.array_equal(array, array.astype(np.float32))
    return torch.from_numpy(array.reshape(shape))


def rnn_cases():
    """Every combination of the switches, twice; every pair of I and H, twice.

    The seed is one with which all other pairs of values occur too.
    """
    switches = list(itertools.product(
        ("tanh", "relu"), (1, 2, 3), (1, 2), (True, False), (True, False)))
    sizes = list(itertools.product(SIZES, SIZES)) * 2
    for seed in range(1000):
        chooser = random.Random(seed)
        rows = [switch + size + (chooser.randint(1, 24),) for switch, size in
                zip(switches + switches + switches[:2],
                    chooser.sample(sizes, len(sizes)))]
        columns = list(zip(*rows))[:-1]
        if all(len(set(zip(a, b))) == len(set(a)) * len(set(b))
               for a, b in itertools.combinations(columns, 2)):
            break
    else:
        raise RuntimeError("no seed covers all pairs")
    for row in rows:
        nonlinearity, layers, directions, bias, state, i, h, steps = row
        yield {
            "name": f"{nonlinearity}_l{layers}_d{directions}"
                    f"_{'bias' if bias else 'nobias'}"
                    f"_{'state' if state else 'zero'}_i{i}_h{h}_t{steps}",
            "nonlinearity": nonlinearity, "num_layers": layers,
            "directions": directions, "bias": bias, "initial_state": state,
            "input_size": i, "hidden_size": h, "steps": steps}


def head_cases():
    """All activations x applied_to x head bias or not x D; some embeddings."""
    # Cycles of coprime lengths meet in all ways. No D*H is I: without a bias
    # a head would look like an embedding.
    classes = itertools.cycle((2, 3, 12, 33, 100, 1, 10, 4, 7, 64, 5))
    vocabularies = itertools.cycle((0, 7, 0, 1, 300))
    hidden = itertools.cycle((5, 33, 8, 64, 1, 17, 2))
    for row, (activation, applied_to, bias, directions) in enumerate(
            itertools.product(ACTIVATIONS, APPLIED_TO, (True, False), (1, 2))):
        c, v, h = next(classes), next(vocabularies), next(hidden)
        yield {
            "name": f"{activation}_{applied_to}_d{directions}"
                    f"_{'bias' if bias else 'nobias'}_c{c}_v{v}_h{h}",
            "nonlinearity": ("tanh", "relu")[row // 4 % 2],
            "num_layers": 1 + row // 3 % 2, "directions": directions,
            "bias": row % 3 != 0, "initial_state": row % 5 == 0,
            "input_size": 12, "hidden_size": h, "steps": 1 + row * 5 % 13,
            "vocabulary_size": v,
            "head": {"activation": activation, "applied_to": applied_to,
                     "classes": c, "bias": bias}}


def embedding_cases():
    """Token models without a head."""
    for v, i, h, layers, directions in (
            (1, 1, 5, 1, 1), (2, 8, 8, 1, 2), (7, 33, 5, 2, 1),
            (100, 64, 33, 3, 2), (1000, 5, 100, 1, 1)):
        yield {
            "name": f"embedding_v{v}_i{i}_h{h}_l{layers}_d{directions}",
            "nonlinearity": "tanh", "num_layers": layers,
            "directions": directions, "bias": True, "initial_state": v == 100,
            "input_size": i, "hidden_size": h, "steps": 15,
            "vocabulary_size": v}


def make_rnn(case):
    """The case's torch.nn.RNN in float64."""
    i, h = case["input_size"], case["hidden_size"]
    layers, directions = case["num_layers"], case["directions"]
    rnn = torch.nn.RNN(i, h, num_layers=layers, bias=case["bias"],
                       nonlinearity=case["nonlinearity"],
                       bidirectional=directions == 2).double()
    weights = {}
    for layer, direction in itertools.product(range(layers), range(directions)):
        width = i if layer == 0 else directions * h
        shapes = ((h, width), (h, h), (h,), (h,))[:4 if case["bias"] else 2]
        for which, shape in enumerate(shapes):
            tensor = LAYER_0 + 4 * (layer * directions + direction) + which
            name = f"{LAYER_TENSORS[which]}_l{layer}" + "_reverse" * direction
            weights[name] = values(case["id"], tensor, shape, scale(h))
    rnn.load_state_dict(weights)
    return rnn


def run(case):
    """PyTorch's outputs of a case, by name."""
    number, steps = case["id"], case["steps"]
    i, h, v = case["input_size"], case["hidden_size"], case["vocabulary_size"]
    layers, directions = case["num_layers"], case["directions"]
    if v:
        tokens = hashes(number, INPUT, steps).astype(np.int64) % v
        features = values(number, EMBEDDING, (v, i), 1.0)[tokens]
    else:
        features = values(number, INPUT, (steps, i), 1.0)
    state = (values(number, INITIAL_STATE, (layers * directions, h), 1.0)
             if case["initial_state"] else None)
    hidden, h_n = make_rnn(case)(features, state)
    results = {"hidden": hidden, "h_n": h_n}
    if case["head"]:
        head = case["head"]
        width, classes = directions * h, head["classes"]
        x = {"each_step": hidden, "last_step": hidden[-1],
             "h_n": h_n[-directions:].flatten()}[head["applied_to"]]
        y = x @ values(number, HEAD_WEIGHT, (classes, width), scale(width)).T
        if head["bias"]:
            y = y + values(number, HEAD_BIAS, (classes,), 1.0)
        results["scores"] = ACTIVATIONS[head["activation"]](y)
    return {f"{case['name']}.{name}": tensor.numpy()
            for name, tensor in results.items()}


def main():
    cases = [{"id": number, "vocabulary_size": 0, "head": None, **case}
             for number, case in enumerate(itertools.chain(
                 rnn_cases(), head_cases(), embedding_cases()))]
    outputs = {}
    with torch.no_grad():
        for case in cases:
            outputs.update(run(case))
    names = {case["name"] for case in cases}
    assert len(names) == len(cases)
    safetensors_file.write(os.path.join(HERE, "golden.safetensors"), outputs)
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as file:
        rows = ",\n".join("  " + json.dumps(case) for case in cases)
        file.write('{"cases": [\n' + rows + "\n]}\n")
    print(f"{len(cases)} cases, {sum(a.nbytes for a in outputs.values())} "
          f"bytes of outputs, with torch {torch.__version__}")


if __name__ == "__main__":
    main()
