"""What is asked: sequences and outputs."""

import dataclasses
import typing
from typing import Mapping, Optional, Union

import numpy.typing as npt

# Text; token ids [T] (whole numbers in one dimension); features [T, I].
Steps = Union[str, npt.ArrayLike]
# h_0 [L*D, H], or all tensors of a state by name, as `Prediction.state` is.
State = Union[npt.ArrayLike, Mapping[str, npt.ArrayLike]]


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Steps that do not start from zeros."""

    steps: Steps
    initial_state: Optional[State] = None
    # Instead of initial_state: goes on from there.
    state_token: bytes = b""
    # Fails where that would not be bit for bit.
    require_exact: bool = False


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Which results to give, of which steps. Default: all that there are."""

    # Of "hidden", "h_n", "scores", "top", "state_token". None: all that the
    # model has, but for the token.
    results: Optional[typing.Sequence[str]] = None
    # "all", "last", "blanks" (those of "[ ]" in a text), or their numbers.
    steps: Union[str, typing.Sequence[int]] = "all"
    # The k best classes of each row of scores, with labels.
    top_k: int = 0
    # Only these classes, by number or label. None named: all.
    candidates: typing.Sequence[Union[int, str]] = ()
    # stream() only: a state token after every so many steps. 0: none.
    state_token_every: int = 0
