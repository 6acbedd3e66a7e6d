"""What is answered. Arrays are read-only views of what came."""

import dataclasses
from typing import Dict, List, Optional

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class ScoredClass:
    index: int
    label: str  # "": the model has no labels
    score: float


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The results of one sequence; None and empty where not asked for."""

    hidden: Optional[Array]       # [S, D*H], S the steps asked for
    state: Dict[str, Array]       # after the last step; "h" is h_n
    scores: Optional[Array]       # [S, C]; [C] of a head that is applied once
    top: List[List[ScoredClass]]  # a list for each row of scores, best first
    token_ids: List[int]          # that were run, for text
    steps: List[int]              # their numbers, for "blanks" alone
    state_token: bytes
    # These two with a state token in the request or the results only: all steps
    # since the sequence began, and whether the results are bit for bit those
    # that the server that made the token would have given.
    steps_done: int
    exact: Optional[bool]
    version: int                  # of the model
    request_id: str
    queue: float                  # seconds that the call waited
    compute: float                # seconds in batches with steps of the call

    @property
    def h_n(self) -> Optional[Array]:  # [L*D, H]
        return self.state.get("h")

    @property
    def labels(self) -> List[str]:
        """The best class's label for each row of scores. Needs top_k."""
        return [row[0].label for row in self.top]


@dataclasses.dataclass(frozen=True)
class Step:
    """The results of one step."""

    step: int                # counted from the call's first
    hidden: Optional[Array]  # [D*H]
    scores: Optional[Array]  # [C]
    top: List[ScoredClass]   # best first
    token_id: Optional[int]  # that was run, for text
    state_token: bytes       # state_token_every only

    @property
    def label(self) -> str:
        """The best class's label. Needs top_k."""
        return self.top[0].label if self.top else ""


@dataclasses.dataclass(frozen=True)
class End:
    """What is known after the last step; see Prediction."""

    state: Dict[str, Array]
    scores: Optional[Array]  # [C], of a head that is applied once
    top: List[ScoredClass]   # likewise
    state_token: bytes
    steps_done: int
    exact: Optional[bool]
    version: int
    request_id: str
    queue: float
    compute: float

    @property
    def h_n(self) -> Optional[Array]:
        return self.state.get("h")


@dataclasses.dataclass(frozen=True)
class ModelStatus:
    name: str
    version: int
    state: str  # "LOADING", "READY" or "FAILED"
    error: str  # why it failed
    is_default: bool
    summary: str


@dataclasses.dataclass(frozen=True)
class Spec:
    cell: str
    input_size: int   # I
    hidden_size: int  # H
    num_layers: int   # L
    directions: int   # D
    nonlinearity: str
    bias: bool
    reverse: bool


@dataclasses.dataclass(frozen=True)
class Layer:
    width: int
    activation: str


@dataclasses.dataclass(frozen=True)
class Head:
    classes: int     # C
    activation: str
    applied_to: str  # "each_step", "last_step", "h_n", "mean" or "max"
    labels: List[str]
    inner_layers: List[Layer]  # in front of the one that gives the scores


@dataclasses.dataclass(frozen=True)
class Fact:
    name: str
    value: str
    source: str  # "READ", "CONFIGURED" or "ASSUMED"


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    version: int
    fingerprint: str
    spec: Spec
    vocabulary_size: int  # V; 0: the model takes features
    takes_text: bool
    head: Optional[Head]  # None: it gives no scores
    incremental: bool
    facts: List[Fact]
    kernel: str
    exact: bool
    memory_bytes: Dict[str, int]
    metadata: Dict[str, str]
    numerics: str
