"""What a live sequence remembers, to go on at another server.

No I/O, no threads, no clock: unroll.live and unroll.aio.live are the shells.
What it does is that of client/live_sequence.cc.
"""

import collections
import random
from typing import Any, Deque, Dict, List, Optional

import grpc

from unroll import _results
from unroll._messages import message
from unroll.errors import Error
from unroll.results import End, Step

_DEFAULT_WINDOW = 64       # the server's, steps
_FIRST_BACKOFF = 0.05      # seconds
_LONGEST_BACKOFF = 2.0


def weight(request: Any) -> int:
    """At least the number of steps: no token takes less than a byte."""
    kind = request.WhichOneof("input")
    if kind == "features":
        return int(request.features.shape[0])
    if kind == "token_ids":
        return len(request.token_ids.ids)
    return len(request.text.encode())


class Memory:
    """The last state token and the steps since, over all connections.

    The first token comes before any result, so that all are of the same weights.

    For each connection: next_address(), begin(), take() of each response; after
    its error, pause_after().
    """

    def __init__(self, opening: Any, addresses: int, patience: float):
        self._opening = opening           # of the next connection
        self._window = opening.window or _DEFAULT_WINDOW
        self._addresses = addresses       # how many
        self._patience = patience
        # Messages that no token covers yet, and their weight; up to which of
        # all messages a token was asked for, oldest wish first: the opening's.
        self._kept: Deque[Any] = collections.deque()
        self._kept_first = 0
        self._kept_weight = 0
        self._asked_weight = 0
        self._asked: Deque[int] = collections.deque([-1])
        self._kind: Optional[str] = None  # of input
        # Steps by their number over all connections.
        self._has_token = False           # of this sequence's own
        self._token_steps = 0             # that it has seen
        self._first_step = 0              # of the connection
        self._seen = 0
        self._token_ids: Dict[int, int] = {}  # of steps without results
        self._next_id = 0
        # Connections.
        self._attempts = 0
        self._failures = 0                # in a row
        self._failing_since = 0.0
        self._not_before = [0.0] * addresses
        self._opened_here = False
        self._ever_opened = False
        self.resumptions = 0
        self.exact = True
        self.end: Optional[End] = None

    def check(self, request: Any) -> None:
        """Whether these steps may be sent at all."""
        half = max(1, self._window // 2)
        if weight(request) > half:
            raise ValueError(
                f"{weight(request)} steps at a time (a text counts its bytes), "
                f"expected at most {half}, half the window")
        if weight(request) == 0:
            raise ValueError("steps: none, expected 1 or more")
        kind = request.WhichOneof("input")
        if kind != (self._kind or kind):
            raise ValueError(f"steps: {kind}, expected {self._kind} as before")

    def has_room(self, request: Any) -> bool:
        return self._kept_weight + weight(request) <= self._window

    def add(self, request: Any) -> None:
        """Keeps steps, on their way out."""
        self._kind = request.WhichOneof("input")
        self._kept_weight += weight(request)
        # So that a token is always under way before there is no room.
        if self._kept_weight - self._asked_weight >= max(1, self._window // 2):
            request.state_token_now = True
            self._asked.append(self._kept_first + len(self._kept))
            self._asked_weight = self._kept_weight
        self._kept.append(request)

    def next_address(self) -> int:
        self._address = self._attempts % self._addresses
        self._attempts += 1
        return self._address

    def begin(self) -> List[Any]:
        """What a new connection has to send first."""
        self._opened_here = False
        self._first_step = self._next_id = self._token_steps
        open_ = message("unroll.v1.LiveRequest")(
            open=self._opening, state_token_now=not self._has_token)
        return [open_, *self._kept]

    def take(self, response: Any) -> List[Step]:
        """What is new in it."""
        if response.HasField("opened"):
            self._take_opened(response.opened)
        for token in response.state_tokens:
            self._take_token(token)
        for token_id in response.token_ids:
            self._token_ids[self._next_id] = token_id
            self._next_id += 1
        new = [step for step in
               _results.steps(response, self._token_ids, self._first_step)
               if step.step >= self._seen]
        for step in new:
            self._seen = step.step + 1
        for number in response.steps:
            self._token_ids.pop(self._first_step + number, None)
        self.end = _results.end(response)
        return new

    def pause_after(self, error: Error, now: float) -> Optional[float]:
        """Seconds until the next attempt; None: it is for good."""
        # What one server has no room for, before it began, another may have.
        elsewhere = error.code is grpc.StatusCode.UNAVAILABLE or (
            error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            and not self._opened_here)
        if self._failures == 0:
            self._failing_since = now
        if not elsewhere:
            return None
        self._not_before[self._address] = now + (error.retry_delay or 0)
        longest = min(_LONGEST_BACKOFF,
                      _FIRST_BACKOFF * 2 ** min(self._failures, 10))
        self._failures += 1
        pause = max(longest * random.uniform(0.5, 1),
                    self._not_before[self._attempts % self._addresses] - now)
        late = now + pause > self._failing_since + self._patience
        return None if late else pause

    def _take_opened(self, opened: Any) -> None:
        self._failures = 0
        self._opened_here = True
        # Of the same weights, whatever is loaded meanwhile.
        self._opening.version = opened.version
        self.resumptions += self._ever_opened
        self._ever_opened = True
        if opened.HasField("exact"):
            self.exact &= opened.exact

    def _take_token(self, token: Any) -> None:
        if not self._asked:
            return  # the server's mistake
        last = self._asked.popleft()
        while self._kept_first <= last:
            covered = weight(self._kept.popleft())
            self._kept_weight -= covered
            self._asked_weight -= covered
            self._kept_first += 1
        self._has_token = True
        self._token_steps = self._first_step + token.step + 1
        self._opening.ClearField("initial_state")
        self._opening.state_token = token.state_token


class Facts:
    """What a live sequence tells of itself."""

    _memory: Memory

    @property
    def end(self) -> Optional[End]:
        """Once iteration has ended."""
        return self._memory.end

    @property
    def resumptions(self) -> int:
        """How often it went on at another server, or again."""
        return self._memory.resumptions

    @property
    def exact(self) -> bool:
        """Whether every server that went on from a token gave the same bits."""
        return self._memory.exact
