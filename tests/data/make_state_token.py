#!/usr/bin/env python3
"""Writes state_token.bin: a state token by the words of core/serve/state_keys.h
and state_token.h alone, and the seeds of its fuzzer."""

import hashlib
import hmac
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
KEY = bytes(range(32))


def text(value):
    return struct.pack("<I", len(value)) + value.encode()


def tensor(name, shape, values):
    return (text(name) + struct.pack(f"<I{len(shape)}q", len(shape), *shape)
            + struct.pack(f"<{len(values)}f", *values))


def body(tensors):
    return (text("tagger") + struct.pack("<q", 3) + text("f" * 64) + text("float32-1")
            + struct.pack("<qI", 17, len(tensors)) + b"".join(tensors))


def sign(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def signed(content, key=KEY, form=1):
    token = b"uRst" + struct.pack("<II", form, len(content)) + sign(key, b"unroll state key")[:8] + content
    return token + sign(key, token)


def main():
    h = tensor("h", [2, 3], [0, 0.5, -1, 2, -0.25, 1e-8])
    pool = tensor("pool", [1, 3], [1, 2, 3])
    steps = tensor("pool_steps", [1], [17])
    golden = signed(body([h]))
    (HERE / "state_token.bin").write_bytes(golden)

    seeds = {
        "golden": golden, "body": body([h]), "body_pooled": body([h, pool, steps]), "pooled": signed(body([h, pool, steps])),
        "no_tensors": body([]), "scalar": body([tensor("h", [], [1])]), "empty": b"", "empty_body": signed(b""),
        "cut": golden[:-1], "longer": golden + b"x", "newer": signed(body([h]), form=2),
        "other_key": signed(body([h]), key=b"k" * 32), "changed": golden.replace(b"tagger", b"togger"),
        "huge_shape": body([text("h") + struct.pack("<I3q", 3, 2**40, 2**40, 2)]),
        "zero_shape": body([text("h") + struct.pack("<I3q", 3, 2**62, 0, 2**62)]),
        "negative_shape": body([text("h") + struct.pack("<I2q", 2, -1, -4) + bytes(16)]),
        "many_dimensions": body([text("h") + struct.pack("<I", 2**32 - 1)]),
        "long_text": struct.pack("<I", 2**32 - 1) + b"tagger",
    }
    corpus = HERE.parent / "fuzz" / "corpus" / "state_token"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (corpus / name).write_bytes(content)


if __name__ == "__main__":
    main()
