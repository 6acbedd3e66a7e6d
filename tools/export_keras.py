"""Writes a Keras model as the folder of a model that unroll serves.

    import sys
    import keras
    sys.path.insert(0, "tools")  # of unroll
    from export_keras import from_keras

    model = keras.Sequential([
        keras.layers.Input((None,)),
        keras.layers.Embedding(1000, 32),
        keras.layers.Bidirectional(keras.layers.SimpleRNN(64)),
        keras.layers.Dense(5, activation="softmax")])
    from_keras("models/mine/1", model)  # after training it

Needs numpy alone besides the model itself, which may be of Keras 3 with any
backend or of Keras 2: layers are known by the names of their classes.
"""

import numpy as np

import model_folder
from model_folder import require

# They do nothing when a model is used.
IDLE = ("InputLayer", "Dropout", "SpatialDropout1D")
POOLING = {"GlobalAveragePooling1D": "mean", "GlobalMaxPooling1D": "max"}


def from_keras(directory, model, *, vocabulary=None, tokenizer=None,
               unknown_token=None, blank_token=None, labels=None, example=None,
               overwrite=False):
    """Writes what export() writes; the arguments are as there.

    `model` is a Sequential or a functional model whose layers are a chain:
    optionally Embedding, then one or more SimpleRNN or
    Bidirectional(SimpleRNN), optionally GlobalAveragePooling1D or
    GlobalMaxPooling1D, optionally Dense, alone or in TimeDistributed, with
    Activation and Dropout between. The example's scores are what
    model.predict() gives.
    """
    model_folder.check_directory(directory, overwrite)
    texts = model_folder.Texts(vocabulary, tokenizer, unknown_token,
                               blank_token, labels)
    chain = Chain(layers_of(model))
    network = chain.network()
    texts.check(network)
    tensors = None
    if example is not False:
        require(not any(rnn.stateful for rnn in chain.rnns),
                "stateful=True: the example would depend on what the model "
                "has seen; load the weights into a model without, or give "
                "example=False")
        # None but for a model of sequences of one length.
        steps = model.inputs[0].shape[1]
        tensors = run(model, chain, network, model_folder.example_input(
            network, texts, example, steps))
    model_folder.write(directory, network, texts, tensors,
                       overwrite=overwrite)


def kind(layer):
    return type(layer).__name__


def layers_of(model):
    """The layers that compute something, in order."""
    # A Sequential that is not built has neither.
    require(all(len(getattr(model, ends, None) or ()) == 1
                for ends in ("inputs", "outputs")),
            "the model has to be built, with one input and one output")
    layers = model.layers
    if kind(model) != "Sequential":
        for before, layer in zip(layers, layers[1:]):
            require(layer.input is before.output,
                    f"{layer.name} does not read {before.name}'s output: the "
                    "layers have to be a chain")
        require(layers[-1].output is model.outputs[0],
                f"the model's output is not that of {layers[-1].name}")
    return [layer for layer in layers if kind(layer) not in IDLE]


def refuse(layer, what):
    raise model_folder.ExportError(f"{layer.name}, {kind(layer)}: {what}")


def activation_of(layer):
    """As config.json has it."""
    name = getattr(layer.activation, "__name__", str(layer.activation))
    return "identity" if name == "linear" else name


class Chain:
    """A model's layers by what they do; refuses what is not served."""

    def __init__(self, layers):
        self.embedding, self.rnns, self.pooling = None, [], None
        self.dense = []  # [Dense, activation]
        for layer in layers:
            require(getattr(layer, "compute_dtype", "float32")
                    in ("float32", "float64"),
                    f"{layer.name} does not compute in float32: load the "
                    "weights into a model that does")
            self.add(layer)
        require(self.rnns, "the model has no SimpleRNN")
        require(self.dense or not self.pooling,
                "the model pools, but has no Dense behind that; leave the "
                "pooling out and do it in the client")

    def add(self, layer):
        name = kind(layer)
        if name == "Embedding":
            self.add_embedding(layer)
        elif name in ("SimpleRNN", "Bidirectional"):
            self.add_rnn(layer)
        elif name in POOLING:
            if not self.sequences() or self.pooling or self.dense:
                refuse(layer, "may stand behind a SimpleRNN with "
                       "return_sequences=True only")
            self.pooling = POOLING[name]
        elif name == "Dense" and self.rnns:
            self.dense.append([layer, activation_of(layer)])
        elif name == "TimeDistributed" and kind(layer.layer) == "Dense":
            if not self.sequences() or self.pooling:
                refuse(layer, "there are no steps any more")
            self.add(layer.layer)
        elif name == "Activation" and self.dense:
            if self.dense[-1][1] != "identity":
                refuse(layer, "the Dense before it has an activation already")
            self.dense[-1][1] = activation_of(layer)
        elif name == "Masking":
            refuse(layer, "leave it out: sequences are sent without padding, "
                   "so that there is nothing to mask")
        elif name in ("LSTM", "GRU", "ConvLSTM1D", "RNN"):
            refuse(layer, "only SimpleRNN is served")
        else:
            refuse(layer, "is not served here; served are Embedding, "
                   "SimpleRNN, Bidirectional(SimpleRNN), global pooling and "
                   "Dense, in this order. Do what it does in the client, or "
                   "train without")

    def add_embedding(self, layer):
        if self.embedding or self.rnns:
            refuse(layer, "has to be the first layer")
        if layer.mask_zero:
            refuse(layer, "has mask_zero=True. Sequences are sent without "
                   "padding, so that there is nothing to mask: build the "
                   "model without it, load the same weights, export that")
        self.embedding = layer

    def add_rnn(self, layer):
        if self.pooling or self.dense:
            refuse(layer, "stands behind pooling or Dense")
        if self.rnns and not self.sequences():
            refuse(layer, "the layer before it has return_sequences=False")
        directions = cells(layer)
        for cell in directions:
            if kind(cell) != "SimpleRNN":
                refuse(layer, f"holds a {kind(cell)}: only SimpleRNN is "
                       "served")
            if cell.return_state:
                refuse(layer, "has return_state=True: export the model "
                       "without; the server gives the state anyway")
        backwards = [cell.go_backwards for cell in directions]
        if backwards not in ([False], [False, True]):
            refuse(layer, "has go_backwards=True: reverse the input instead, "
                   "and export a model without")
        if kind(layer) == "Bidirectional" and layer.merge_mode != "concat":
            refuse(layer, f"has merge_mode={layer.merge_mode!r}: only concat "
                   "is served")
        found = {(cell.units, activation_of(cell), len(directions))
                 for other in [*self.rnns, layer] for cell in cells(other)
                 for directions in [cells(other)]}
        if len(found) > 1:
            refuse(layer, "all directions and layers have to have the same "
                   "units, activation and number of directions; these are "
                   f"{sorted(found)}")
        activation = activation_of(directions[0])
        if activation not in model_folder.NONLINEARITIES:
            refuse(layer, f"has the activation {activation}: only tanh and "
                   "relu are served")
        self.rnns.append(layer)

    def sequences(self):
        """Whether what there is so far gives every step."""
        return bool(self.rnns) and cells(self.rnns[-1])[0].return_sequences

    def network(self):
        """In PyTorch's layout: y = W x, and two biases of which one is 0."""
        arrays = {}
        biased = any(cell.use_bias for rnn in self.rnns for cell in cells(rnn))
        for number, rnn in enumerate(self.rnns):
            for cell, end in zip(cells(rnn), ("", "_reverse")):
                kernel, recurrent, *bias = map(np.asarray, cell.get_weights())
                names = {"weight_ih": kernel.T, "weight_hh": recurrent.T}
                if biased:
                    names["bias_hh"] = np.zeros(cell.units, np.float32)
                    names["bias_ih"] = bias[0] if bias else np.zeros_like(
                        names["bias_hh"])
                for name, array in names.items():
                    arrays[f"{name}_l{number}{end}"] = array
        head = []
        for number, (dense, activation) in enumerate(self.dense):
            weight, *bias = map(np.asarray, dense.get_weights())
            prefix = "head." if len(self.dense) == 1 else f"head.{number}."
            head.append(model_folder.Linear(prefix, weight.T,
                                            *bias, activation=activation))
        return model_folder.Network(
            rnns=[arrays],
            nonlinearity=activation_of(cells(self.rnns[0])[0]),
            embedding=(self.embedding and
                       np.asarray(self.embedding.get_weights()[0])),
            head=head, applied_to=self.applied_to())

    def applied_to(self):
        if self.sequences():
            return self.pooling or "each_step"
        # Of both directions Keras gives the states after all steps.
        return "last_step" if len(cells(self.rnns[-1])) == 1 else "h_n"


def cells(layer):
    """The SimpleRNNs of a layer: forward, and backward if there is one."""
    if kind(layer) == "Bidirectional":
        return [layer.forward_layer, layer.backward_layer]
    return [layer]


def run(model, chain, network, example):
    """{name: array} of the example and what Keras makes of it."""
    tokens = example.dtype == np.int64
    single = example.ndim == (1 if tokens else 2)
    x = example[None] if single else example
    if tokens and chain.embedding is None:
        x = np.eye(network.input_size, dtype=np.float32)[x]
    results = {}
    if chain.dense:
        results["scores"] = model.predict(x, verbose=0)
    if chain.embedding is not None:
        x = chain.embedding(x)
    h, states = network.hidden_size, []
    for rnn in chain.rnns:
        x = rnn(x)
        out = to_array(x)
        if out.ndim == 3:
            states += [out[:, -1, :h], out[:, 0, h:]]
        else:
            states += [out[:, :h], out[:, h:]]
    if network.directions == 1:
        states = states[::2]
    results["h_n"] = np.stack(states)
    if chain.sequences():
        results["hidden"] = out
    return model_folder.example_tensors(example, None, results)


def to_array(tensor):
    """numpy's array of any backend's tensor."""
    return np.asarray(tensor.detach().cpu() if hasattr(tensor, "detach")
                      else tensor)
