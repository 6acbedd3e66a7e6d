"""Inputs and outputs of tritonclient."""

import golden
import numpy as np
import tritonclient.grpc as triton


def tensor(name, array, datatype):
    sent = triton.InferInput(name, list(array.shape), datatype)
    sent.set_data_from_numpy(array)
    return sent


def text(*texts):
    return tensor("text", np.array([t.encode() for t in texts], object),
                  "BYTES")


def tokens(ids):
    return tensor("tokens", np.array(ids, np.int64), "INT64")


def outputs(*names):
    return [triton.InferRequestedOutput(name) for name in names]


def golden_inputs(case, begin=0, end=None, state=True):
    """The case's steps from `begin` to before `end`, as a batch of one."""
    steps = golden.steps_of(case)[np.newaxis, begin:end]
    inputs = [tokens(steps) if case["vocabulary_size"] else
              tensor("input", steps.astype(np.float32), "FP32")]
    h_0 = golden.initial_state(case)
    if h_0 is not None and state:
        inputs.append(tensor("h_0", h_0[np.newaxis].astype(np.float32),
                             "FP32"))
    return inputs


def check_golden(case, result, want):
    for name in ("hidden", "h_n", "scores"):
        expected = want.get(f"{case['name']}.{name}")
        got = result.as_numpy(name)
        if expected is None:
            assert got is None
        else:
            assert golden.error(got[0], expected) <= 1e-5, name
