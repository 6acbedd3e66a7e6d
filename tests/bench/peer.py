"""Runs and times a layer in another library; obeys kernels.py a line at a time.

  peer.py ort|openvino|torch

The lines are those of kernel_worker.h. One thread; each library at its best
settings for that. torch is Debian's, for /usr/bin/python3; the others are
PyPI's.
"""

import sys
import time

import numpy as np


class OnnxModel:
    """An ONNX model of one RNN node, static shapes: x [T, N, I] -> y [T, 1, N, H]."""

    def __init__(self, shape, weights):
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        steps, sequences, inputs, hidden = shape
        bias = np.concatenate([weights["bias_ih"], weights["bias_hh"]])
        tensors = [
            numpy_helper.from_array(weights["weight_ih"][None], "w"),
            numpy_helper.from_array(weights["weight_hh"][None], "r"),
            numpy_helper.from_array(bias[None], "b")]
        node = helper.make_node("RNN", ["x", "w", "r", "b"], ["y"],
                                hidden_size=hidden, activations=["Tanh"])
        graph = helper.make_graph(
            [node], "layer",
            [helper.make_tensor_value_info(
                "x", TensorProto.FLOAT, [steps, sequences, inputs])],
            [helper.make_tensor_value_info(
                "y", TensorProto.FLOAT, [steps, 1, sequences, hidden])],
            tensors)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        self.bytes = model.SerializeToString()


class OnnxRuntime:
    """ONNX Runtime's RNN op; its input and output bound once."""

    def __init__(self):
        import onnxruntime
        self.library = onnxruntime

    def version(self):
        return "onnxruntime " + self.library.__version__

    def prepare(self, shape, weights, data):
        steps, sequences, _, hidden = shape
        options = self.library.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = self.library.InferenceSession(
            OnnxModel(shape, weights).bytes, options,
            providers=["CPUExecutionProvider"])
        self.y = np.empty((steps, 1, sequences, hidden), np.float32)
        value = self.library.OrtValue.ortvalue_from_numpy
        self.values = value(data), value(self.y)
        self.binding = self.session.io_binding()
        self.binding.bind_ortvalue_input("x", self.values[0])
        self.binding.bind_ortvalue_output("y", self.values[1])

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.values[1].numpy()


class OpenVino:
    """OpenVINO's RNNSequence, from the same ONNX model, in float32."""

    def __init__(self):
        import openvino
        self.library = openvino
        self.core = openvino.Core()

    def version(self):
        return "openvino " + self.library.__version__

    def prepare(self, shape, weights, data):
        model = self.core.read_model(OnnxModel(shape, weights).bytes)
        kinds = {node.get_type_name() for node in model.get_ops()}
        if "RNNSequence" not in kinds:
            raise RuntimeError(f"no RNNSequence among {sorted(kinds)}")
        compiled = self.core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False})
        self.request = compiled.create_infer_request()
        self.x = self.library.Tensor(data, shared_memory=True)

    def run(self):
        self.request.infer(self.x, share_outputs=True)

    def output(self):
        return self.request.get_output_tensor().data


class Torch:
    """PyTorch's nn.RNN."""

    def __init__(self):
        import torch
        self.library = torch
        torch.set_num_threads(1)

    def version(self):
        return "torch " + self.library.__version__

    def prepare(self, shape, weights, data):
        _, _, inputs, hidden = shape
        self.rnn = self.library.nn.RNN(inputs, hidden).eval()
        self.rnn.load_state_dict({
            name + "_l0": self.library.from_numpy(values)
            for name, values in weights.items()})
        self.x = self.library.from_numpy(data)

    def run(self):
        with self.library.inference_mode():
            self.y, _ = self.rnn(self.x)

    def output(self):
        return self.y.numpy()


SYSTEMS = {"ort": OnnxRuntime, "openvino": OpenVino, "torch": Torch}


def read_case(shape, path):
    """The weights and the input of a file that layer.h describes."""
    steps, sequences, inputs, hidden = shape
    shapes = {"weight_ih": (hidden, inputs), "weight_hh": (hidden, hidden),
              "bias_ih": (hidden,), "bias_hh": (hidden,),
              "input": (steps, sequences, inputs)}
    ends = np.cumsum([np.prod(s) for s in shapes.values()])
    pieces = np.split(np.fromfile(path, "<f4"), ends[:-1])
    arrays = {name: np.ascontiguousarray(piece.reshape(s))
              for (name, s), piece in zip(shapes.items(), pieces)}
    data = arrays.pop("input")
    return arrays, data


def execute(system, words):
    """What to answer to a line's words."""
    if words[0] == "version":
        return system.version()
    if words[0] == "prepare":
        shape = [int(word) for word in words[2:6]]
        system.prepare(shape, *read_case(shape, words[6]))
        return ""
    if words[0] == "check":
        system.run()
        np.asarray(system.output(), "<f4").tofile(words[2])
        return ""
    if words[0] == "run":
        start = time.perf_counter()
        for _ in range(int(words[2])):
            system.run()
        return f"{time.perf_counter() - start:.9f}"
    raise ValueError("expected version, prepare, check or run")


def main():
    system = SYSTEMS[sys.argv[1]]()
    for line in sys.stdin:
        try:
            print("ok", execute(system, line.split()), flush=True)
        except Exception as error:  # the driver shows it and ends
            print("error", repr(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
