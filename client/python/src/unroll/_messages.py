"""The protocol's messages as classes, from the descriptions of the build.

They are in a pool of their own, so that other packages' google/rpc files do
not get in their way.
"""

import pathlib
from typing import Any

from google.protobuf import descriptor_pb2, message_factory

_FILES = descriptor_pb2.FileDescriptorSet.FromString(
    (pathlib.Path(__file__).parent / "protocol.binpb").read_bytes())
_CLASSES = message_factory.GetMessages(_FILES.file)


def message(name: str) -> Any:
    """The class of a full name, such as "unroll.v1.Tensor"."""
    return _CLASSES[name]
