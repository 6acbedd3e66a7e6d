"""A live sequence, for threads."""

import queue
import threading
import time
from typing import Any, List, Optional

import grpc

from unroll import _requests, _rpc
from unroll._live import Facts, Memory
from unroll.errors import Error
from unroll.requests import Steps
from unroll.results import Step


class LiveSequence(Facts):
    """One sequence whose steps come over time, and which outlives its servers.

    It keeps the last state token and the steps since; when a server goes away,
    it goes on from there at the next. Every result comes once, in order.

    Results wait in memory until they are read. One thread may send while
    another reads; any may cancel. A thread of its own does the rest, until the
    sequence has ended or is cancelled, as the end of a `with` does.
    """

    def __init__(self, addresses: List[str], channels: List[Any], opening: Any,
                 patience: float):
        self._addresses = addresses
        self._channels = channels
        self._results: "queue.SimpleQueue[Optional[Step]]" = queue.SimpleQueue()
        self._changed = threading.Condition()
        # All below under it.
        self._memory = Memory(opening, len(channels), patience)
        self._call: Any = None
        self._outbox: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._half_closed = False
        self._cancelled = False
        self._ended = False
        self._error: Optional[Error] = None
        threading.Thread(target=self._run, daemon=True,
                         name="unroll live").start()

    def send(self, steps: Steps) -> None:
        """One step or several: text, ids [T] or an id, features [T, I] or [I].

        At most half the window at a time, a text counting its bytes. Waits
        while too many are without results or not covered by a state token yet.
        Raises what ended the sequence, if anything did.
        """
        request = _requests.live_steps(steps)
        with self._changed:
            self._memory.check(request)
            self._changed.wait_for(
                lambda: self._ended or self._memory.has_room(request))
            if self._error is not None:
                raise self._error
            if self._ended or self._half_closed:
                raise ValueError("steps after the half-close")
            self._memory.add(request)
            self._outbox.put(request)

    def half_close(self) -> None:
        """No more steps: what was sent still runs, then iteration ends."""
        with self._changed:
            self._half_closed = True
            self._outbox.put(None)

    def cancel(self) -> None:
        with self._changed:
            self._cancelled = True
            if self._call is not None:
                self._call.cancel()
            self._changed.notify_all()

    def __iter__(self) -> "LiveSequence":
        return self

    def __next__(self) -> Step:
        """Waits for the next step's results. Raises what ended the sequence."""
        step = self._results.get()
        if step is not None:
            return step
        self._results.put(None)  # for the next time
        if self._error is not None:
            raise self._error
        raise StopIteration

    def __enter__(self) -> "LiveSequence":
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def _run(self) -> None:
        error: Optional[Error] = None
        try:
            while error := self._run_once():
                with self._changed:
                    pause = self._memory.pause_after(error, time.monotonic())
                    if pause is None or self._changed.wait_for(
                            lambda: self._cancelled, pause):
                        break
        except Exception as fault:
            error = _rpc.fault_of(fault)
        finally:
            with self._changed:
                self._ended = True
                self._error = error
                self._changed.notify_all()
            self._results.put(None)

    def _run_once(self) -> Optional[Error]:
        """One connection to its end; None: that of the sequence."""
        outbox: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        with self._changed:
            address = self._memory.next_address()
            for request in self._memory.begin():
                outbox.put(request)
            if self._half_closed:
                outbox.put(None)
            self._outbox = outbox
            self._call = call = _rpc.LIVE.on(self._channels[address])(
                iter(outbox.get, None))
            if self._cancelled:
                call.cancel()
        try:
            for response in call:
                with self._changed:
                    steps = self._memory.take(response)
                    self._changed.notify_all()
                for step in steps:
                    self._results.put(step)
        except grpc.RpcError as error:
            if self._memory.end is None:
                return _rpc.error_of(error, self._addresses[address])
        finally:
            outbox.put(None)  # so that gRPC's thread ends
        return None
