"""Reads and writes safetensors files; needs numpy alone.

The format: an unsigned 64-bit little-endian header length, a JSON header
{name: {"dtype", "shape", "data_offsets"}} padded with spaces, then the data.
numpy has no BF16: it is written from a `BFloat16` and read as float32.
"""

import json
import struct

import numpy as np

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4",
    "U8": "|u1",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


class BFloat16:
    """float32 values rounded to nearest even, to be stored as BF16."""

    def __init__(self, array):
        bits = np.ascontiguousarray(array, "<f4").view("<u4")
        self.bits = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2")
        self.shape = self.bits.shape

    def float32(self):
        """What a reader will see."""
        return (self.bits.astype("<u4") << 16).view("<f4")


def write(path, tensors, metadata=None):
    """Writes {name: array or BFloat16} in the order given."""
    header, chunks, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        if isinstance(tensor, BFloat16):
            dtype, data = "BF16", tensor.bits.tobytes()
        else:
            dtype = NAMES[tensor.dtype.newbyteorder("<")]
            data = np.ascontiguousarray(
                tensor, DTYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":"),
                      ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(chunks)


def read(path):
    """{name: array} of a file that is taken to be sound.

    A tensor that is stored under another's name, {"dropped": "written"} in the
    metadata, is there under both, as in the server.
    """
    with open(path, "rb") as file:
        content = file.read()
    size, = struct.unpack_from("<Q", content)
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            bits = np.frombuffer(content[begin:end], "<u2").astype("<u4")
            array = (bits << 16).view("<f4")
        else:
            array = np.frombuffer(content[begin:end], DTYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"]).copy()
    for dropped, written in metadata.items():
        if written in tensors:
            tensors.setdefault(dropped, tensors[written])
    return tensors
