"""The client, for asyncio."""

from typing import Any, AsyncIterator, Dict, Iterable, List, Optional, Union

import grpc
import grpc.aio

from unroll import _requests, _results, _rpc
from unroll._messages import message
from unroll.aio.live import LiveSequence
from unroll.errors import Error
from unroll.requests import Outputs, Sequence, State, Steps
from unroll.results import End, Model, ModelStatus, Prediction, Step


class Stream:
    """The results of one stream() call, step by step."""

    def __init__(self, address: str, call: Any):
        self._address = address
        self._call = call
        self.end: Optional[End] = None  # once iteration has ended

    async def __aiter__(self) -> AsyncIterator[Step]:
        token_ids: Dict[int, int] = {}
        try:
            async for response in self._call:
                token_ids.update(enumerate(response.token_ids))
                self.end = _results.end(response)
                for step in _results.steps(response, token_ids):
                    yield step
        except grpc.RpcError as error:
            raise _rpc.error_of(error, self._address) from error

    def cancel(self) -> None:
        self._call.cancel()


class Client:
    """unroll.Client, for one event loop, within which it is made."""

    def __init__(self, *addresses: str):
        if not addresses:
            raise ValueError("addresses: none, expected 1 or more")
        self._addresses = list(addresses)
        self._channels = [
            grpc.aio.insecure_channel(address, _rpc.channel_options(address))
            for address in addresses]

    async def close(self) -> None:
        """Ends all calls."""
        for channel in self._channels:
            await channel.close()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def models(self, timeout: Optional[float] = None
                     ) -> List[ModelStatus]:
        return _results.model_statuses(await self._call(
            _rpc.LIST_MODELS, message("unroll.v1.ListModelsRequest")(),
            timeout))

    async def model(self, name: str, version: int = 0,
                    timeout: Optional[float] = None) -> Model:
        return _results.model(await self._call(
            _rpc.GET_MODEL,
            message("unroll.v1.GetModelRequest")(name=name, version=version),
            timeout))

    async def predict(self, model: str, sequence: Union[Steps, Sequence],
                      outputs: Outputs = Outputs(), *, version: int = 0,
                      priority: int = 0, request_id: str = "",
                      timeout: Optional[float] = None) -> Prediction:
        results = await self.predict_many(
            model, [sequence], outputs, version=version, priority=priority,
            request_id=request_id, timeout=timeout)
        return results[0]

    async def predict_many(self, model: str,
                           sequences: Iterable[Union[Steps, Sequence]],
                           outputs: Outputs = Outputs(), *, version: int = 0,
                           priority: int = 0, request_id: str = "",
                           timeout: Optional[float] = None
                           ) -> List[Prediction]:
        request = _requests.predict(model, sequences, outputs, version,
                                    priority, request_id)
        return _results.predictions(
            await self._call(_rpc.PREDICT, request, timeout))

    def stream(self, model: str, sequence: Union[Steps, Sequence],
               outputs: Outputs = Outputs(), *, version: int = 0,
               priority: int = 0, request_id: str = "",
               timeout: Optional[float] = None) -> Stream:
        request = _requests.predict_stream(model, sequence, outputs, version,
                                           priority, request_id)
        return Stream(self._addresses[0], _rpc.PREDICT_STREAM.on(
            self._channels[0])(request, timeout=timeout))

    def live(self, model: str, outputs: Outputs = Outputs(), *,
             version: int = 0, initial_state: Optional[State] = None,
             state_token: bytes = b"", require_exact: bool = False,
             window: int = 0, priority: int = 0, request_id: str = "",
             patience: float = 60) -> LiveSequence:
        opening = _requests.live_opening(
            model, outputs, version, initial_state, state_token, require_exact,
            window, priority, request_id)
        return LiveSequence(self._addresses, self._channels, opening, patience)

    async def _call(self, method: _rpc.Method, request: Any,
                    timeout: Optional[float]) -> Any:
        failure: Optional[Error] = None
        for address, channel in zip(self._addresses, self._channels):
            try:
                return await method.on(channel)(request, timeout=timeout)
            except grpc.RpcError as error:
                failure = _rpc.error_of(error, address)
                if failure.code is not grpc.StatusCode.UNAVAILABLE:
                    break
        assert failure is not None
        raise failure
