"""The golden cases, for Python: what tests/support/golden.cc is for C++.

Weights and inputs are not stored: `values` makes them from an integer hash that
golden.cc computes too, exact in float32. Needs numpy alone.
"""

import itertools
import json
import math
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402

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
    return array.reshape(shape)


def rnn_weights(case):
    """Under torch.nn.RNN's names."""
    i, h = case["input_size"], case["hidden_size"]
    layers, directions = case["num_layers"], case["directions"]
    weights = {}
    for layer, direction in itertools.product(range(layers), range(directions)):
        width = i if layer == 0 else directions * h
        shapes = ((h, width), (h, h), (h,), (h,))[:4 if case["bias"] else 2]
        for which, shape in enumerate(shapes):
            tensor = LAYER_0 + 4 * (layer * directions + direction) + which
            name = f"{LAYER_TENSORS[which]}_l{layer}" + "_reverse" * direction
            weights[name] = values(case["id"], tensor, shape, scale(h))
    return weights


def head_weights(case):
    """`weight`, and `bias` if it has one."""
    head, width = case["head"], case["directions"] * case["hidden_size"]
    weights = {"weight": values(case["id"], HEAD_WEIGHT,
                                (head["classes"], width), scale(width))}
    if head["bias"]:
        weights["bias"] = values(case["id"], HEAD_BIAS, (head["classes"],), 1.0)
    return weights


def embedding(case):
    return values(case["id"], EMBEDDING,
                  (case["vocabulary_size"], case["input_size"]), 1.0)


def steps_of(case):
    """Token ids [T], or features [T, I] where there is no embedding."""
    if v := case["vocabulary_size"]:
        return hashes(case["id"], INPUT, case["steps"]).astype(np.int64) % v
    return values(case["id"], INPUT, (case["steps"], case["input_size"]), 1.0)


def initial_state(case):
    """[L*D, H], or None for zeros."""
    if not case["initial_state"]:
        return None
    return values(case["id"], INITIAL_STATE,
                  (case["num_layers"] * case["directions"],
                   case["hidden_size"]), 1.0)


def cases():
    with open(os.path.join(DATA, "golden.json"), encoding="utf-8") as file:
        return json.load(file)["cases"]


def expected():
    """PyTorch's outputs of all cases, `<case>.hidden` and so on."""
    return safetensors_file.read(os.path.join(DATA, "golden.safetensors"))


def write_model(case, repository):
    """The case as a model of its name."""
    tensors = {f"rnn.{name}": w for name, w in rnn_weights(case).items()}
    config = {"nonlinearity": case["nonlinearity"]}
    if case["vocabulary_size"]:
        tensors["embedding.weight"] = embedding(case)
    if head := case["head"]:
        tensors |= {f"head.{name}": w for name, w in head_weights(case).items()}
        config["head"] = {name: head[name]
                          for name in ("activation", "applied_to")}
    directory = os.path.join(repository, case["name"], "1")
    os.makedirs(directory)
    safetensors_file.write(
        os.path.join(directory, "model.safetensors"),
        {name: w.astype(np.float32) for name, w in tensors.items()})
    with open(os.path.join(directory, "config.json"), "w",
              encoding="utf-8") as file:
        json.dump(config, file)


def error(got, want):
    """The largest |got - want| / max(1, |want|): 1e-5 is allowed."""
    assert got.shape == want.shape, (got.shape, want.shape)
    return float(np.max(np.abs(got - want) / np.maximum(1, np.abs(want))))
