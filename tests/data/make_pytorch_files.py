#!/usr/bin/python3
"""Writes pytorch/*.pt, and beside each a safetensors with the same tensors.

  /usr/bin/python3 tests/data/make_pytorch_files.py

Needs Debian's python3-torch; run with a PyTorch 2, it writes torch2.pt alone.
"""

import argparse
import collections
import os
import pathlib
import sys

import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "pytorch")
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402


def as_array(tensor):
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return safetensors_file.BFloat16(tensor.float().numpy())
    return np.ascontiguousarray(tensor.numpy()).reshape(tensor.shape)


def save(name, state_dict, checkpoint=None, **options):
    """Saves `checkpoint`, by default the state_dict itself."""
    torch.save(state_dict if checkpoint is None else checkpoint,
               os.path.join(OUT, name + ".pt"), **options)
    safetensors_file.write(
        os.path.join(OUT, name + ".safetensors"),
        {key: as_array(value) for key, value in state_dict.items()})


def network(**options):
    torch.manual_seed(1)
    return nn.ModuleDict({
        "embedding": nn.Embedding(11, 3),
        "rnn": nn.RNN(3, 4, **options),
        "norm": nn.BatchNorm1d(4),  # num_batches_tracked is I64
        "head": nn.Linear(4, 5),
    })


def checkpoint():
    """What training scripts keep."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    hidden, _ = model["rnn"](model["embedding"](torch.arange(6)))
    model["head"](model["norm"](hidden)).sum().backward()
    optimizer.step()
    scheduler.step()
    return model.state_dict(), {
        "epoch": 3, "loss": 0.25, "losses": [1.5, 0.5, 0.25], "done": None,
        "seed": 2**63 + 1, "negative": -70000, "note": "größer",
        "accuracy": np.float64(0.75), "names": {"a", "b"},
        "args": argparse.Namespace(lr=1e-3, out=pathlib.PosixPath("runs")),
        "device": torch.device("cpu"), "dtype": torch.float32,
        "size": torch.Size([2, 3]), "counts": collections.Counter("abba"),
        "random": torch.arange(3, dtype=torch.uint8),
        "scheduler": scheduler.state_dict(),
        "state_dict": model.state_dict(), "optimizer": optimizer.state_dict(),
    }


def views():
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5) / 64
    flat = torch.arange(40, dtype=torch.float32) / 8  # as cuDNN keeps weights
    return collections.OrderedDict(
        whole=base, transposed=base.transpose(0, 2), permuted=base.permute(1, 2, 0),
        sliced=base[:, 1:3, ::2], offset=base[1], column=base[:, 2, 3],
        element=base[2, 3, 4], alone=torch.ones(4, 3).t(),
        one_row=torch.arange(6.)[None, :].t()[2:], empty=torch.empty(0, 3),
        empty_view=base[:, :0], flat_a=flat[:12].view(3, 4),
        flat_b=flat[12:].view(4, 7), many=torch.arange(300. * 400).view(
            300, 400)[::10, ::10].clone().t())


def dtypes():
    values = torch.tensor([[-1.5, 0.25, 3.0], [7.75, -0.125, 1 / 3]])
    return {"f32": values, "f64": values.double() / 3, "f16": values.half(),
            "bf16": values.bfloat16(), "i64": values.long(),
            "u8": values.abs().byte()}


def parameters():
    with_state = nn.Parameter(torch.tensor([2.0, 3.0]))
    with_state.note = "kept as _rebuild_parameter_with_state by PyTorch 2"
    return {"weight": nn.Parameter(torch.arange(6.).view(2, 3)),
            "view": nn.Parameter(torch.arange(6.).view(2, 3).t()),
            "noted": with_state}


def main():
    os.makedirs(OUT, exist_ok=True)
    if int(torch.__version__.split(".")[0]) >= 2:
        state_dict = {**views(), **dtypes(), **parameters()}
        save("torch2", state_dict, {"model": state_dict, "wide": torch.tensor(
            [1, 2], dtype=torch.uint16)})
        return
    save("plain", network(num_layers=2).state_dict())
    save("checkpoint", *checkpoint())
    tied = network()
    tied["decoder"] = nn.Linear(3, 11, bias=False)
    tied["decoder"].weight = tied["embedding"].weight
    save("tied", tied.state_dict())
    save("views", views())
    save("dtypes", dtypes())
    for protocol in 2, 4, 5:
        save(f"protocol{protocol}", parameters(), pickle_protocol=protocol)


if __name__ == "__main__":
    main()
