#!/usr/bin/python3
"""Writes onnx/: small networks as exporters write them, and what they compute.

  /usr/bin/python3 tests/data/make_onnx_files.py

Of each there is NAME.onnx and NAME.safetensors, which holds the tensors under
a state_dict's names (`embedding.weight`, `rnn.weight_ih_l0`, ...,
`head.0.weight`, `mean`, `std`) and for each sequence n its `n.input` ([T, I], or
tokens [T]), maybe `n.h_0` [L*D, H], and what PyTorch computes in float64:
`n.hidden` [T, D*H], `n.h_n` [L*D, H], `n.scores` ([T, C] on each step, else
[1, C]). Its metadata say what the tensors do not. Needs Debian's python3-torch
and python3-onnx; make_keras_files.py writes what Keras and tf2onnx make.

The torch_ files are torch.onnx.export's; the made_ files are made node by node,
of what those do not use; the test_ files are the cases of ONNX's
own backend tests with W, R and B as initializers, since a server's weights do
not come with each call; their outputs are those tests' own.
"""

import importlib
import io
import os
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.backend.test.case import node as backend_cases
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "onnx")
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402

I, H, V, C, T, N = 3, 4, 7, 5, 5, 2

# What the first Linear layer reads, of `out` with time on axis `t`.
READS = {
    "each": ("each_step", lambda out, h_n, t: out),
    "last": ("last_step", lambda out, h_n, t: out.select(t, -1)),
    "h_n": ("h_n", lambda out, h_n, t: h_n[-1]),
    "squeezed": ("h_n", lambda out, h_n, t: h_n.squeeze(0)),
    "both": ("h_n", lambda out, h_n, t: torch.cat([h_n[-2], h_n[-1]], 1)),
    "viewed": ("h_n", lambda out, h_n, t: h_n.view(2, 2, -1, H)[-1].transpose(
        0, 1).reshape(-1, 2 * H)),
    "ends": ("h_n", lambda out, h_n, t: torch.cat(
        [out[:, -1, :H], out[:, 0, H:]], 1)),
    "mean": ("mean", lambda out, h_n, t: out.mean(t)),
    "max": ("max", lambda out, h_n, t: out.max(t)[0]),
    "pooled": ("mean", lambda out, h_n, t: nn.functional.adaptive_avg_pool1d(
        out.transpose(1, 2), 1).flatten(1)),
    "rows": ("each_step", lambda out, h_n, t: out.reshape(-1, out.shape[2])),
}
ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
}

# Name: arguments of Net, and of export under "export".
CASES = {
    "plain": {},
    "fixed": {"export": {"dynamic": False}},
    "fixed_one_sequence": {"export": {"dynamic": False, "sequences": 1},
                           "layers": 2, "bidirectional": True,
                           "batch_first": True, "read": "both"},
    "unbatched": {"export": {"unbatched": True}, "read": "each"},
    "relu_no_bias": {"nonlinearity": "relu", "bias": False},
    "layers_3": {"layers": 3, "batch_first": True},
    "bidirectional_2": {"layers": 2, "bidirectional": True,
                        "batch_first": True},
    "h_0": {"layers": 2, "h_0": True},
    "h_0_bidirectional": {"layers": 2, "bidirectional": True, "h_0": True,
                          "read": "each"},
    "lengths": {"packed": True, "batch_first": True, "read": "h_n"},
    "embedding": {"embedding": True, "read": "each", "batch_first": True,
                  "activations": ["log_softmax"]},
    "embedding_opset_9": {"embedding": True, "read": "each", "layers": 2,
                          "bidirectional": True, "export": {"opset": 9}},
    "normalized": {"normalized": True, "read": "each",
                   "activations": ["softmax"]},
    "last": {"read": "last", "batch_first": True, "activations": ["sigmoid"]},
    "last_opset_9": {"read": "last", "batch_first": True,
                     "activations": ["softmax"], "export": {"opset": 9}},
    "last_time_first": {"read": "last", "layers": 2},
    "h_n": {"read": "h_n", "layers": 2, "batch_first": True},
    "h_n_squeezed": {"read": "squeezed", "activations": ["tanh"]},
    "both": {"read": "both", "bidirectional": True, "batch_first": True},
    "viewed": {"read": "viewed", "layers": 2, "bidirectional": True},
    "ends": {"read": "ends", "bidirectional": True, "batch_first": True},
    "mlp": {"read": "h_n", "activations": ["relu", "tanh", "identity"],
            "batch_first": True},
    "mlp_each": {"read": "each", "activations": ["relu", "softmax"],
                 "batch_first": True, "bidirectional": True},
    "mean": {"read": "mean", "batch_first": True},
    "max": {"read": "max", "bidirectional": True},
    "pooled": {"read": "pooled", "batch_first": True},
    "rows": {"read": "rows", "export": {"opset": 16}},
    "all_outputs": {"read": "each", "all": True, "batch_first": True},
    "not_folded": {"read": "each", "layers": 2, "bidirectional": True,
                   "export": {"folding": False}},
    "one_wide": {"read": "last", "hidden": 1, "classes": 1},
    "float64": {"read": "h_n", "export": {"dtype": torch.float64}},
}


class Net(nn.Module):
    def __init__(self, layers=1, bidirectional=False, batch_first=False,
                 nonlinearity="tanh", bias=True, hidden=H, classes=C,
                 embedding=False, normalized=False, h_0=False, packed=False,
                 read=None, activations=("identity",), all=False):
        super().__init__()
        if embedding:
            self.embedding = nn.Embedding(V, I)
        self.rnn = nn.RNN(I, hidden, layers, nonlinearity=nonlinearity,
                          bias=bias, batch_first=batch_first,
                          bidirectional=bidirectional)
        widths = [hidden * (1 + bidirectional)]
        widths += range(classes, classes + len(activations))
        self.head = nn.ModuleList(
            nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.normalized, self.h_0, self.packed = normalized, h_0, packed
        self.read, self.activations, self.all = read, activations, all
        self.mean = torch.arange(I) / 4 if normalized else None
        self.std = torch.arange(I) / 2 + 0.5 if normalized else None

    def forward(self, x, extra=None):
        if hasattr(self, "embedding"):
            x = self.embedding(x)
        if self.normalized:
            x = (x - self.mean) / self.std
        if self.packed and extra is not None:
            packed = nn.utils.rnn.pack_padded_sequence(
                x, extra, self.rnn.batch_first)
            out, h_n = self.rnn(packed)
            out, _ = nn.utils.rnn.pad_packed_sequence(
                out, self.rnn.batch_first)
        else:
            out, h_n = self.rnn(x, extra)
        if not self.read:
            return out, h_n
        y = READS[self.read][1](out, h_n, 1 if self.rnn.batch_first else 0)
        for layer, name in zip(self.head, self.activations):
            y = ACTIVATIONS[name](layer(y))
        return (out, h_n, y) if self.all else y

    def state_rows(self):
        return self.rnn.num_layers * (1 + self.rnn.bidirectional)

    def tensors(self):
        tensors = {name: t for name, t in self.state_dict().items()
                   if self.read or not name.startswith("head.")}
        if self.normalized:
            tensors.update(mean=self.mean, std=self.std)
        return {name: t.float().numpy() for name, t in tensors.items()}


def model_input(net, steps, sequences):
    """[sequences, steps, ...] or with time first, as the network has it."""
    shape = ((sequences, steps) if net.rnn.batch_first
             else (steps, sequences))
    if hasattr(net, "embedding"):
        return torch.randint(0, V, shape)
    return torch.randn(*shape, I)


def export(net, opset=13, dynamic=True, sequences=N, unbatched=False,
           folding=True, dtype=torch.float32):
    x = model_input(net, T, sequences)
    if unbatched:
        x = x[:, 0]
    args, names = [x], ["x"]
    axes = {"x": {0: "first", 1: "second"} if not unbatched else {0: "time"}}
    if net.h_0:
        args.append(torch.randn(net.state_rows(), sequences, H))
        names.append("h_0")
        axes["h_0"] = {1: "sequences"}
    if net.packed:
        args.append(torch.full((sequences,), T))
        names.append("lengths")
        axes["lengths"] = {0: "sequences"}
    args = [a.to(dtype) if a.is_floating_point() else a for a in args]
    out = io.BytesIO()
    torch.onnx.export(net.to(dtype), tuple(args), out, opset_version=opset,
                      input_names=names, do_constant_folding=folding,
                      dynamic_axes=axes if dynamic else None)
    net.float()
    return out.getvalue()


def sequence(net, n, steps):
    """A sequence and what PyTorch computes for it in float64."""
    x = model_input(net, steps, 1)
    h_0 = torch.randn(net.state_rows(), 1, H) if net.h_0 else None
    net = net.double()
    double_x = x.double() if x.is_floating_point() else x
    double_h_0 = None if h_0 is None else h_0.double()
    all_outputs, net.all = net.all, True
    with torch.no_grad():
        out, h_n, *scores = net(double_x, double_h_0)
    net.all = all_outputs
    net.float()
    arrays = {"input": x.reshape(steps, *x.shape[2:]),
              "hidden": out.reshape(steps, -1), "h_n": h_n[:, 0]}
    if h_0 is not None:
        arrays["h_0"] = h_0[:, 0]
    if scores:
        arrays["scores"] = scores[0].reshape(-1, scores[0].shape[-1])
    return {f"{n}.{name}": a.numpy() for name, a in arrays.items()}


def write(name, model, tensors, metadata):
    with open(os.path.join(OUT, name + ".onnx"), "wb") as file:
        file.write(model)
    safetensors_file.write(os.path.join(OUT, name + ".safetensors"), tensors,
                           metadata)


def write_torch_files():
    for name, case in CASES.items():
        torch.manual_seed(len(name))
        arguments = dict(case)
        options = arguments.pop("export", {})
        net = Net(**arguments).eval()
        model = export(net, **options)
        tensors = net.tensors()
        for n, steps in enumerate((T, 1, 2 * T)):
            tensors.update(sequence(net, n, steps))
        metadata = {"nonlinearity": net.rnn.nonlinearity}
        if net.read:
            metadata.update(applied_to=READS[net.read][0],
                            activations=" ".join(net.activations))
        write("torch_" + name, model, tensors, metadata)


def make_graph(net, nodes, opset, tokens=False, dtype=np.float32,
               weight=numpy_helper.from_array, **constants):
    """A model with input x [?, ?, I], or tokens, and the net's weights."""
    weights = {name: t.numpy().astype(dtype)
               for name, t in net.state_dict().items()}
    ends = ["_l0", "_l0_reverse"][:1 + net.rnn.bidirectional]

    def stack(*names):
        return np.stack([np.concatenate([weights[f"rnn.{n}{end}"]
                                         for n in names]) for end in ends])

    tensors = [weight(stack("weight_ih"), "W"), weight(stack("weight_hh"), "R"),
               weight(stack("bias_ih", "bias_hh"), "B"),
               weight(weights["head.0.weight"].T, "A"),
               weight(weights["head.0.bias"], "b")]
    tensors += [numpy_helper.from_array(np.array(array), name)
                for name, array in constants.items()]
    element = (onnx.TensorProto.INT64 if tokens
               else tensors[0].data_type)
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(op, inputs.split(" "), outputs.split(" "),
                               f"{op}_{i}", **attributes)
         for i, (op, inputs, outputs, attributes) in enumerate(nodes)], "made",
        [info("x", element, [None, None] + [I] * (not tokens))],
        [info("scores", tensors[0].data_type, None)], tensors)
    return onnx.helper.make_model(graph, opset_imports=[
        onnx.helper.make_opsetid("", opset)]).SerializeToString()


def half_tensor(array, name):
    """FLOAT16 in int32_data, as onnx.helper writes it."""
    return onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT16, array.shape,
                                   array.flatten())


def bfloat16_tensor(array, name):
    bits = safetensors_file.BFloat16(array).bits
    return onnx.helper.make_tensor(name, onnx.TensorProto.BFLOAT16, array.shape,
                                   bits.tobytes(), raw=True)


def rounded(net, to):
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.to(to).float())
    return net


def reversed_in_time(net):
    """net, whose one direction runs backward from here on."""
    forward = net.rnn.forward

    def backward(x, h_0=None):
        out, h_n = forward(x.flip(0), h_0)
        return out.flip(0), h_n
    net.rnn.forward = backward
    return net


def write_made_files():
    rnn = ("RNN", "x W R B", "Y Y_h", {"hidden_size": H})
    head = [("MatMul", "read A", "product", {}),
            ("Add", "product b", "scores", {})]

    def with_rnn(inputs="x W R B", **attributes):
        return ("RNN", inputs, "Y Y_h", {"hidden_size": H, **attributes})

    relu = Net(read="each", nonlinearity="relu")
    made = {
        "reverse": (reversed_in_time(relu), 13, [
            with_rnn(direction="reverse", activations=["Relu"]),
            ("Squeeze", "Y one", "read", {})] + head, {"one": [1]}),
        "reverse_first_step": (reversed_in_time(Net(read="h_n")), 14, [
            with_rnn(direction="reverse"), ("Gather", "Y zero", "first", {}),
            ("Squeeze", "first zeros", "read", {})] + head,
            {"zero": 0, "zeros": [0]}),
        "layout_1": (Net(read="both", bidirectional=True, batch_first=True),
                     14, [with_rnn(direction="bidirectional", layout=1),
                          ("Reshape", "Y_h shape", "read", {}),
                          ("Gemm", "read A b", "scores", {})],
                     {"shape": [-1, 2 * H]}),
        "layout_1_each": (
            Net(read="each", bidirectional=True, batch_first=True), 14,
            [with_rnn(direction="bidirectional", layout=1),
             ("Reshape", "Y shape", "read", {})] + head,
            {"shape": [0, 0, -1]}),
        "both_directions": (
            Net(read="each", bidirectional=True), 13,
            [with_rnn(direction="bidirectional"),
             ("Gather", "Y zero", "forward", {"axis": 1}),
             ("Gather", "Y one", "backward", {"axis": 1}),
             ("Concat", "forward backward", "read", {"axis": -1})] + head,
            {"zero": 0, "one": 1}),
        "scores_of_last": (Net(read="last"), 13, [
            rnn, ("Squeeze", "Y one", "read", {}),
            ("MatMul", "read A", "product", {}),
            ("Add", "product b", "all", {}),
            ("Gather", "all last", "scores", {})], {"one": [1], "last": -1}),
        "mean_opset_18": (Net(read="mean"), 18, [
            rnn, ("Squeeze", "Y one", "hidden", {}),
            ("ReduceMean", "hidden zeros", "read", {"keepdims": 0})] + head,
            {"one": [1], "zeros": [0]}),
        "float16": (rounded(Net(read="h_n"), torch.float16), 14, [
            rnn, ("Squeeze", "Y_h zeros", "read", {})] + head,
            {"zeros": [0], "weight": half_tensor, "dtype": np.float16}),
        "bfloat16": (rounded(Net(read="h_n"), torch.bfloat16), 14, [
            rnn, ("Squeeze", "Y_h zeros", "read", {})] + head,
            {"zeros": [0], "weight": bfloat16_tensor}),
        "all_steps": (Net(read="h_n"), 14, [
            ("Shape", "x", "sizes", {}), ("Gather", "sizes i0", "t", {}),
            ("Gather", "sizes i1", "n", {}),
            ("Cast", "t", "t32", {"to": onnx.TensorProto.INT32}),
            ("Expand", "t32 n", "lengths", {}), with_rnn("x W R B lengths"),
            ("Squeeze", "Y_h zeros", "read", {})] + head,
            {"i0": [0], "i1": [1], "zeros": [0]}),
        "one_hot": (Net(read="h_n"), 14, [
            ("OneHot", "x depth values", "units", {}),
            with_rnn("units W R B"),
            ("Squeeze", "Y_h zeros", "read", {})] + head,
            {"depth": I, "values": np.array([0, 1], np.float32),
             "zeros": [0], "tokens": True}),
    }
    for name, (net, opset, nodes, options) in made.items():
        model = make_graph(net, nodes, opset, **options)
        tensors = net.tensors()
        tensors.update(sequence(net, 0, T))
        if options.get("tokens"):
            x = torch.tensor([2, 0, 1, 1])
            units = nn.functional.one_hot(x, I).float()[:, None]
            out, h_n = net.rnn(units)
            scores = net.head[0](h_n[0])
            tensors = net.tensors()
            tensors.update({"0.input": x.numpy(),
                            "0.hidden": out[:, 0].detach().numpy(),
                            "0.h_n": h_n[:, 0].detach().numpy(),
                            "0.scores": scores.detach().numpy()})
        write("made_" + name, model, tensors, {
            "nonlinearity": net.rnn.nonlinearity,
            "applied_to": READS[net.read][0], "activations": "identity"})


def write_backend_cases():
    np.random.seed(0)
    # All of them at once need an older numpy; each registers as it is imported.
    importlib.import_module(backend_cases.__name__ + ".rnn")
    cases = backend_cases._NodeTestCases
    assert len(cases) == 4
    for case in cases:
        graph = case.model.graph
        batch_first = any(a.name == "layout" and a.i
                          for a in graph.node[0].attribute)
        inputs, outputs = case.data_sets[0]
        for info, array in list(zip(graph.input, inputs))[1:]:
            graph.initializer.append(
                numpy_helper.from_array(array, info.name))
        del graph.input[1:]
        weights = dict(zip("xWRB", inputs))
        h = weights["R"].shape[1]
        tensors = {"rnn.weight_ih_l0": weights["W"][0],
                   "rnn.weight_hh_l0": weights["R"][0]}
        if "B" in weights:
            tensors["rnn.bias_ih_l0"] = weights["B"][0, :h]
            tensors["rnn.bias_hh_l0"] = weights["B"][0, h:]
        x, y_h = weights["x"], outputs[-1]
        if not batch_first:
            x, y_h = x.swapaxes(0, 1), y_h.swapaxes(0, 1)
        for n in range(len(x)):
            tensors[f"{n}.input"] = x[n]
            tensors[f"{n}.h_n"] = y_h[n]
        write(case.name, case.model.SerializeToString(), tensors,
              {"nonlinearity": "tanh"})


def main():
    warnings.simplefilter("ignore")
    os.makedirs(OUT, exist_ok=True)
    write_torch_files()
    torch.manual_seed(0)
    write_made_files()
    write_backend_cases()


if __name__ == "__main__":
    main()
