"""Sequences as Triton's clients drive them: the server keeps the state."""

import asyncio
import base64
import itertools

import golden
import numpy as np
import pytest
import server_process
import tritonclient.grpc as triton
import tritonclient.grpc.aio
from calls import golden_inputs, tensor, text
from tritonclient.utils import InferenceServerException

FORWARD = [case for case in golden.cases() if case["directions"] == 1]
TEXT = "guten Morgen"
ids = itertools.count(1)


@pytest.fixture(params=[int, str])
def sequence_id(request):
    """Nobody else's, as a number or as a string."""
    return request.param(next(ids))


def scores(client, part, **options):
    return client.infer("langid", [text(part)], **options).as_numpy("scores")[0]


@pytest.mark.parametrize("case", FORWARD[::3], ids=lambda case: case["name"])
@pytest.mark.parametrize("size", [1, 5])
def test_pieces_of_any_size_give_pytorchs_numbers(case, size, golden_client,
                                                  want):
    sequence, hidden = next(ids), []
    for begin in range(0, case["steps"], size):
        result = golden_client.infer(
            case["name"],
            golden_inputs(case, begin, begin + size, state=begin == 0),
            sequence_id=sequence, sequence_start=begin == 0,
            sequence_end=begin + size >= case["steps"])
        hidden.append(result.as_numpy("hidden")[0])
    assert golden.error(np.concatenate(hidden),
                        want[f"{case['name']}.hidden"]) <= 1e-5
    assert golden.error(result.as_numpy("h_n")[0],
                        want[f"{case['name']}.h_n"]) <= 1e-5


def test_a_sequence_has_the_bits_of_a_whole_call(client, sequence_id):
    parts = [scores(client, letter, sequence_id=sequence_id,
                    sequence_start=i == 0, sequence_end=i == len(TEXT) - 1)
             for i, letter in enumerate(TEXT)]
    assert np.array_equal(np.concatenate(parts), scores(client, TEXT))


def test_a_start_begins_again_and_an_end_forgets(client, sequence_id):
    whole = scores(client, TEXT)
    scores(client, "bonjour", sequence_id=sequence_id, sequence_start=True)
    again = scores(client, TEXT[:5], sequence_id=sequence_id,
                   sequence_start=True)
    assert np.array_equal(again, whole[:5])
    rest = scores(client, TEXT[5:], sequence_id=sequence_id, sequence_end=True)
    assert np.array_equal(rest, whole[5:])
    with pytest.raises(InferenceServerException) as caught:
        scores(client, "x", sequence_id=sequence_id)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert str(sequence_id) in caught.value.message()


def test_start_and_end_in_one_request_keep_nothing(client, sequence_id):
    once = scores(client, TEXT, sequence_id=sequence_id, sequence_start=True,
                  sequence_end=True)
    assert np.array_equal(once, scores(client, TEXT))
    with pytest.raises(InferenceServerException):
        scores(client, "x", sequence_id=sequence_id)


def test_an_id_of_zero_is_no_sequence(client):
    for nothing in (0, ""):
        assert np.array_equal(scores(client, TEXT, sequence_id=nothing),
                              scores(client, TEXT))


def test_a_batch_is_no_sequence(client, sequence_id):
    with pytest.raises(InferenceServerException) as caught:
        client.infer("langid", [text("a", "b")], sequence_id=sequence_id,
                     sequence_start=True)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_token_takes_a_sequence_to_another_id_and_back(client, sequence_id):
    whole = scores(client, TEXT)
    result = client.infer("langid", [text(TEXT[:5])], sequence_id=sequence_id,
                          sequence_start=True,
                          parameters={"state_token": True})
    token = result.as_numpy("state_token")
    other = client.infer(
        "langid", [text(TEXT[5:]), tensor("state_token", token, "BYTES")],
        sequence_id=next(ids), sequence_start=True, sequence_end=True)
    assert np.array_equal(other.as_numpy("scores")[0], whole[5:])
    rest = scores(client, TEXT[5:], sequence_id=sequence_id, sequence_end=True)
    assert np.array_equal(rest, whole[5:])


def test_a_token_takes_a_sequence_to_another_server(tmp_path, client):
    keys = tmp_path / "keys"
    keys.write_bytes(base64.b64encode(b"k" * 32) + b"\n")
    flag = f"--state-key-file={keys}"
    whole = scores(client, TEXT)
    with server_process.ServerProcess(server_process.MODELS, flag) as one, \
            triton.InferenceServerClient(one.address) as client:
        token = client.infer(
            "langid", [text(TEXT[:5])], sequence_id=1, sequence_start=True,
            parameters={"state_token": True}).as_numpy("state_token")
        one.kill()
    with server_process.ServerProcess(server_process.MODELS, flag) as two, \
            triton.InferenceServerClient(two.address) as client:
        result = client.infer(
            "langid", [text(TEXT[5:7]), tensor("state_token", token, "BYTES")],
            sequence_id=1, sequence_start=True)
        rest = scores(client, TEXT[7:], sequence_id=1, sequence_end=True)
    assert np.array_equal(result.as_numpy("scores")[0], whole[5:7])
    assert np.array_equal(rest, whole[7:])


def test_a_forgotten_sequence_says_so():
    with server_process.ServerProcess(server_process.MODELS,
                                      "--idle-timeout=1ms") as server, \
            triton.InferenceServerClient(server.address) as client:
        scores(client, "a", sequence_id=1, sequence_start=True)
        while server.metric("unroll_sequences_kept") > 0:
            pass
        with pytest.raises(InferenceServerException, match="1ms") as caught:
            scores(client, "b", sequence_id=1)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_one_more_than_may_be_kept_is_refused():
    with server_process.ServerProcess(server_process.MODELS,
                                      "--max-kept-sequences=1") as server, \
            triton.InferenceServerClient(server.address) as client:
        scores(client, "a", sequence_id=1, sequence_start=True)
        with pytest.raises(InferenceServerException) as caught:
            scores(client, "a", sequence_id=2, sequence_start=True)
        assert caught.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        scores(client, "b", sequence_id=1, sequence_end=True)
        scores(client, "a", sequence_id=2, sequence_start=True)


def test_sequences_of_many_callers_do_not_meet(server, client):
    whole = scores(client, TEXT)

    async def one(client, sequence):
        parts = []
        for i, letter in enumerate(TEXT):
            result = await client.infer(
                "langid", [text(letter)], sequence_id=sequence,
                sequence_start=i == 0, sequence_end=i == len(TEXT) - 1)
            parts.append(result.as_numpy("scores")[0])
        return np.concatenate(parts)

    async def run():
        async with triton.aio.InferenceServerClient(server.address) as client:
            return await asyncio.gather(
                *(one(client, next(ids)) for _ in range(64)))

    assert all(np.array_equal(got, whole) for got in asyncio.run(run()))
