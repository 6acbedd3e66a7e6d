"""Client of unroll, a gRPC server for trained recurrent networks.

    with unroll.Client("localhost:8001") as client:
        client.predict("langid", "guten Morgen", unroll.Outputs(top_k=3)).labels

unroll.aio has the same for asyncio.
"""

from unroll.client import Client, Stream
from unroll.errors import Error
from unroll.live import LiveSequence
from unroll.requests import Outputs, Sequence, State, Steps
from unroll.results import (Array, End, Fact, Head, Layer, Model, ModelStatus,
                            Prediction, ScoredClass, Spec, Step)

__all__ = [
    "Array", "Client", "End", "Error", "Fact", "Head", "Layer", "LiveSequence",
    "Model", "ModelStatus", "Outputs", "Prediction", "ScoredClass", "Sequence",
    "Spec", "State", "Step", "Steps", "Stream"]
