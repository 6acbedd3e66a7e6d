"""A live sequence, for asyncio."""

import asyncio
from typing import Any, AsyncIterator, List, Optional

import grpc

from unroll import _requests, _rpc
from unroll._live import Facts, Memory
from unroll.errors import Error
from unroll.requests import Steps
from unroll.results import Step


async def _drain(outbox: "asyncio.Queue[Any]") -> AsyncIterator[Any]:
    while (request := await outbox.get()) is not None:
        yield request


class LiveSequence(Facts):
    """unroll.LiveSequence, for one event loop. A task of its own reads."""

    def __init__(self, addresses: List[str], channels: List[Any], opening: Any,
                 patience: float):
        self._addresses = addresses
        self._channels = channels
        self._memory = Memory(opening, len(channels), patience)
        self._results: "asyncio.Queue[Optional[Step]]" = asyncio.Queue()
        self._outbox: "asyncio.Queue[Any]" = asyncio.Queue()
        self._changed = asyncio.Condition()
        self._half_closed = False
        self._ended = False
        self._error: Optional[Error] = None
        self._task = asyncio.create_task(self._run())

    async def send(self, steps: Steps) -> None:
        """As unroll.LiveSequence's."""
        request = _requests.live_steps(steps)
        self._memory.check(request)
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._ended or self._memory.has_room(request))
        if self._error is not None:
            raise self._error
        if self._ended or self._half_closed:
            raise ValueError("steps after the half-close")
        self._memory.add(request)
        self._outbox.put_nowait(request)

    def half_close(self) -> None:
        """No more steps: what was sent still runs, then iteration ends."""
        self._half_closed = True
        self._outbox.put_nowait(None)

    def cancel(self) -> None:
        self._task.cancel()

    def __aiter__(self) -> "LiveSequence":
        return self

    async def __anext__(self) -> Step:
        """Waits for the next step's results. Raises what ended the sequence."""
        step = await self._results.get()
        if step is not None:
            return step
        self._results.put_nowait(None)  # for the next time
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def __aenter__(self) -> "LiveSequence":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        error: Optional[Error] = Error(grpc.StatusCode.CANCELLED,
                                       "the sequence was cancelled")
        clock = asyncio.get_running_loop()
        try:
            while failure := await self._run_once():
                pause = self._memory.pause_after(failure, clock.time())
                if pause is None:
                    break
                await asyncio.sleep(pause)
            error = failure
        except Exception as fault:
            error = _rpc.fault_of(fault)
        finally:
            self._ended = True
            self._error = error
            self._results.put_nowait(None)
            async with self._changed:
                self._changed.notify_all()

    async def _run_once(self) -> Optional[Error]:
        """One connection to its end; None: that of the sequence."""
        address = self._memory.next_address()
        outbox: "asyncio.Queue[Any]" = asyncio.Queue()
        self._outbox = outbox
        for request in self._memory.begin():
            outbox.put_nowait(request)
        if self._half_closed:
            outbox.put_nowait(None)
        call = _rpc.LIVE.on(self._channels[address])(_drain(outbox))
        try:
            async for response in call:
                for step in self._memory.take(response):
                    self._results.put_nowait(step)
                async with self._changed:
                    self._changed.notify_all()
        except grpc.RpcError as error:
            if self._memory.end is None:
                return _rpc.error_of(error, self._addresses[address])
        finally:
            call.cancel()
        return None
