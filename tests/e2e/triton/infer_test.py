"""Single calls of tritonclient.grpc: what is told, and numbers."""

import asyncio
import base64
import queue

import golden
import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio
from calls import check_golden, golden_inputs, outputs, tensor, text, tokens
from tritonclient.utils import InferenceServerException

CASES = golden.cases()


def test_the_server_and_its_models_are_described(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("langid")
    assert client.is_model_ready("langid", "1")
    assert client.get_server_metadata().name == "unroll"
    metadata = client.get_model_metadata("langid", as_json=True)
    assert metadata["versions"] == ["1"]
    assert metadata["inputs"] == [
        {"name": "tokens", "datatype": "INT64", "shape": ["-1", "-1"]}]
    assert [output["name"] for output in metadata["outputs"]] == [
        "hidden", "h_n", "scores"]
    config = client.get_model_config("langid", as_json=True)["config"]
    assert config["name"] == "langid"
    assert [i["name"] for i in config["input"]] == ["tokens"]
    index = client.get_model_repository_index(as_json=True)["models"]
    assert {(m["name"], m["version"], m["state"]) for m in index} == {
        ("cloze", "1", "READY"), ("langid", "1", "READY")}


def test_statistics_count_what_was_run(client):
    def success():
        model, = client.get_inference_statistics("langid").model_stats
        return model.inference_stats.success.count

    before = success()
    client.infer("langid", [text("bonjour")])
    assert success() == before + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_infer_gives_pytorchs_numbers(case, golden_client, want):
    result = golden_client.infer(case["name"], golden_inputs(case),
                                 request_id="mine")
    check_golden(case, result, want)
    response = result.get_response()
    assert (response.id, response.model_name, response.model_version) == (
        "mine", case["name"], "1")


def test_all_at_once_with_asyncio(golden_server, want):
    async def run():
        async with triton.aio.InferenceServerClient(
                golden_server.address) as client:
            assert await client.is_server_ready()
            results = await asyncio.gather(*(
                client.infer(case["name"], golden_inputs(case))
                for case in CASES))
        for case, result in zip(CASES, results):
            check_golden(case, result, want)

    asyncio.run(run())


def test_all_at_once_with_callbacks(golden_client, want):
    answers = queue.SimpleQueue()
    for case in CASES:
        golden_client.async_infer(
            case["name"], golden_inputs(case),
            lambda result, error, case=case: answers.put((case, result, error)))
    for _ in CASES:
        case, result, error = answers.get(timeout=60)
        assert error is None
        check_golden(case, result, want)


def test_sequences_of_a_batch_have_lengths_of_their_own(client):
    ids = np.arange(1, 31).reshape(3, 10)
    lengths = np.array([10, 1, 4])
    batch = client.infer("langid", [tokens(ids),
                                    tensor("lengths", lengths, "INT64")])
    for n, length in enumerate(lengths):
        alone = client.infer("langid", [tokens(ids[n:n + 1, :length])])
        for name in ("hidden", "scores"):
            got = batch.as_numpy(name)[n]
            assert np.array_equal(got[:length], alone.as_numpy(name)[0])
            assert not got[length:].any()
        assert np.array_equal(batch.as_numpy("h_n")[n],
                              alone.as_numpy("h_n")[0])


def test_texts_are_classified_with_labels(client):
    scores = triton.InferRequestedOutput("scores", class_count=2)
    result = client.infer("langid", [text("guten Morgen", "bonjour")],
                          outputs=[scores])
    best = result.as_numpy("scores")
    assert best.shape == (2, 12, 2)
    value, index, label = best[0, 11, 0].decode().split(":")
    assert (float(value) > 0.5, label) == (True, "German")
    assert best[1, 6, 0].decode().endswith(":French")
    row = client.infer("langid", [text("guten Morgen")]).as_numpy("scores")
    assert int(index) == row[0, 11].argmax()


def test_only_the_outputs_asked_for_come_in_their_order(client):
    result = client.infer("langid", [text("a")],
                          outputs=outputs("scores", "h_n"))
    response = result.get_response()
    assert [output.name for output in response.outputs] == ["scores", "h_n"]
    assert result.as_numpy("hidden") is None


@pytest.mark.parametrize("datatype,dtype", [("FP16", np.float16),
                                            ("BF16", ml_dtypes.bfloat16)])
def test_halves_are_read(golden_client, datatype, dtype):
    case = next(c for c in CASES if not c["vocabulary_size"])
    x = golden.steps_of(case)[np.newaxis].astype(dtype)
    half = golden_client.infer(case["name"], [tensor("input", x, datatype)])
    full = golden_client.infer(
        case["name"], [tensor("input", x.astype(np.float32), "FP32")])
    assert np.array_equal(half.as_numpy("hidden"), full.as_numpy("hidden"))


def test_a_state_token_carries_a_sequence_on_bit_for_bit(client):
    whole = client.infer("langid", [text("guten Morgen")]).as_numpy("scores")
    first = client.infer("langid", [text("guten")],
                         parameters={"state_token": True})
    token = first.as_numpy("state_token")
    assert token.shape == (1,)
    rest = client.infer("langid", [text(" Morgen"),
                                   tensor("state_token", token, "BYTES")])
    assert np.array_equal(rest.as_numpy("scores"), whole[:, 5:])
    again = client.infer(
        "langid", [text(" Morgen")],
        parameters={"state_token": base64.b64encode(token[0]).decode()})
    assert np.array_equal(again.as_numpy("scores"), whole[:, 5:])


def test_priority_and_timeout_are_taken(client):
    result = client.infer("langid", [text("a")], priority=1, timeout=1_000_000,
                          client_timeout=60)
    assert result.as_numpy("scores").shape == (1, 1, 12)


def test_a_timeout_is_the_longest_wait(client):
    with pytest.raises(InferenceServerException) as caught:
        client.infer("langid", [text("a")], timeout=1)  # microsecond
    assert caught.value.status() in ("StatusCode.DEADLINE_EXCEEDED",
                                     "StatusCode.RESOURCE_EXHAUSTED")
