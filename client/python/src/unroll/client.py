"""The client, for threads."""

from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

import grpc

from unroll import _requests, _results, _rpc
from unroll._messages import message
from unroll.errors import Error
from unroll.live import LiveSequence
from unroll.requests import Outputs, Sequence, State, Steps
from unroll.results import End, Model, ModelStatus, Prediction, Step


class Stream:
    """The results of one stream() call, step by step."""

    def __init__(self, address: str, call: Any):
        self._address = address
        self._call = call
        self.end: Optional[End] = None  # once iteration has ended

    def __iter__(self) -> Iterator[Step]:
        token_ids: Dict[int, int] = {}
        try:
            for response in self._call:
                token_ids.update(enumerate(response.token_ids))
                self.end = _results.end(response)
                yield from _results.steps(response, token_ids)
        except grpc.RpcError as error:
            raise _rpc.error_of(error, self._address) from error

    def cancel(self) -> None:
        self._call.cancel()


class Client:
    """A connection to a server, or to several that serve the same models.

    Any number of threads may use it at once. `addresses` are HOST:PORT. Calls
    go to the first; where it is UNAVAILABLE, those that wait for one answer go
    to the next, and live sequences go on there. A `timeout` is in seconds, for
    all of a call; the default is none.
    """

    def __init__(self, *addresses: str):
        if not addresses:
            raise ValueError("addresses: none, expected 1 or more")
        self._addresses = list(addresses)
        self._channels = [
            grpc.insecure_channel(address, _rpc.channel_options(address))
            for address in addresses]

    def close(self) -> None:
        """Ends all calls."""
        for channel in self._channels:
            channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def models(self, timeout: Optional[float] = None) -> List[ModelStatus]:
        """All models and versions found, loaded or not."""
        return _results.model_statuses(self._call(
            _rpc.LIST_MODELS, message("unroll.v1.ListModelsRequest")(),
            timeout))

    def model(self, name: str, version: int = 0,
              timeout: Optional[float] = None) -> Model:
        """All that is known of one; version 0 is the highest that loaded."""
        return _results.model(self._call(
            _rpc.GET_MODEL,
            message("unroll.v1.GetModelRequest")(name=name, version=version),
            timeout))

    def predict(self, model: str, sequence: Union[Steps, Sequence],
                outputs: Outputs = Outputs(), *, version: int = 0,
                priority: int = 0, request_id: str = "",
                timeout: Optional[float] = None) -> Prediction:
        """All results of one sequence; version 0 is the highest that loaded."""
        return self.predict_many(
            model, [sequence], outputs, version=version, priority=priority,
            request_id=request_id, timeout=timeout)[0]

    def predict_many(self, model: str,
                     sequences: Iterable[Union[Steps, Sequence]],
                     outputs: Outputs = Outputs(), *, version: int = 0,
                     priority: int = 0, request_id: str = "",
                     timeout: Optional[float] = None) -> List[Prediction]:
        """Sequences of any lengths in one call."""
        request = _requests.predict(model, sequences, outputs, version,
                                    priority, request_id)
        return _results.predictions(self._call(_rpc.PREDICT, request, timeout))

    def stream(self, model: str, sequence: Union[Steps, Sequence],
               outputs: Outputs = Outputs(), *, version: int = 0,
               priority: int = 0, request_id: str = "",
               timeout: Optional[float] = None) -> Stream:
        """The steps of a whole sequence, as they are computed.

        Does not wait; errors come from the iteration.
        """
        request = _requests.predict_stream(model, sequence, outputs, version,
                                           priority, request_id)
        return Stream(self._addresses[0], _rpc.PREDICT_STREAM.on(
            self._channels[0])(request, timeout=timeout))

    def live(self, model: str, outputs: Outputs = Outputs(), *,
             version: int = 0, initial_state: Optional[State] = None,
             state_token: bytes = b"", require_exact: bool = False,
             window: int = 0, priority: int = 0, request_id: str = "",
             patience: float = 60) -> LiveSequence:
        """A sequence whose steps come over time.

        `window` is the most steps on their way without results; 0 is 64. The
        sequence fails when for `patience` seconds no server could be made to
        go on; all that share the work need the same --state-key-file.
        """
        opening = _requests.live_opening(
            model, outputs, version, initial_state, state_token, require_exact,
            window, priority, request_id)
        return LiveSequence(self._addresses, self._channels, opening, patience)

    def _call(self, method: _rpc.Method, request: Any,
              timeout: Optional[float]) -> Any:
        failure: Optional[Error] = None
        for address, channel in zip(self._addresses, self._channels):
            try:
                return method.on(channel)(request, timeout=timeout)
            except grpc.RpcError as error:
                failure = _rpc.error_of(error, address)
                if failure.code is not grpc.StatusCode.UNAVAILABLE:
                    break
        assert failure is not None
        raise failure
