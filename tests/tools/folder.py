"""Runs a model's folder with numpy, from the files alone: a second opinion.

It goes by README's words on config.json and has nothing of tools/export.py.
"""

import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402


def softmax(x):
    exponents = np.exp(x - x.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
}


def read_lines(path):
    """A vocab.txt or labels.txt; only the escapes \\n, \\t and \\\\."""
    with open(path, encoding="utf-8", newline="\n") as file:
        lines = file.read().removesuffix("\n").split("\n")
    return [line.replace("\\\\", "\0").replace("\\n", "\n")
            .replace("\\t", "\t").replace("\0", "\\") for line in lines]


class Folder:
    """What stands in it, and what the network makes of an input."""

    def __init__(self, directory):
        def path(name):
            return os.path.join(directory, name)

        def optional(name, read):
            return read(path(name)) if os.path.exists(path(name)) else None

        with open(path("config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.weights = {name: array.astype(np.float64) for name, array in
                        safetensors_file.read(
                            path("model.safetensors")).items()}
        self.example = optional("example.safetensors", safetensors_file.read)
        self.vocabulary = optional("vocab.txt", read_lines)
        self.labels = optional("labels.txt", read_lines)

    def layer(self, name, x, h):
        """All steps of one layer in one direction, [T, N, H]."""
        g = ACTIVATIONS[self.config["nonlinearity"]]
        bias = sum(self.weights.get(name.replace("weight_ih", bias), 0)
                   for bias in ("bias_ih", "bias_hh"))
        out = []
        for step in x:
            h = g(step @ self.weights[name].T + bias
                  + h @ self.weights[name.replace("_ih_", "_hh_")].T)
            out.append(h)
        return np.stack(out)

    def run(self, example):
        """{"hidden", "h_n", "scores"} of an example's input."""
        x = example.get("tokens", example.get("input"))
        single = x.ndim == (1 if "tokens" in example else 2)
        x = x[None] if single else x
        if "tokens" in example:
            embedding = self.weights.get("embedding.weight")
            x = (np.eye(len(self.vocabulary)) if embedding is None
                 else embedding)[x]
        elif "input" in self.config:
            x = (x - np.float64(self.config["input"]["mean"])
                 ) / self.config["input"]["std"]
        x = np.swapaxes(x.astype(np.float64), 0, 1)
        prefixes = self.config.get("tensors", {}).get("rnn", ["rnn."])
        final = []
        for prefix in prefixes:
            layer = 0
            while f"{prefix}weight_ih_l{layer}" in self.weights:
                outs = []
                for end, order in (("", 1), ("_reverse", -1)):
                    name = f"{prefix}weight_ih_l{layer}{end}"
                    if name not in self.weights:
                        continue
                    h = self.weights[name].shape[0]
                    h = (np.zeros((x.shape[1], h)) if "h_0" not in example else
                         example["h_0"].reshape(-1, x.shape[1], h)[len(final)])
                    out = self.layer(name, x[::order], h)
                    final.append(out[-1])
                    outs.append(out[::order])
                x = np.concatenate(outs, -1)
                layer += 1
        results = {"hidden": np.swapaxes(x, 0, 1), "h_n": np.stack(final)}
        if "head" in self.config:
            results["scores"] = self.head(x, final[-len(outs):])
        if single:
            return {name: array[:, 0] if name == "h_n" else array[0]
                    for name, array in results.items()}
        return results

    def head(self, x, final):
        """The scores for steps [T, N, D*H] and the top layer's last states."""
        config = self.config["head"]
        x = {"each_step": np.swapaxes(x, 0, 1), "last_step": x[-1],
             "h_n": np.concatenate(final, -1), "mean": x.mean(0),
             "max": x.max(0)}[config["applied_to"]]
        layers = config.get("layers") or [
            {"tensors": "head.", "activation": config["activation"]}]
        for layer in layers:
            x = x @ self.weights[layer["tensors"] + "weight"].T
            x = x + self.weights.get(layer["tensors"] + "bias", 0)
            x = ACTIVATIONS[layer["activation"]](x)
        return x

    def error(self):
        """The worst of the example; raises where names or shapes differ."""
        inputs = {"tokens", "input", "h_0"}
        want = {name: array for name, array in self.example.items()
                if name not in inputs}
        got = self.run(self.example)
        assert want and set(want) <= set(got), (set(want), set(got))
        worst = 0.0
        for name, array in want.items():
            assert array.dtype == np.float32, (name, array.dtype)
            assert array.shape == got[name].shape, (
                name, array.shape, got[name].shape)
            worst = max(worst, float(np.abs(array - got[name]).max()))
        return worst
