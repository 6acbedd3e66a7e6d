"""ModelStreamInfer: many requests and sequences on one stream."""

import asyncio
import queue

import golden
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio
from calls import check_golden, golden_inputs, outputs, text
from tritonclient.utils import InferenceServerException

CASES = golden.cases()
TEXT = "guten Morgen"


class Stream:
    """A stream, and what it answers, in order."""

    def __init__(self, client):
        self.client = client
        self.answers = queue.SimpleQueue()
        client.start_stream(
            lambda result, error: self.answers.put((result, error)))

    def send(self, model, inputs, **options):
        self.client.async_stream_infer(model, inputs, **options)

    def get(self):
        result, error = self.answers.get(timeout=60)
        if error is not None:
            raise error
        return result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_stream()


def is_final(result):
    return result.get_response().parameters["triton_final_response"].bool_param


def test_every_request_is_answered_with_pytorchs_numbers(golden_client, want):
    by_id = {}
    with Stream(golden_client) as stream:
        for case in CASES:
            stream.send(case["name"], golden_inputs(case),
                        request_id=case["name"])
        for _ in CASES:
            result = stream.get()
            assert is_final(result)
            by_id[result.get_response().id] = result
    for case in CASES:
        check_golden(case, by_id[case["name"]], want)


def test_steps_come_as_they_are_computed_when_asked_for(client):
    long = TEXT * 200
    whole = client.infer("langid", [text(long)])
    results = []
    with Stream(client) as stream:
        stream.send("langid", [text(long)], request_id="mine",
                    enable_empty_final_response=True,
                    outputs=outputs("hidden", "scores", "h_n"))
        while not results or not is_final(results[-1]):
            results.append(stream.get())
            assert results[-1].get_response().id == "mine"
    *parts, last = results
    assert len(parts) > 1
    for name in ("hidden", "scores"):
        got = np.concatenate([part.as_numpy(name)[0] for part in parts])
        assert np.array_equal(got, whole.as_numpy(name)[0])
        assert last.as_numpy(name) is None
    assert np.array_equal(last.as_numpy("h_n"), whole.as_numpy("h_n"))


def test_sequences_share_a_stream_each_in_order(client):
    whole = client.infer("langid", [text(TEXT)]).as_numpy("scores")[0]
    parts = {f"stream {n}": [] for n in range(20)}
    with Stream(client) as stream:
        for i, letter in enumerate(TEXT):
            for sequence in parts:
                stream.send("langid", [text(letter)], request_id=sequence,
                            sequence_id=sequence, sequence_start=i == 0,
                            sequence_end=i == len(TEXT) - 1)
        for _ in range(len(parts) * len(TEXT)):
            result = stream.get()
            parts[result.get_response().id].append(
                result.as_numpy("scores")[0])
    for got in parts.values():
        assert np.array_equal(np.concatenate(got), whole)


@pytest.mark.parametrize("model,options,words", [
    ("nobody", {}, "NOT_FOUND"),
    ("langid", {"model_version": "x"}, "INVALID_ARGUMENT"),
    ("langid", {"sequence_id": "not started"}, "INVALID_ARGUMENT"),
    ("langid", {"priority": 99}, "priority"),
])
def test_an_error_is_that_requests_and_the_stream_goes_on(client, model,
                                                          options, words):
    with Stream(client) as stream:
        stream.send(model, [text("a")], request_id="bad", **options)
        with pytest.raises(InferenceServerException) as caught:
            stream.get()
        assert words in caught.value.message()
        stream.send("langid", [text("a")], request_id="good")
        assert stream.get().get_response().id == "good"


def test_what_was_sent_before_the_half_close_is_answered(client):
    stream = Stream(client)
    for _ in range(50):
        stream.send("langid", [text(TEXT)])
    client.stop_stream()
    for _ in range(50):
        assert stream.get().as_numpy("scores").shape == (1, 12, 12)


def test_a_cancelled_stream_ends_and_the_server_goes_on(client):
    stream = Stream(client)
    stream.send("langid", [text("a")])
    stream.get()
    client.stop_stream(cancel_requests=True)
    assert client.infer("langid", [text("a")]).as_numpy("scores") is not None


def test_and_with_asyncio(server, client):
    whole = client.infer("langid", [text(TEXT)]).as_numpy("scores")[0]

    async def requests():
        for i, letter in enumerate(TEXT):
            yield {"model_name": "langid", "inputs": [text(letter)],
                   "sequence_id": "asyncio", "sequence_start": i == 0,
                   "sequence_end": i == len(TEXT) - 1}

    async def run():
        async with triton.aio.InferenceServerClient(server.address) as client:
            parts = []
            async for result, error in client.stream_infer(requests()):
                assert error is None
                parts.append(result.as_numpy("scores")[0])
        return np.concatenate(parts)

    assert np.array_equal(asyncio.run(run()), whole)
