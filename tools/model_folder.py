"""Writes the folder of a model, as unroll reads it; needs numpy alone.

export.py (PyTorch) and export_keras.py (Keras) make a `Network` and `Texts`;
what is checked and how it is written is the same for both.
"""

import dataclasses
import json
import os
import re
import shutil

import numpy as np

import safetensors_file

WEIGHTS = "model.safetensors"
EXAMPLE = "example.safetensors"
# All that may be in a folder; the weights last, as they make it a model.
FILES = ("config.json", "vocab.txt", "labels.txt", EXAMPLE, WEIGHTS)

NONLINEARITIES = ("tanh", "relu")
ACTIVATIONS = ("identity", "tanh", "relu", "sigmoid", "softmax", "log_softmax")
APPLIED_TO = ("each_step", "last_step", "h_n", "mean", "max")
TOKENIZERS = ("words", "characters")
BLANK = "[ ]"
# Unicode's, as the server has it: str.split() takes U+001C to U+001F too.
WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f"
                         "\u205f\u3000]+")

# An example is made of so many steps, but of no more scores than that.
EXAMPLE_STEPS = 8
MOST_EXAMPLE_SCORES = 1 << 16
# Scores and h_n show all of a network, so that a larger hidden is left out.
MOST_EXAMPLE_HIDDEN = 4096
# What the server takes.
MOST_STEPS = 4096
MOST_EXAMPLE_BYTES = 16 << 20


class ExportError(ValueError):
    """The model cannot be written; the message says what to do."""


def require(condition, message):
    if not condition:
        raise ExportError(message)


def require_word(what, word, words):
    require(word in words,
            f"{what} is {word!r}, expected one of {', '.join(words)}")


# How float weights are stored, by the name of the type.
STORED = {
    "float32": lambda array: np.asarray(array).astype(np.float32),
    "float16": lambda array: np.asarray(array).astype(np.float16),
    "bfloat16": safetensors_file.BFloat16,
}


def store(array, dtype):
    """What is written for `array`."""
    with np.errstate(over="ignore"):
        return STORED[dtype](array)


def as_read(stored):
    """The float32 numbers that the server makes of it."""
    if isinstance(stored, safetensors_file.BFloat16):
        return stored.float32()
    return stored.astype(np.float32)


@dataclasses.dataclass
class Linear:
    """A layer of the head; `prefix` is that of its names in the file."""
    prefix: str
    weight: np.ndarray  # [out, in]
    bias: np.ndarray = None
    activation: str = "identity"


@dataclasses.dataclass
class Network:
    """What is served. Arrays that are one object are written once."""
    rnns: list  # of {nn.RNN's name: array}, in the order they are run
    nonlinearity: str = "tanh"
    embedding: np.ndarray = None  # [V, I]
    head: list = dataclasses.field(default_factory=list)  # of Linear
    applied_to: str = "each_step"
    mean: object = None  # of each feature, or of all: (x - mean) / std
    std: object = None

    def __post_init__(self):
        first = self.rnns[0]
        self.input_size = first["weight_ih_l0"].shape[1]
        self.hidden_size = first["weight_hh_l0"].shape[1]
        self.directions = 2 if "weight_ih_l0_reverse" in first else 1
        self.width = self.directions * self.hidden_size  # of what a step gives
        self.layers = sum(name.startswith("weight_hh") for rnn in self.rnns
                          for name in rnn) // self.directions
        self.classes = len(self.head[-1].weight) if self.head else 0
        self.check()
        if self.mean is not None or self.std is not None:
            self.mean = self.numbers("mean", self.mean, 0)
            self.std = self.numbers("std", self.std, 1)
            require(np.all(self.std > 0), "std: all have to be above 0")

    def numbers(self, what, value, default):
        """One float32, or one for each feature."""
        array = np.asarray(default if value is None else value, np.float32)
        require(array.shape in ((), (self.input_size,)),
                f"{what} has the shape {list(array.shape)}, expected a number "
                f"or [{self.input_size}], one for each feature")
        require(np.isfinite(array).all(), f"{what} is not finite")
        return array

    def check(self):
        require_word("nonlinearity", self.nonlinearity, NONLINEARITIES)
        require_word("applied_to", self.applied_to, APPLIED_TO)
        for number, rnn in enumerate(self.rnns[1:], 1):
            h = rnn["weight_hh_l0"].shape[1]
            d = 2 if "weight_ih_l0_reverse" in rnn else 1
            require((h, d) == (self.hidden_size, self.directions),
                    f"rnn {number} has hidden_size {h} and {d} direction(s), "
                    f"the first {self.hidden_size} and {self.directions}: "
                    "stacked ones have to be alike")
            reads = rnn["weight_ih_l0"].shape[1]
            require(reads == self.width,
                    f"rnn {number} reads {reads} numbers a step, but the one "
                    f"before it gives {self.width}")
        if self.embedding is not None:
            columns = self.embedding.shape[1]
            require(columns == self.input_size,
                    f"the embedding gives {columns} numbers, but the rnn's "
                    f"input_size is {self.input_size}")
        width = self.width
        for layer in self.head:
            require_word("activation", layer.activation, ACTIVATIONS)
            require(layer.weight.shape[1] == width,
                    f"the head's {layer.prefix}weight reads "
                    f"{layer.weight.shape[1]} numbers, but gets {width}")
            require("softmax" not in layer.activation
                    or layer is self.head[-1],
                    f"{layer.activation} inside the head: only its last layer "
                    "may have it")
            width = len(layer.weight)

    def prefixes(self):
        """Of the nn.RNNs' names."""
        return (["rnn."] if len(self.rnns) == 1
                else [f"rnn.{number}." for number in range(len(self.rnns))])

    def tensors(self):
        """{name: array}, and {name: the other name} of those that are tied."""
        named = [("embedding.weight", self.embedding)]
        named += [(prefix + name, array)
                  for prefix, rnn in zip(self.prefixes(), self.rnns)
                  for name, array in rnn.items()]
        for layer in self.head:
            named += [(layer.prefix + "weight", layer.weight),
                      (layer.prefix + "bias", layer.bias)]
        tensors, tied, first = {}, {}, {}
        for name, array in named:
            if array is None:
                continue
            if id(array) in first:
                tied[name] = first[id(array)]
            else:
                first[id(array)] = name
                tensors[name] = array
        return tensors, tied

    def config(self):
        """config.json, but for what `Texts` adds."""
        config = {"nonlinearity": self.nonlinearity}
        if self.mean is not None:
            config["input"] = {"mean": shortest(self.mean),
                               "std": shortest(self.std)}
        if len(self.head) == 1:
            config["head"] = {"activation": self.head[0].activation,
                              "applied_to": self.applied_to}
        elif self.head:
            config["head"] = {"applied_to": self.applied_to, "layers": [
                {"tensors": layer.prefix, "activation": layer.activation}
                for layer in self.head]}
        # All other names say what they are.
        if len(self.rnns) > 1:
            config["tensors"] = {"rnn": self.prefixes()}
        return config

    def __str__(self):
        counts = [f"{self.layers} layers"] * (self.layers > 1)
        counts += ["both directions"] * (self.directions > 1)
        parts = [f"RNN({self.nonlinearity}) {self.input_size} -> "
                 + ", ".join([str(self.hidden_size), *counts])]
        if self.embedding is not None:
            parts.insert(0, "embedding {} x {}".format(*self.embedding.shape))
        if self.head:
            layers = " -> ".join(f"{len(layer.weight)} {layer.activation}"
                                 for layer in self.head)
            parts.append(f"head {layers} of {self.applied_to}")
        return "; ".join(parts)


def shortest(array):
    """float32 numbers as the shortest decimals that are read as the same."""
    numbers = [float(str(number)) for number in array.ravel()]
    return numbers if array.ndim else numbers[0]


@dataclasses.dataclass
class Texts:
    """The tokens and classes of a model, and how text becomes tokens.

    The vocabulary is a list, or {token: id} as many tokenizers have it.
    """
    vocabulary: object = None
    tokenizer: str = None
    unknown_token: str = None
    blank_token: str = None
    labels: list = None

    def __post_init__(self):
        if isinstance(self.vocabulary, dict):
            ids = sorted(self.vocabulary.values())
            require(ids == list(range(len(ids))),
                    "vocabulary: the ids have to be 0 to "
                    f"{len(ids) - 1}, each once")
            self.vocabulary = sorted(self.vocabulary, key=self.vocabulary.get)
        for what in ("vocabulary", "labels"):
            if getattr(self, what) is not None:
                setattr(self, what, checked(what, getattr(self, what)))
        self.ids = {token: index
                    for index, token in enumerate(self.vocabulary or ())}
        for what in ("tokenizer", "unknown_token", "blank_token"):
            value = getattr(self, what)
            require(value is None or self.vocabulary is not None,
                    f"{what} needs a vocabulary")
            require(value is None or what == "tokenizer" or value in self.ids,
                    f"{what} {value!r} is not in the vocabulary")
        if self.vocabulary is not None:
            self.tokenizer = self.tokenizer or "words"
            require_word("tokenizer", self.tokenizer, TOKENIZERS)

    def check(self, network):
        """Whether the counts are the network's."""
        if self.vocabulary is not None:
            if network.embedding is None:
                count, what = network.input_size, (
                    "the input_size of the rnn, as there is no embedding and "
                    "tokens are one-hot")
            else:
                count, what = len(network.embedding), "the embedding's rows"
            require(len(self.vocabulary) == count,
                    f"vocabulary: {len(self.vocabulary)} tokens, expected "
                    f"{count}, {what}")
        if self.labels is not None:
            require(network.head, "labels need a head")
            require(len(self.labels) == network.classes,
                    f"labels: {len(self.labels)}, expected {network.classes}, "
                    "the outputs of the head")

    def encode(self, text):
        """The ids of a text, as the server finds them."""
        pieces = text.split(BLANK) if self.blank_token else [text]
        ids = []
        for number, piece in enumerate(pieces):
            if number:
                ids.append(self.ids[self.blank_token])
            tokens = (piece if self.tokenizer == "characters" else
                      filter(None, WHITE_SPACE.split(piece)))
            for token in tokens:
                index = self.ids.get(token, self.ids.get(self.unknown_token))
                require(index is not None,
                        f"example: {token!r} is not in the vocabulary, and "
                        "there is no unknown_token")
                ids.append(index)
        return ids

    def labels_file(self):
        """The vocabulary's own where its tokens are the classes."""
        return ("vocab.txt" if self.labels == self.vocabulary
                else "labels.txt")

    def config(self):
        config = {}
        if self.vocabulary is not None:
            config["vocabulary"] = "vocab.txt"
        if self.labels is not None:
            config["labels"] = self.labels_file()
        for what in ("tokenizer", "unknown_token", "blank_token"):
            if getattr(self, what) is not None:
                config[what] = getattr(self, what)
        return config


def checked(what, lines):
    """A list of distinct strings that a file can hold, a line each."""
    require(not isinstance(lines, str), f"{what} is a string, expected a list")
    lines = list(lines)
    seen = {}
    for index, line in enumerate(lines):
        require(isinstance(line, str) and line,
                f"{what}: entry {index} is {line!r}, expected some text")
        require(not any("\ud800" <= character <= "\udfff"
                        for character in line),
                f"{what}: entry {index}, {line!r}, is not Unicode")
        require(line not in seen,
                f"{what}: entry {index}, {line!r}, repeats {seen.get(line)}")
        seen[line] = index
    require(lines, f"{what} is empty")
    return lines


def write_lines(path, lines):
    """An entry a line, with the escapes that the server knows."""
    escapes = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(line.translate(escapes) + "\n" for line in lines)


def example_input(network, texts, example, steps=None):
    """The array to run: float32 features or int64 ids, of a batch or not.

    `example` is such an array, a text, texts of equally many tokens, or None:
    then it is made from a fixed seed, with `steps` steps or as many as suit.
    """
    tokens = network.embedding is not None or texts.vocabulary is not None
    sizes = len(network.embedding) if network.embedding is not None else (
        network.input_size)
    if example is None:
        generator = np.random.default_rng(1)
        most = MOST_EXAMPLE_SCORES // max(network.classes, 1)
        steps = steps or max(1, min(EXAMPLE_STEPS, most))
        if tokens:
            return generator.integers(sizes, size=(1, steps))
        x = generator.standard_normal((1, steps, sizes))
        if network.mean is not None:
            x = x * network.std + network.mean
        return x.astype(np.float32)
    many = isinstance(example, (list, tuple))
    if isinstance(example, str) or many and any(
            isinstance(text, str) for text in example):
        require(texts.vocabulary is not None,
                "example: texts need a vocabulary")
        ids = [texts.encode(text) for text in (example if many else [example])]
        lengths = [len(row) for row in ids]
        require(len(set(lengths)) == 1,
                f"example: texts of {lengths} tokens, expected equally many")
        example = ids if many else ids[0]
    x = np.asarray(example)
    require(x.size > 0, "example: there is nothing in it")
    count = x.size if tokens else x.size // x.shape[-1]
    require(count <= MOST_STEPS,
            f"example: {count} steps in all, expected at most {MOST_STEPS}")
    if tokens:
        require(x.dtype.kind in "iu" and x.ndim in (1, 2),
                f"example: {x.dtype} {list(x.shape)}, expected ids [N, T] or "
                "[T]")
        require(x.min() >= 0 and x.max() < sizes,
                f"example: ids {x.min()} to {x.max()}, expected 0 to "
                f"{sizes - 1}")
        return x.astype(np.int64)
    require(x.dtype.kind in "iuf" and x.ndim in (2, 3)
            and x.shape[-1] == sizes,
            f"example: {x.dtype} {list(x.shape)}, expected features [N, T, "
            f"{sizes}] or [T, {sizes}]")
    return x.astype(np.float32)


def example_tensors(example, h_0, results):
    """What example.safetensors holds, with or without a batch as `example`.

    `results` are {name: array} with a batch: all in float32.
    """
    tokens = example.dtype == np.int64
    tensors = {"tokens" if tokens else "input": example}
    if h_0 is not None:
        tensors["h_0"] = h_0
    single = example.ndim == (1 if tokens else 2)
    for name, array in results.items():
        if (name == "hidden" and "scores" in results
                and array.size > MOST_EXAMPLE_HIDDEN):
            continue
        if single:
            array = array[:, 0] if name == "h_n" else array[0]
        with np.errstate(over="ignore"):
            tensors[name] = array.astype(np.float32)
        require(np.isfinite(tensors[name]).all(), f"example: {name} is not "
                "finite; give an example on which the network is")
    size = sum(array.nbytes for array in tensors.values())
    require(size < MOST_EXAMPLE_BYTES - (1 << 16),
            f"example: {size} bytes with its results, expected less than "
            f"{MOST_EXAMPLE_BYTES}: give fewer steps")
    return tensors


def check_directory(directory, overwrite):
    """Before any work is done."""
    require(not os.path.exists(directory) or os.path.isdir(directory),
            f"{directory} is not a directory")
    require(overwrite or not os.path.isdir(directory)
            or not os.listdir(directory),
            f"{directory} is not empty: give another, or overwrite=True")


def write(directory, network, texts, example, dtype="float32",
          overwrite=False):
    """Writes all files and says so. `example` is {name: array} or None.

    A folder that is new appears at once, with all its files. In one that is
    there already each file is replaced at once, but one after the other.
    """
    check_directory(directory, overwrite)
    tensors, tied = network.tensors()
    stored = {name: store(array, dtype) for name, array in tensors.items()}
    for name, array in stored.items():
        require(np.isfinite(as_read(array)).all(),
                f"{name} is not finite in {dtype}")
    target = os.path.realpath(directory)
    parent, name = os.path.split(target)
    os.makedirs(parent, exist_ok=True)
    # The server passes over names that begin with a dot.
    partial = f"{parent}/.{name}.{os.getpid()}"
    os.mkdir(partial)
    try:
        with open(f"{partial}/config.json", "w", encoding="utf-8") as file:
            json.dump({**network.config(), **texts.config()}, file, indent=2,
                      ensure_ascii=False)
            file.write("\n")
        if texts.vocabulary is not None:
            write_lines(f"{partial}/vocab.txt", texts.vocabulary)
        if texts.labels is not None and texts.labels_file() == "labels.txt":
            write_lines(f"{partial}/labels.txt", texts.labels)
        if example is not None:
            safetensors_file.write(f"{partial}/{EXAMPLE}", example)
        safetensors_file.write(f"{partial}/{WEIGHTS}", stored, tied)
        written = [name for name in FILES
                   if os.path.exists(f"{partial}/{name}")]
        size = os.path.getsize(f"{partial}/{WEIGHTS}")
        if os.path.isdir(target) and os.listdir(target):
            replace_files(partial, target)
        else:
            os.rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    count = sum(array.size for array in tensors.values())
    print(f"{directory}: {', '.join(written)}; {count:,} {dtype} weights, "
          f"{size:,} bytes\n  {network}")


def replace_files(partial, directory):
    """Moves the new files over the old ones; old ones of ours go."""
    for name in FILES:
        if os.path.exists(f"{partial}/{name}"):
            os.replace(f"{partial}/{name}", f"{directory}/{name}")
        elif os.path.exists(f"{directory}/{name}"):
            os.remove(f"{directory}/{name}")
