"""What is asked, as messages."""

from collections.abc import Mapping
from typing import Any, Iterable, Optional, Union

import numpy as np
import numpy.typing as npt

from unroll._messages import message
from unroll.requests import Outputs, Sequence, State, Steps

_RESULTS = {"hidden": 1, "h_n": 2, "scores": 3, "top": 4, "state_token": 5}


def _tensor(array: npt.ArrayLike) -> Any:
    floats = np.ascontiguousarray(array, dtype="<f4")
    return message("unroll.v1.Tensor")(
        data_type=1, shape=np.shape(array), data=floats.tobytes())


def _set_steps(target: Any, steps: Steps) -> None:
    """The input of a Sequence or a LiveRequest."""
    if isinstance(steps, str):
        target.text = steps
        return
    array = np.asarray(steps)
    if array.ndim == 1 and np.issubdtype(array.dtype, np.integer):
        target.token_ids.ids.extend(array.tolist())
    elif array.ndim == 2:
        target.features.CopyFrom(_tensor(array))
    else:
        raise ValueError(
            f"steps: {array.dtype} of shape {list(array.shape)}, expected "
            "text, whole numbers [T] (token ids) or numbers [T, I] (features)")


def _set_start(target: Any, initial_state: Optional[State], state_token: bytes,
              require_exact: bool) -> None:
    """Where a Sequence or a LiveOpening starts from."""
    if initial_state is not None:
        tensors = (initial_state if isinstance(initial_state, Mapping)
                   else {"h": initial_state})
        for name, array in tensors.items():
            target.initial_state.tensors[name].CopyFrom(_tensor(array))
    target.state_token = state_token
    target.require_exact = require_exact


def _set_sequence(target: Any, sequence: Union[Steps, Sequence]) -> None:
    if not isinstance(sequence, Sequence):
        sequence = Sequence(sequence)
    _set_steps(target, sequence.steps)
    _set_start(target, sequence.initial_state, sequence.state_token,
              sequence.require_exact)


def _set_outputs(target: Any, outputs: Outputs) -> None:
    for name in outputs.results or ():
        if name not in _RESULTS:
            raise ValueError(f"outputs.results: {name!r}, expected some of "
                             + ", ".join(_RESULTS))
        target.results.append(_RESULTS[name])
    if not isinstance(outputs.steps, str):
        target.indices.indices.extend(outputs.steps)
    elif outputs.steps in ("last", "blanks"):
        getattr(target, outputs.steps).SetInParent()
    elif outputs.steps != "all":
        raise ValueError(f"outputs.steps: {outputs.steps!r}, expected all, "
                         "last, blanks or numbers")
    target.top_k = outputs.top_k
    for candidate in outputs.candidates:
        added = target.candidates.add()
        if isinstance(candidate, str):
            added.label = candidate
        else:
            setattr(added, "class", candidate)
    target.state_token_every = outputs.state_token_every


def _request(name: str, model: str, outputs: Outputs, version: int,
             priority: int, request_id: str) -> Any:
    """A request of that name, with what all of them have."""
    request = message(f"unroll.v1.{name}")(
        model=model, version=version, priority=priority, request_id=request_id)
    _set_outputs(request.outputs, outputs)
    return request


def predict(model: str, sequences: Iterable[Union[Steps, Sequence]],
            outputs: Outputs, version: int, priority: int,
            request_id: str) -> Any:
    request = _request("PredictRequest", model, outputs, version, priority,
                       request_id)
    for sequence in sequences:
        _set_sequence(request.sequences.add(), sequence)
    return request


def predict_stream(model: str, sequence: Union[Steps, Sequence],
                   outputs: Outputs, version: int, priority: int,
                   request_id: str) -> Any:
    request = _request("PredictStreamRequest", model, outputs, version,
                       priority, request_id)
    _set_sequence(request.sequence, sequence)
    return request


def live_opening(model: str, outputs: Outputs, version: int,
                 initial_state: Optional[State], state_token: bytes,
                 require_exact: bool, window: int, priority: int,
                 request_id: str) -> Any:
    if outputs.state_token_every:
        raise ValueError("outputs.state_token_every: is not for live "
                         "sequences, which ask for tokens themselves")
    opening = _request("LiveOpening", model, outputs, version, priority,
                       request_id)
    opening.window = window
    _set_start(opening, initial_state, state_token, require_exact)
    return opening


def live_steps(steps: Steps) -> Any:
    """A message of a live sequence."""
    if not isinstance(steps, str):
        array = np.asarray(steps)
        floats = np.issubdtype(array.dtype, np.floating)
        if array.ndim == (1 if floats else 0):
            steps = array[np.newaxis]  # one step
    request = message("unroll.v1.LiveRequest")()
    _set_steps(request, steps)
    return request
