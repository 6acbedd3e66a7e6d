#!/usr/bin/env python3
"""Writes keras/: small models of Keras by from_keras, each with an example.

  python3 -m venv venv && venv/bin/pip install keras jax
  KERAS_BACKEND=jax venv/bin/python tests/data/make_keras.py

The weights are random, from a fixed seed, and the folder is a model
repository.
"""

import os
import sys

import keras
from keras import layers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
from export_keras import from_keras  # noqa: E402


def write(name, model, **arguments):
    # Keras begins with biases of 0, which would hide where they go.
    model.set_weights([weight if weight.ndim > 1 else
                       keras.random.uniform(weight.shape, -0.5, 0.5)
                       for weight in model.get_weights()])
    from_keras(os.path.join(HERE, "keras", name), model, overwrite=True,
               **arguments)


def main():
    keras.utils.set_random_seed(1)
    write("bidirectional_last", keras.Sequential([
        layers.Input((None,)),
        layers.Embedding(9, 4),
        layers.Bidirectional(layers.SimpleRNN(5, return_sequences=True)),
        layers.Dropout(0.5),
        layers.Bidirectional(layers.SimpleRNN(5)),
        layers.Dense(6, activation="relu"),
        layers.Dense(3, activation="softmax")]),
        labels=["yes", "no", "perhaps"])
    inputs = layers.Input((None, 3))
    x = layers.SimpleRNN(6, activation="relu", return_sequences=True)(inputs)
    x = layers.SimpleRNN(6, activation="relu", return_sequences=True,
                         use_bias=False)(x)
    x = layers.TimeDistributed(layers.Dense(2))(x)
    x = layers.Activation("sigmoid")(x)
    write("functional_each_step", keras.Model(inputs, x))
    write("last_step", keras.Sequential([
        layers.Input((10, 2)), layers.SimpleRNN(4), layers.Dense(1)]))
    write("pooled", keras.Sequential([
        layers.Input((None, 2)), layers.SimpleRNN(4, return_sequences=True),
        layers.GlobalMaxPooling1D(), layers.Dense(2, activation="tanh")]))


if __name__ == "__main__":
    main()
