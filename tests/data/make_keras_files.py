"""Adds to onnx/ what tf2onnx makes of small Keras models.

  python3 -m venv VENV && VENV/bin/pip install tensorflow-cpu tf2onnx tf_keras
  TF_USE_LEGACY_KERAS=1 VENV/bin/python tests/data/make_keras_files.py

The files are as make_onnx_files.py's; outputs are computed here in float64.
tf2onnx writes a SimpleRNN as a Loop. A cell's one bias stands as bias_ih.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf2onnx  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "onnx")
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import safetensors_file  # noqa: E402

I, H, V = 3, 4, 7
LAYERS = tf.keras.layers

# Layers, applied_to, activations of the head.
CASES = {
    "last": ([LAYERS.SimpleRNN(H), LAYERS.Dense(2)], "last_step", "identity"),
    "each": ([LAYERS.SimpleRNN(H, return_sequences=True),
              LAYERS.Dense(5, activation="softmax")], "each_step", "softmax"),
    "relu_2": ([LAYERS.SimpleRNN(H, activation="relu", return_sequences=True),
                LAYERS.SimpleRNN(H, activation="relu"),
                LAYERS.Dense(5, activation="tanh"),
                LAYERS.Dense(2, activation="sigmoid")],
               "last_step", "tanh sigmoid"),
    "embedding_mean": ([LAYERS.Embedding(V, I),
                        LAYERS.SimpleRNN(H, return_sequences=True,
                                         use_bias=False),
                        LAYERS.GlobalAveragePooling1D(), LAYERS.Dense(2)],
                       "mean", "identity"),
}


def compute(layers, x):
    """x [T, I] or [T] through numpy versions of the layers, in float64."""
    hidden, h_n = x, []
    apply = {"relu": lambda y: np.maximum(y, 0), "tanh": np.tanh,
             "linear": lambda y: y, "sigmoid": lambda y: 1 / (1 + np.exp(-y)),
             "softmax": lambda y: np.exp(y) / np.exp(y).sum(-1, keepdims=True)}
    scores = None
    for layer in layers:
        weights = [w.astype(np.float64) for w in layer.get_weights()]
        if isinstance(layer, LAYERS.Embedding):
            hidden = weights[0][x]
        elif isinstance(layer, LAYERS.SimpleRNN):
            w, r, *b = weights
            h, rows = np.zeros(H), []
            for x_t in hidden:
                y = x_t @ w + h @ r + sum(b)
                h = apply[layer.activation.__name__](y)
                rows.append(h)
            hidden, scores = np.array(rows), np.array(rows)
            h_n.append(h)
            if not layer.return_sequences:
                scores = scores[-1:]
        elif isinstance(layer, LAYERS.Dense):
            scores = apply[layer.activation.__name__](
                scores @ weights[0] + weights[1])
        else:
            scores = scores.mean(0, keepdims=True)
    return {"hidden": hidden, "h_n": np.array(h_n), "scores": scores}


def tensors_of(layers):
    tensors, rnns, heads = {}, 0, 0
    for layer in layers:
        weights = layer.get_weights()
        if isinstance(layer, LAYERS.Embedding):
            tensors["embedding.weight"] = weights[0]
        elif isinstance(layer, LAYERS.SimpleRNN):
            tensors[f"rnn.weight_ih_l{rnns}"] = weights[0].T
            tensors[f"rnn.weight_hh_l{rnns}"] = weights[1].T
            if len(weights) > 2:
                tensors[f"rnn.bias_ih_l{rnns}"] = weights[2]
                tensors[f"rnn.bias_hh_l{rnns}"] = np.zeros(H, np.float32)
            rnns += 1
        elif isinstance(layer, LAYERS.Dense):
            tensors[f"head.{heads}.weight"] = weights[0].T
            tensors[f"head.{heads}.bias"] = weights[1]
            heads += 1
    return tensors


def main():
    random = np.random.default_rng(0)
    for name, (layers, applied_to, activations) in CASES.items():
        tokens = isinstance(layers[0], LAYERS.Embedding)
        model = tf.keras.Sequential(
            [tf.keras.Input((None,) if tokens else (None, I),
                            dtype="int32" if tokens else "float32")] + layers)
        # Biases begin as zeros, and tf2onnx leaves those out.
        for layer in layers:
            layer.set_weights([random.normal(size=w.shape).astype("f4") / 2
                               for w in layer.get_weights()])
        spec = [tf.TensorSpec((None, None) if tokens else (None, None, I),
                              tf.int32 if tokens else tf.float32, name="x")]
        onnx_model, _ = tf2onnx.convert.from_function(
            tf.function(model.call, input_signature=spec), spec, opset=13)
        tensors = tensors_of(layers)
        for n, steps in enumerate((5, 1)):
            x = (random.integers(0, V, steps) if tokens
                 else random.normal(size=(steps, I)).astype("f4"))
            tensors[f"{n}.input"] = x
            for key, array in compute(layers, x).items():
                tensors[f"{n}.{key}"] = array
        path = os.path.join(OUT, "keras_" + name)
        with open(path + ".onnx", "wb") as file:
            file.write(onnx_model.SerializeToString())
        safetensors_file.write(
            path + ".safetensors", tensors,
            {"nonlinearity": "relu" if "relu" in name else "tanh",
             "applied_to": applied_to, "activations": activations})


if __name__ == "__main__":
    main()
