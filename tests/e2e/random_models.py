"""Random networks of the kind that unroll serves, for compare_with_pytorch."""

import json
import os
import random
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402

ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
}
# As people name them.
RNN_PREFIXES = ("", "rnn.", "encoder.rnn.", "net.layers.0.", "module.cell.")
EMBEDDING_NAMES = ("embedding.weight", "emb.weight", "encoder.embed.weight")
HEAD_PREFIXES = ("head.", "fc.", "out.proj.", "classifier.1.")


def float64(array):
    """Numbers that need more than float32, as PyTorch would have trained."""
    return array.astype(np.float64) * (1 + 2e-8)


# From PyTorch's float32 to what the file holds.
DTYPES = {
    "F32": lambda array: array,
    "F64": float64,
    "F16": lambda array: array.astype(np.float16),
    "BF16": safetensors_file.BFloat16,
}


class RandomModel:
    """One network, an input and PyTorch's answer."""

    def __init__(self, name, chooser):
        self.name = name
        self.nonlinearity = chooser.choice(("tanh", "relu"))
        self.num_layers = chooser.randint(1, 4)
        self.directions = chooser.randint(1, 2)
        self.bias = chooser.random() < 0.7
        self.input_size = random_size(chooser)
        self.hidden_size = random_size(chooser)
        self.steps = 1 if chooser.random() < 0.1 else chooser.randint(2, 60)
        self.dtype = chooser.choice(list(DTYPES))
        self.vocabulary_size = (chooser.randint(1, 500)
                                if chooser.random() < 0.4 else 0)
        self.activation = self.applied_to = None
        self.classes, self.head_bias = 0, False
        if chooser.random() < 0.7:
            self.activation = chooser.choice(list(ACTIVATIONS))
            self.applied_to = chooser.choice(("each_step", "last_step", "h_n"))
            self.classes = chooser.randint(1, 100)
            self.head_bias = chooser.random() < 0.8
        self.prefix = chooser.choice(RNN_PREFIXES)
        self.embedding_name = chooser.choice(EMBEDDING_NAMES)
        self.head_prefix = chooser.choice(HEAD_PREFIXES)
        self.fill(np.random.default_rng(chooser.getrandbits(32)),
                  has_state=chooser.random() < 0.5)

    def fill(self, generator, has_state):
        """Weights as PyTorch draws them, the input, the initial state."""
        width = self.directions * self.hidden_size
        torch.manual_seed(int(generator.integers(2 ** 32)))
        self.rnn = torch.nn.RNN(
            self.input_size, self.hidden_size, num_layers=self.num_layers,
            nonlinearity=self.nonlinearity, bias=self.bias,
            bidirectional=self.directions == 2, batch_first=True)
        self.head = (torch.nn.Linear(width, self.classes, bias=self.head_bias)
                     if self.classes else None)
        self.embedding = (
            torch.nn.Embedding(self.vocabulary_size, self.input_size)
            if self.vocabulary_size else None)
        if self.embedding:
            self.input = generator.integers(
                self.vocabulary_size, size=self.steps, dtype=np.int64)
        else:
            self.input = generator.standard_normal(
                (self.steps, self.input_size), dtype=np.float32)
        self.initial_state = generator.uniform(
            -1, 1, (self.num_layers * self.directions, self.hidden_size)
        ).astype(np.float32) if has_state else None
        self.stored = {}
        for module, prefix in self.modules():
            for name, parameter in module.named_parameters():
                stored = DTYPES[self.dtype](parameter.detach().numpy())
                self.stored[prefix + name] = stored
                parameter.data = torch.tensor(as_read(stored)).double()

    def modules(self):
        """(module, prefix of its names in the file) of those that there are."""
        return [(module, prefix) for module, prefix in (
            (self.embedding, self.embedding_name.removesuffix("weight")),
            (self.rnn, self.prefix),
            (self.head, self.head_prefix)) if module is not None]

    def __str__(self):
        head = (f"{self.activation} {self.classes} ({self.applied_to}"
                f"{'' if self.head_bias else ', no bias'})"
                if self.head else "no head")
        read = f"V {self.vocabulary_size}, " if self.embedding else ""
        return (f"{self.nonlinearity} {read}I {self.input_size}, "
                f"H {self.hidden_size}, L {self.num_layers}, "
                f"D {self.directions}, T {self.steps}, "
                f"{'bias' if self.bias else 'no bias'}, "
                f"{'zeros' if self.initial_state is None else 'state'}, "
                f"{head}, {self.dtype}")

    def config(self):
        """Only what the weights do not say or leave ambiguous."""
        config = {}
        if self.nonlinearity != "tanh":
            config["nonlinearity"] = self.nonlinearity
        if self.head and (self.activation, self.applied_to) != (
                "identity", "each_step"):
            config["head"] = {"activation": self.activation,
                              "applied_to": self.applied_to}
        # Without a bias both are one matrix of some rows and that width.
        width = self.directions * self.hidden_size
        if self.input_size == width and (
                self.embedding or self.head and not self.head_bias):
            config["tensors"] = {}
            if self.embedding:
                config["tensors"]["embedding"] = self.embedding_name
            if self.head:
                config["tensors"]["head"] = self.head_prefix
        return config

    def write(self, repository):
        """The model's folder; no config.json when nothing need be said."""
        folder = f"{repository}/{self.name}"
        os.makedirs(folder)
        safetensors_file.write(f"{folder}/model.safetensors", self.stored)
        config = self.config()
        if config:
            with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
                json.dump(config, file)

    def expected(self):
        """{result: float64 array} as `unroll predict` should give them."""
        x = torch.from_numpy(self.input)
        x = self.embedding(x) if self.embedding else x.double()
        state = (None if self.initial_state is None
                 else torch.from_numpy(self.initial_state).double())
        hidden, h_n = self.rnn(x, state)
        results = {"hidden": hidden, "h_n": h_n}
        if self.head:
            read = {"each_step": hidden, "last_step": hidden[-1],
                    "h_n": h_n[-self.directions:].flatten()}[self.applied_to]
            results["scores"] = ACTIVATIONS[self.activation](self.head(read))
        return {name: tensor.detach().numpy()
                for name, tensor in results.items()}


def as_read(stored):
    """The float32 numbers that a reader is to make of it."""
    if isinstance(stored, safetensors_file.BFloat16):
        return stored.float32()
    return stored.astype(np.float32)


def random_size(chooser):
    """1 to 300, the small ones as likely as the large."""
    return max(1, round(300 ** chooser.random()))


def make(count, seed):
    """`count` models that follow from the seed alone."""
    chooser = random.Random(seed)
    return [RandomModel(f"random{index:03}", chooser) for index in range(count)]
