#!/usr/bin/env python3
"""tools/export_keras.py: what it writes, and what it refuses.

  python3 -m venv venv && venv/bin/pip install keras jax
  KERAS_BACKEND=jax venv/bin/python tests/tools/keras_test.py
"""

import contextlib
import io
import os
import sys
import tempfile
import unittest

import numpy as np

from folder import Folder

from export import ExportError, from_keras  # folder.py knows where tools/ is

try:
    import keras
    from keras import layers
except ImportError:
    keras = None
    print("NOT TESTED: from_keras() without Keras", file=sys.stderr)

TOLERANCE = 1e-5  # Keras computes in float32


def sequential(*parts, inputs=(None, 3)):
    return keras.Sequential([layers.Input(inputs), *parts])


@unittest.skipIf(keras is None, "NOT TESTED: Keras is missing")
class KerasTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(1)
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.work = work.name

    def export(self, model, **arguments):
        """Writes a folder; returns it as read back, its example checked."""
        model.set_weights([weight + keras.random.uniform(weight.shape, -.3, .3)
                           for weight in model.get_weights()])
        with contextlib.redirect_stdout(io.StringIO()):
            from_keras(f"{self.work}/m", model, overwrite=True, **arguments)
        folder = Folder(f"{self.work}/m")
        if folder.example is not None:
            self.assertLess(folder.error(), TOLERANCE)
        return folder

    def refused(self, message, *parts, **arguments):
        with self.assertRaisesRegex(ExportError, message):
            from_keras(f"{self.work}/m", sequential(*parts), **arguments)
        self.assertEqual(os.listdir(self.work), [])

    def test_return_sequences_decides_what_the_head_reads(self):
        for sequences, bidirectional, want in (
                (True, False, "each_step"), (True, True, "each_step"),
                (False, False, "last_step"), (False, True, "h_n")):
            rnn = layers.SimpleRNN(4, return_sequences=sequences)
            rnn = layers.Bidirectional(rnn) if bidirectional else rnn
            folder = self.export(sequential(
                rnn, layers.Dense(2, activation="log_softmax")))
            self.assertEqual(folder.config["head"], {
                "activation": "log_softmax", "applied_to": want})

    def test_layouts(self):
        model = sequential(layers.Embedding(7, 3), layers.SimpleRNN(4),
                           inputs=(None,))
        folder = self.export(model)
        embedding, kernel, recurrent, bias = model.get_weights()
        for name, want in (("embedding.weight", embedding),
                           ("rnn.weight_ih_l0", kernel.T),
                           ("rnn.weight_hh_l0", recurrent.T),
                           ("rnn.bias_ih_l0", bias),
                           ("rnn.bias_hh_l0", np.zeros(4))):
            np.testing.assert_array_equal(folder.weights[name], want)
        self.assertEqual(set(folder.example), {"tokens", "h_n"})

    def test_without_bias(self):
        folder = self.export(sequential(layers.SimpleRNN(4, use_bias=False)))
        self.assertEqual(len(folder.weights), 2)

    def test_stacks_heads_and_dropout(self):
        folder = self.export(sequential(
            layers.SimpleRNN(4, activation="relu", return_sequences=True),
            layers.Dropout(0.5),
            layers.SimpleRNN(4, activation="relu", return_sequences=True,
                             use_bias=False),
            layers.TimeDistributed(layers.Dense(5, use_bias=False)),
            layers.Activation("relu"),
            layers.Dense(2, activation="softmax")))
        self.assertEqual(folder.config, {"nonlinearity": "relu", "head": {
            "applied_to": "each_step",
            "layers": [{"tensors": "head.0.", "activation": "relu"},
                       {"tensors": "head.1.", "activation": "softmax"}]}})

    def test_pooling(self):
        for pool, want in ((layers.GlobalAveragePooling1D(), "mean"),
                           (layers.GlobalMaxPooling1D(), "max")):
            folder = self.export(sequential(
                layers.Bidirectional(layers.SimpleRNN(
                    4, return_sequences=True)), pool, layers.Dense(2)))
            self.assertEqual(folder.config["head"]["applied_to"], want)

    def test_functional(self):
        inputs = layers.Input((9, 3))
        x = layers.Dropout(0.1)(inputs)
        hidden = layers.SimpleRNN(3, return_sequences=True)(x)
        outputs = layers.Dense(2)(hidden)
        folder = self.export(keras.Model(inputs, outputs))
        self.assertEqual(folder.example["input"].shape, (1, 9, 3))
        sum_of_both = layers.Dense(2)(layers.Add()([hidden, inputs]))
        with self.assertRaisesRegex(ExportError, "have to be a chain"):
            from_keras(f"{self.work}/n", keras.Model(inputs, sum_of_both))
        with self.assertRaisesRegex(ExportError, "one output"):
            from_keras(f"{self.work}/n",
                       keras.Model(inputs, [outputs, hidden]))

    def test_texts_and_one_hot(self):
        folder = self.export(sequential(layers.SimpleRNN(4), layers.Dense(2)),
                             vocabulary=["a", "b", "c"], labels=["x", "y"],
                             example=["a b c", "c c a"])
        np.testing.assert_array_equal(folder.example["tokens"],
                                      [[0, 1, 2], [2, 2, 0]])
        self.assertEqual(folder.labels, ["x", "y"])

    def test_examples(self):
        model = sequential(layers.SimpleRNN(4, return_sequences=True),
                           layers.Dense(2))
        folder = self.export(model, example=np.ones((5, 3)))
        self.assertEqual({name: array.shape
                          for name, array in folder.example.items()},
                         {"input": (5, 3), "hidden": (5, 4), "h_n": (1, 4),
                          "scores": (5, 2)})
        self.assertIsNone(self.export(model, example=False).example)

    def test_layers_that_are_refused(self):
        rnn, dense = layers.SimpleRNN, layers.Dense
        self.refused("LSTM: only SimpleRNN", layers.LSTM(4))
        self.refused("holds a GRU", layers.Bidirectional(layers.GRU(4)))
        self.refused("no SimpleRNN", layers.Dropout(0.5))
        self.refused("Dense: is not served here", dense(3), rnn(4))
        self.refused("LayerNormalization", rnn(4), layers.LayerNormalization())
        self.refused("nothing to mask", layers.Masking(), rnn(4))
        self.refused("go_backwards", rnn(4, go_backwards=True))
        self.refused("merge_mode='sum'", layers.Bidirectional(
            rnn(4), merge_mode="sum"))
        self.refused("only tanh and relu", rnn(4, activation="sigmoid"))
        self.refused("'gelu'", rnn(4), dense(2, activation="gelu"))
        self.refused("softmax inside", rnn(4), dense(2, activation="softmax"),
                     dense(2))
        self.refused("has an activation already", rnn(4),
                     dense(2, activation="relu"), layers.Activation("tanh"))
        self.refused("same units", rnn(4, return_sequences=True), rnn(5))
        self.refused("same units", rnn(4, return_sequences=True),
                     layers.Bidirectional(rnn(4)))
        self.refused("no Dense behind", rnn(4, return_sequences=True),
                     layers.GlobalMaxPooling1D())
        self.refused("labels: 1, expected 2", rnn(4), dense(2), labels=["x"])

    def test_models_that_are_refused(self):
        def refused(message, model):
            with self.assertRaisesRegex(ExportError, message):
                from_keras(f"{self.work}/m", model)
        refused("mask_zero=True", sequential(
            layers.Embedding(7, 3, mask_zero=True), layers.SimpleRNN(4),
            inputs=(None,)))
        refused("has to be built", keras.Sequential([layers.SimpleRNN(4)]))
        refused("compute in float32", sequential(
            layers.SimpleRNN(4), layers.Dense(2, dtype="mixed_float16")))
        stateful = keras.Sequential([
            layers.Input((None, 3), batch_size=1),
            layers.SimpleRNN(4, stateful=True)])
        refused("example=False", stateful)
        self.export(stateful, example=False)


if __name__ == "__main__":
    unittest.main()
