#!/usr/bin/python3
"""Writes exported/: small models by tools/export.py, each with an example.

  /usr/bin/python3 tests/data/make_exported.py

Needs Debian's python3-torch. The weights are random, from a fixed seed, and
the folder is a model repository.
"""

import os
import sys

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
from export import export  # noqa: E402


def write(name, **arguments):
    export(os.path.join(HERE, "exported", name), overwrite=True, **arguments)


def main():
    torch.manual_seed(1)
    write("mlp_mean_bidirectional_relu",
          rnn=nn.RNN(5, 8, 2, nonlinearity="relu", bidirectional=True),
          head=nn.Sequential(nn.Linear(16, 6), nn.ReLU(), nn.Dropout(0.5),
                             nn.Linear(6, 4, bias=False), nn.Tanh(),
                             nn.Linear(4, 3), nn.Softmax(dim=-1)),
          applied_to="mean", example=torch.randn(3, 7, 5))
    write("stacked_normalized",
          rnn=[nn.RNN(3, 6), nn.RNN(6, 6, 2, bias=False)],
          head=nn.Linear(6, 2), applied_to="last_step", activation="tanh",
          mean=[20.0, -1.5, 1000.0], std=[5.0, 0.25, 300.0],
          h_0=torch.rand(3, 1, 6) * 2 - 1)
    write("onehot_characters",
          rnn=nn.RNN(8, 10), head=nn.Linear(10, 4), activation="softmax",
          vocabulary=["?", " ", "a", "b", "c", "\n", "\t", "\\"],
          tokenizer="characters", unknown_token="?",
          labels=["one", "two", "three", "back\\slash"],
          example=["a b\nc\\", "Ca \tbb", "a\tcab "])
    write("cell_max_unbatched",
          rnn=nn.RNNCell(4, 7, nonlinearity="relu"),
          head=nn.Linear(7, 2), applied_to="max", activation="sigmoid",
          example=torch.randn(9, 4), h_0=torch.rand(1, 7))
    embedding = nn.Embedding(12, 10)
    head = nn.Linear(10, 12)
    head.weight = embedding.weight
    write("tied_blank_words",
          rnn=nn.RNN(10, 5, bidirectional=True), embedding=embedding,
          head=head, activation="log_softmax",
          vocabulary=["<unk>", "<blank>", "the", "a", "sun", "moon", "rises",
                      "sets", "in", "east", "west", "."],
          unknown_token="<unk>", blank_token="<blank>",
          example=["the sun rises in the [ ] .", "a red moon[ ] in west ."])
    write("h_n_float16",
          rnn=nn.RNN(4, 8, 2, bidirectional=True, batch_first=True),
          head=nn.Linear(16, 3), applied_to="h_n", dtype="float16")
    write("headless_bfloat16",
          rnn=nn.RNN(4, 8), embedding=nn.Embedding(9, 4), dtype="bfloat16",
          example=torch.tensor([0, 8, 3, 3, 1]))


if __name__ == "__main__":
    main()
