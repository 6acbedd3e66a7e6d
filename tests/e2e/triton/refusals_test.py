"""What is wrong raises tritonclient's usual exception, with a sentence."""

import asyncio
import socket

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio
from calls import outputs, tensor, text, tokens
from tritonclient.utils import InferenceServerException

FLOATS = np.zeros((1, 2, 3), np.float32)
INVALID = "StatusCode.INVALID_ARGUMENT"
UNIMPLEMENTED = "StatusCode.UNIMPLEMENTED"


def classes(count):
    return triton.InferRequestedOutput("scores", class_count=count)


def shaped(shape, sent):
    """What was sent, with another shape than its data have."""
    sent.set_shape(shape)
    return sent


def shared(tensor):
    tensor.set_shared_memory("region", 8)
    return tensor


def infer(*inputs, model="langid", **options):
    return lambda client: client.infer(model, list(inputs), **options)


CASES = {
    "unknown model": (infer(text("a"), model="nobody"),
                      "StatusCode.NOT_FOUND", "known models: "),
    "unknown version": (infer(text("a"), model_version="9"),
                        "StatusCode.NOT_FOUND", "known versions: 1"),
    "version of letters": (infer(text("a"), model_version="newest"), INVALID,
                           "model_version"),
    "version zero": (infer(text("a"), model_version="0"), INVALID,
                     "model_version"),
    "empty model name": (infer(text("a"), model=""), "StatusCode.NOT_FOUND",
                         "known models: "),
    "no inputs": (infer(), INVALID, "expected tokens"),
    "unknown input": (infer(text("a"), tensor("x", FLOATS, "FP32")), INVALID,
                      'input "x"'),
    "empty input name": (infer(text("a"), tensor("", FLOATS, "FP32")), INVALID,
                         'input ""'),
    "input twice": (infer(text("a"), text("b")), INVALID, "comes twice"),
    "unknown datatype": (infer(tensor("tokens", np.array([[1]], np.uint8),
                                      "UINT8")), INVALID, '"UINT8"'),
    "features for tokens": (infer(tensor("input", FLOATS, "FP32")), INVALID,
                            "does not suit the model"),
    "both kinds of input": (infer(text("a"), tokens([[1]])), INVALID,
                            "more than one"),
    "floats as tokens": (infer(tensor("tokens", FLOATS[0], "FP32")), INVALID,
                         "expected INT64 or INT32"),
    "one dimension": (infer(tokens([1, 2])), INVALID, "[N,T]"),
    "more data than the shape says": (
        infer(shaped([1, 1], tokens([[1, 2]]))), INVALID,
        "16 bytes of raw data, expected 8"),
    "negative shape": (infer(shaped([1, -1], tokens([[1]]))), INVALID,
                       "[1,-1]"),
    "shape whose product overflows": (
        infer(shaped([1 << 62, 1 << 62], tokens([[1]]))), INVALID, "product"),
    "huge shape": (infer(shaped([1, 1 << 40], tokens([[1]]))), INVALID,
                   "8 bytes of raw data"),
    "no sequences": (infer(tokens(np.zeros((0, 3)))), INVALID, "no sequences"),
    "text that is no UTF-8": (
        infer(tensor("text", np.array([b"\xff"], object), "BYTES")), INVALID,
        "UTF-8"),
    "empty text": (infer(text("a", "")), INVALID, "sequence 1"),
    "texts in rows": (infer(tensor("text", np.array([[b"a", b"b"]], object),
                                   "BYTES")), INVALID, "[1,2]"),
    "token out of range": (infer(tokens([[1 << 40]])), INVALID, "1099511627776"),
    "negative token": (infer(tokens([[-1]])), INVALID, "-1"),
    "no steps": (infer(tokens([[]])), INVALID, "empty"),
    "length too long": (infer(tokens([[1, 2]]), tensor(
        "lengths", np.array([3]), "INT64")), INVALID, "lengths"),
    "length of zero": (infer(tokens([[1, 2]]), tensor(
        "lengths", np.array([0]), "INT64")), INVALID, "lengths"),
    "too few lengths": (infer(tokens([[1], [2]]), tensor(
        "lengths", np.array([1]), "INT64")), INVALID, "lengths"),
    "lengths of texts": (infer(text("a"), tensor(
        "lengths", np.array([1]), "INT64")), INVALID, "lengths"),
    "lengths that are floats": (infer(tokens([[1]]), tensor(
        "lengths", np.ones(1, np.float32), "FP32")), INVALID, "lengths"),
    "h_0 of a wrong shape": (infer(text("a"), tensor("h_0", FLOATS, "FP32")),
                             INVALID, "h_0"),
    "token that is none": (infer(text("a"), tensor(
        "state_token", np.array([b"x"], object), "BYTES")), INVALID,
        "state token"),
    "token that is not base64": (
        infer(text("a"), parameters={"state_token": "?"}), INVALID, "base64"),
    "token of a wrong kind": (
        infer(text("a"), parameters={"state_token": 0.5}), INVALID,
        "double_param"),
    "require_exact of a wrong kind": (
        infer(text("a"), parameters={"require_exact": "yes"}), INVALID,
        "string_param"),
    "an end without a start": (
        infer(text("a"), sequence_id=123456, sequence_end=True), INVALID,
        "sequence_start"),
    "a sequence that nobody began": (infer(text("a"), sequence_id="nobody"),
                                     INVALID, "sequence_start"),
    "too long an id": (infer(text("a"), sequence_id="x" * 129), INVALID,
                       "129 bytes"),
    "a batch as a sequence": (
        infer(text("a", "b"), sequence_id=123456, sequence_start=True),
        INVALID, "2 sequences"),
    "input in shared memory": (
        infer(shared(triton.InferInput("tokens", [1, 1], "INT64"))),
        UNIMPLEMENTED, "shared memory"),
    "output in shared memory": (
        infer(text("a"), outputs=[shared(outputs("h_n")[0])]), UNIMPLEMENTED,
        "shared memory"),
    "empty output name": (infer(text("a"), outputs=outputs("")), INVALID,
                          'output ""'),
    "classes of hidden": (
        infer(text("a"), outputs=[triton.InferRequestedOutput("hidden", 1)]),
        INVALID, "classification"),
    "unknown output": (infer(text("a"), outputs=outputs("logits")), INVALID,
                       "logits"),
    "output twice": (infer(text("a"), outputs=outputs("h_n", "h_n")), INVALID,
                     "h_n"),
    "too many classes": (infer(text("a"), outputs=[classes(13)]), INVALID,
                         "13"),
    "priority out of range": (infer(text("a"), priority=22), INVALID,
                              "priority"),
    "huge priority": (infer(text("a"), priority=2**64 - 1), INVALID,
                      "18446744073709551615"),
    "negative timeout": (infer(text("a"), timeout=-1), INVALID, "timeout"),
    "shared memory": (
        lambda client: client.register_system_shared_memory("a", "/a", 1),
        UNIMPLEMENTED, "shared memory"),
    "CUDA's shared memory": (
        lambda client: client.get_cuda_shared_memory_status(), UNIMPLEMENTED,
        "shared memory"),
    "unloading": (lambda client: client.unload_model("langid"), UNIMPLEMENTED,
                  "a"),
    "loading": (lambda client: client.load_model("langid"), UNIMPLEMENTED, "a"),
    "trace settings": (lambda client: client.get_trace_settings(),
                       UNIMPLEMENTED, "a"),
    "log settings": (lambda client: client.get_log_settings(), UNIMPLEMENTED,
                     "a"),
    "metadata of nobody": (lambda client: client.get_model_metadata("nobody"),
                           "StatusCode.NOT_FOUND", "known models: "),
    "configuration of nobody": (lambda client: client.get_model_config("nobody"),
                                "StatusCode.NOT_FOUND", "known models: "),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_call_raises_what_tritonclient_raises(client, name):
    call, status, words = CASES[name]
    with pytest.raises(InferenceServerException) as caught:
        call(client)
    assert caught.value.status() == status
    assert words in caught.value.message()
    assert client.infer("langid", [text("a")]).as_numpy("scores") is not None


def test_a_server_that_does_not_answer_raises_it_too():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with triton.InferenceServerClient(address) as client:
            with pytest.raises(InferenceServerException) as caught:
                client.infer("langid", [text("a")], client_timeout=0.01)
    assert caught.value.status() == "StatusCode.DEADLINE_EXCEEDED"


def test_and_with_asyncio(server):
    async def run():
        async with triton.aio.InferenceServerClient(server.address) as client:
            with pytest.raises(InferenceServerException, match="known models"):
                await client.infer("nobody", [text("a")])

    asyncio.run(run())
