"""Writes PyTorch modules as the folder of a model that unroll serves.

Weights say neither whether an nn.RNN is relu nor what stands behind the head;
the live modules do. So give them, as they are, and say what your forward()
does between and after them:

    import sys
    import torch
    sys.path.insert(0, "tools")  # of unroll
    from export import export

    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(1000, 32)
            self.rnn = torch.nn.RNN(32, 64, nonlinearity="relu")
            self.fc = torch.nn.Linear(64, 5)

        def forward(self, ids):
            hidden, _ = self.rnn(self.embed(ids))
            return torch.softmax(self.fc(hidden), -1)

    model = Tagger()  # and train it
    export("models/tagger/1", rnn=model.rnn, embedding=model.embed,
           head=model.fc, activation="softmax", applied_to="each_step",
           labels=["noun", "verb", "name", "number", "other"])

    build/release/bin/unroll-server --model-repository models

The folder holds an example: an input and what the modules made of it. The
server runs it when it loads the model, and refuses a model that gives anything
else. `from_keras` does the same for Keras, without PyTorch.
"""

import copy

import numpy as np

import model_folder
from export_keras import from_keras
from model_folder import ExportError, require

try:
    import torch
    from torch import nn
except ImportError:  # from_keras does without
    torch = None

__all__ = ["ExportError", "export", "from_keras"]


def export(directory, *, rnn, embedding=None, head=None, activation=None,
           applied_to=None, mean=None, std=None, vocabulary=None,
           tokenizer=None, unknown_token=None, blank_token=None, labels=None,
           example=None, h_0=None, dtype="float32", overwrite=False):
    """Writes model.safetensors, config.json and what else there is.

    directory      is new or empty, "models/<name>/<version>"; with
                   overwrite=True its files are replaced, one after the other.
                   Give a model that is being served a new version instead
    rnn            nn.RNN, nn.RNNCell, or a list of them, each of which reads
                   what the one before gives. Dropout is off
    embedding      nn.Embedding in front of it, if the input is token ids
    head           nn.Linear, or nn.Sequential of them with activations between
    activation     of the scores, when forward() has it and not the head: one
                   of identity, tanh, relu, sigmoid, softmax, log_softmax
    applied_to     what the head reads: each_step (the default), last_step
                   (out[:, -1]), h_n (the top layer's final states, of both
                   directions), mean or max (of out over the steps)
    mean, std      a number or one for each feature: the rnn reads
                   (x - mean) / std
    vocabulary     tokens in the order of their ids, or {token: id}: the server
                   takes text too. Without an embedding tokens are one-hot
    tokenizer      how text becomes tokens: "words" (at white space, the
                   default) or "characters"
    unknown_token  the token for those that are not in the vocabulary
    blank_token    the token for "[ ]" in a text
    labels         of the classes, in order
    example        features [N, T, I] or [T, I], token ids [N, T] or [T], a
                   text, or a list of texts that have equally many tokens.
                   None: one is made, 8 steps from a fixed seed (fewer with
                   thousands of classes). False: none is written
    h_0            the example's initial state, as for nn.RNN; zeros otherwise
    dtype          "float16" and "bfloat16" halve the file; all is computed in
                   float32 anyway

    Tied weights are written once. Prints what was written. ExportError says
    what cannot be served, before anything is written. The modules are not
    changed.
    """
    require(torch is not None, "export() needs PyTorch: there is no torch")
    dtype = str(dtype).removeprefix("torch.")
    model_folder.require_word("dtype", dtype, list(model_folder.STORED))
    model_folder.check_directory(directory, overwrite)
    require(head is not None or (activation, applied_to) == (None, None),
            "activation and applied_to need a head")
    texts = model_folder.Texts(vocabulary, tokenizer, unknown_token,
                               blank_token, labels)
    applied_to = applied_to or "each_step"
    stack = isinstance(rnn, (list, tuple, nn.ModuleList))
    rnns = list(rnn) if stack else [rnn]
    check_modules(rnns, embedding, head, applied_to)
    modules = copy_rounded(rnns, embedding, head, dtype)
    network = make_network(modules, activation, applied_to, mean, std)
    texts.check(network)
    require(mean is None and std is None
            or embedding is None and vocabulary is None,
            "mean and std are for features, but the input is tokens")
    tensors = None
    if example is not False:
        tensors = run(modules, network, activation, h_0,
                      model_folder.example_input(network, texts,
                                                 as_array(example)))
    model_folder.write(directory, network, texts, tensors, dtype, overwrite)


def as_array(value):
    """numpy's array of a tensor; anything else as it is."""
    return value.detach().cpu().numpy() if torch.is_tensor(value) else value


def check_plain(what, module, kind):
    """Whether `module` does what `kind` does, and nothing more."""
    name = type(module).__name__
    require(isinstance(module, kind),
            f"{what} is a {name}, expected an nn.{kind.__name__}")
    require(type(module).forward is kind.forward,
            f"{what}: {name} has a forward() of its own, which the server "
            f"does not know; expected a plain nn.{kind.__name__}")
    check_hooks(what, module)


def check_hooks(what, module):
    """They may change anything."""
    require(not (module._forward_hooks or module._forward_pre_hooks
                 or nn.utils.parametrize.is_parametrized(module)),
            f"{what} has hooks or parametrizations, as weight_norm, "
            "spectral_norm and pruning make them: remove them first, e.g. by "
            "nn.utils.remove_weight_norm(module)")


def check_modules(rnns, embedding, head, applied_to):
    """Refuses what the server does not compute."""
    require(rnns, "rnn is an empty list")
    for module in rnns:
        name = type(module).__name__
        require(not isinstance(module, (nn.LSTM, nn.GRU, nn.LSTMCell,
                                        nn.GRUCell)),
                f"rnn is a {name}: only nn.RNN and nn.RNNCell are served")
        check_plain("rnn", module,
                    nn.RNNCell if isinstance(module, nn.RNNCell) else nn.RNN)
    require(len({module.nonlinearity for module in rnns}) == 1,
            "stacked rnns have different nonlinearities: "
            + ", ".join(module.nonlinearity for module in rnns))
    if embedding is not None:
        check_plain("embedding", embedding, nn.Embedding)
        require(embedding.max_norm is None,
                "embedding has max_norm, which changes rows as they are used: "
                "apply it to the weights and set embedding.max_norm = None")
    if head is not None:
        check_head(head, applied_to)


def leaves(module, prefix="head."):
    """(prefix of its names, module) of a head's parts, in order."""
    if (isinstance(module, nn.Sequential)
            and type(module).forward is nn.Sequential.forward):
        # named_children() would leave out one that stands there twice.
        for name, child in module._modules.items():
            yield from leaves(child, f"{prefix}{name}.")
    else:
        yield prefix, module


def activation_name(module):
    """As config.json has it; None for what is none."""
    return {nn.Tanh: "tanh", nn.ReLU: "relu", nn.Sigmoid: "sigmoid",
            nn.Softmax: "softmax", nn.LogSoftmax: "log_softmax"}.get(
                type(module))


def check_head(head, applied_to):
    """Only Linears, at most one activation behind each, and what is idle."""
    for module in head.modules():
        check_hooks("head", module)
    # The last dimension of what it gets, with a batch.
    last = 2 if applied_to == "each_step" else 1
    behind = "nothing"
    for prefix, module in leaves(head):
        name, what = type(module).__name__, prefix.removesuffix(".")
        if type(module) in (nn.Dropout, nn.Identity):
            continue
        if activation_name(module) is None:
            require("Norm" not in name,
                    f"{what} is a {name}, which is not served: fold a "
                    "BatchNorm1d into the Linear in front of it by "
                    "nn.utils.fusion.fuse_linear_bn_eval, or train without")
            require(isinstance(module, nn.Linear),
                    f"{what} is a {name}; a head may hold nn.Linear, Tanh, "
                    "ReLU, Sigmoid, Softmax, LogSoftmax, Dropout and Identity "
                    "in nn.Sequential. Leave it out and apply it to the "
                    "scores in the client, or train without")
            check_plain(what, module, nn.Linear)
            behind = "Linear"
            continue
        require(behind == "Linear",
                f"{what}, {name}, stands behind {behind}: an activation has "
                "to stand behind a Linear")
        behind = name
        require(getattr(module, "dim", -1) in (-1, last),
                f"{what}, {name}, has dim={getattr(module, 'dim', 0)}: it has "
                "to be over the classes, dim=-1")
    require(behind != "nothing", "the head holds no Linear")


def copy_rounded(rnns, embedding, head, dtype):
    """Copies that compute in float64 with the numbers that will be stored."""
    # One copy of all, as that keeps what is tied.
    modules = copy.deepcopy(nn.ModuleDict({
        "rnns": nn.ModuleList(rnns), "embedding": embedding, "head": head}))
    modules.cpu().double().eval()
    for parameter in modules.parameters():
        stored = model_folder.store(parameter.detach().numpy(), dtype)
        parameter.data = torch.from_numpy(
            model_folder.as_read(stored)).double()
    return modules


def make_network(modules, activation, applied_to, mean, std):
    """The modules' weights and what else is to be said of them."""
    arrays = {}  # one for each parameter: that is how tied ones are known

    def named_arrays(module):
        return {name: arrays.setdefault(id(weight), weight.detach().numpy())
                for name, weight in module.state_dict(keep_vars=True).items()}

    def rnn_arrays(module):
        end = "_l0" if isinstance(module, nn.RNNCell) else ""
        return {name + end: array
                for name, array in named_arrays(module).items()}

    head = []
    parts = () if modules["head"] is None else leaves(modules["head"])
    for prefix, module in parts:
        if isinstance(module, nn.Linear):
            head.append(model_folder.Linear(prefix, **named_arrays(module)))
        elif activation_name(module):
            head[-1].activation = activation_name(module)
    if len(head) == 1:
        head[0].prefix = "head."
    if activation is not None:
        require(head[-1].activation == "identity",
                f"activation={activation!r}, but the head itself ends in "
                f"{head[-1].activation}: leave one out")
        head[-1].activation = activation
    embedding = modules["embedding"]
    return model_folder.Network(
        rnns=[rnn_arrays(module) for module in modules["rnns"]],
        nonlinearity=modules["rnns"][0].nonlinearity,
        embedding=embedding and named_arrays(embedding)["weight"],
        head=head, applied_to=applied_to, mean=mean, std=std)


def apply_activation(name, scores):
    """What forward() does with them after the head."""
    if name in (None, "identity"):
        return scores
    return (getattr(torch, name)(scores, -1) if "softmax" in name
            else getattr(torch, name)(scores))


def run_rnn(module, x, h):
    """(out [N, T, D*H], h_n [L*D, N, H]) of a batch."""
    if isinstance(module, nn.RNN):
        module.batch_first = True
        return module(x, h)
    steps, state = [], h[0]
    for t in range(x.shape[1]):
        state = module(x[:, t], state)
        steps.append(state)
    return torch.stack(steps, 1), state[None]


def run(modules, network, activation, h_0, example):
    """{name: array} of the example and of all that the modules make of it."""
    tokens = example.dtype == np.int64
    single = example.ndim == (1 if tokens else 2)
    x = torch.from_numpy(example[None] if single else example)
    shape = [network.layers * network.directions, len(x), network.hidden_size]
    state = torch.zeros(shape).double()
    if h_0 is not None:
        h_0 = np.asarray(as_array(h_0), np.float32)
        expected = shape[:1] + shape[2:] if single else shape
        require(list(h_0.shape) == expected,
                f"h_0 is {list(h_0.shape)}, expected {expected}")
        state = torch.from_numpy(h_0).double().reshape(shape)
    with torch.no_grad():
        if modules["embedding"] is not None:
            x = modules["embedding"](x)
        elif tokens:
            x = nn.functional.one_hot(x, network.input_size).double()
        else:
            x = x.double()
        if network.mean is not None:
            x = (x - torch.from_numpy(network.mean)) / torch.from_numpy(
                network.std)
        states, begin = [], 0
        for module, arrays in zip(modules["rnns"], network.rnns):
            end = begin + sum(name.startswith("weight_hh") for name in arrays)
            x, final = run_rnn(module, x, state[begin:end])
            states.append(final)
            begin = end
        results = {"hidden": x, "h_n": torch.cat(states)}
        if modules["head"] is not None:
            read = {
                "each_step": lambda: x,
                "last_step": lambda: x[:, -1],
                "h_n": lambda: torch.cat(
                    list(final[-network.directions:]), -1),
                "mean": lambda: x.mean(1),
                "max": lambda: x.amax(1)}[network.applied_to]()
            results["scores"] = apply_activation(activation,
                                                 modules["head"](read))
    return model_folder.example_tensors(
        example, h_0, {name: x.numpy() for name, x in results.items()})
