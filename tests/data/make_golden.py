#!/usr/bin/python3
"""Writes golden.json (the cases) and golden.safetensors (PyTorch's outputs).

  /usr/bin/python3 tests/data/make_golden.py

Weights and inputs are not stored: tests/support/golden.py and golden.cc make
them from an integer hash. The outputs are float64:
`<case>.hidden` [T, D*H], `<case>.h_n` [L*D, H] and, with a head, `.scores`
([T, C] on each step, else [C]). Needs Debian's python3-torch.
"""

import itertools
import json
import os
import random
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import golden  # noqa: E402
from golden import safetensors_file  # noqa: E402

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
    rnn = torch.nn.RNN(case["input_size"], case["hidden_size"],
                       num_layers=case["num_layers"], bias=case["bias"],
                       nonlinearity=case["nonlinearity"],
                       bidirectional=case["directions"] == 2).double()
    rnn.load_state_dict({name: torch.from_numpy(weight) for name, weight
                         in golden.rnn_weights(case).items()})
    return rnn


def run(case):
    """PyTorch's outputs of a case, by name."""
    directions = case["directions"]
    features = golden.steps_of(case)
    if case["vocabulary_size"]:
        features = golden.embedding(case)[features]
    state = golden.initial_state(case)
    if state is not None:
        state = torch.from_numpy(state)
    hidden, h_n = make_rnn(case)(torch.from_numpy(features), state)
    results = {"hidden": hidden, "h_n": h_n}
    if case["head"]:
        head = case["head"]
        weights = {name: torch.from_numpy(weight) for name, weight
                   in golden.head_weights(case).items()}
        x = {"each_step": hidden, "last_step": hidden[-1],
             "h_n": h_n[-directions:].flatten()}[head["applied_to"]]
        y = x @ weights["weight"].T + weights.get("bias", 0)
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
