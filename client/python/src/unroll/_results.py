"""What is answered, from messages."""

from typing import Any, Dict, List, Optional

import numpy as np

from unroll._rpc import seconds
from unroll.results import (Array, End, Fact, Head, Layer, Model, ModelStatus,
                            Prediction, ScoredClass, Spec, Step)


def _array(owner: Any, field: str) -> Optional[Array]:
    if not owner.HasField(field):
        return None
    tensor = getattr(owner, field)
    return np.frombuffer(tensor.data, "<f4").reshape(tensor.shape)


def _state(owner: Any) -> Dict[str, Array]:
    return {name: np.frombuffer(tensor.data, "<f4").reshape(tensor.shape)
            for name, tensor in owner.final_state.tensors.items()}


def _enum(owner: Any, field: str) -> str:
    value = getattr(owner, field)
    known = owner.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return known[value].name if value in known else str(value)


def _exact(owner: Any) -> Optional[bool]:
    return owner.exact if owner.HasField("exact") else None


def _top(rows: Any) -> List[List[ScoredClass]]:
    return [[ScoredClass(getattr(c, "class"), c.label, c.score)
             for c in row.classes] for row in rows]


def predictions(response: Any) -> List[Prediction]:
    return [Prediction(
        hidden=_array(result, "hidden"), state=_state(result),
        scores=_array(result, "scores"), top=_top(result.top),
        token_ids=list(result.token_ids), steps=list(result.steps),
        state_token=result.state_token, steps_done=result.steps_done,
        exact=_exact(result), version=response.version,
        request_id=response.request_id, queue=seconds(response.timing.queue),
        compute=seconds(response.timing.compute))
        for result in response.results]


def steps(response: Any, token_ids: Dict[int, int],
          first: int = 0) -> List[Step]:
    """Of a message of a stream.

    `first` is the number of the call's first step; `token_ids` are by number.
    """
    hidden, scores = _array(response, "hidden"), _array(response, "scores")
    if scores is not None and scores.ndim == 1:
        scores = None  # of the end
    top = _top(response.top)
    if len(top) != len(response.steps):
        top = []
    tokens = {token.step: token.state_token for token in response.state_tokens}
    rows = {step: row for row, step in enumerate(response.steps)}
    found = []
    for step in sorted(tokens.keys() | rows.keys()):
        row = rows.get(step)
        number = first + step
        found.append(Step(
            step=number,
            hidden=None if hidden is None or row is None else hidden[row],
            scores=None if scores is None or row is None else scores[row],
            top=top[row] if top and row is not None else [],
            token_id=token_ids.get(number),
            state_token=tokens.get(step, b"")))
    return found


def end(response: Any) -> Optional[End]:
    """Of a stream, if that was its last message."""
    if not response.HasField("final"):
        return None
    final = response.final
    scores = _array(response, "scores")
    top = _top(response.top)
    return End(
        state=_state(final),
        scores=scores if scores is not None and scores.ndim == 1 else None,
        top=top[0] if len(top) == 1 else [], state_token=final.state_token,
        steps_done=final.steps_done, exact=_exact(final), version=final.version,
        request_id=final.request_id, queue=seconds(final.timing.queue),
        compute=seconds(final.timing.compute))


def model_statuses(response: Any) -> List[ModelStatus]:
    return [ModelStatus(
        name=m.name, version=m.version,
        state=_enum(m, "state"), error=m.error, is_default=m.is_default,
        summary=m.summary)
        for m in response.models]


def model(m: Any) -> Model:
    head = None
    if m.HasField("head"):
        head = Head(m.head.classes, m.head.activation, m.head.applied_to,
                    list(m.head.labels), [Layer(layer.width, layer.activation)
                                          for layer in m.head.inner_layers])
    spec = Spec(m.spec.cell, m.spec.input_size, m.spec.hidden_size,
                m.spec.num_layers, m.spec.directions, m.spec.nonlinearity,
                m.spec.bias, m.spec.reverse)
    return Model(
        name=m.name, version=m.version, fingerprint=m.fingerprint, spec=spec,
        vocabulary_size=m.vocabulary_size, takes_text=m.takes_text, head=head,
        incremental=m.incremental,
        facts=[Fact(f.name, f.value, _enum(f, "source")) for f in m.facts],
        kernel=m.kernel, exact=m.exact, memory_bytes=dict(m.memory_bytes),
        metadata=dict(m.metadata), numerics=m.numerics)
