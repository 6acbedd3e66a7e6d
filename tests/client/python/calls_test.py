"""What the calls take and give, beyond numbers."""

import asyncio
import re
import socket
import threading

import grpc
import numpy as np
import pytest
import server_process
import unroll
import unroll.aio

TEXT = "guten Morgen"


def test_models_are_listed_and_described(client):
    statuses = client.models()
    assert {(m.name, m.version, m.state, m.is_default) for m in statuses} == {
        ("cloze", 1, "READY", True), ("langid", 1, "READY", True)}
    model = client.model("langid")
    assert (model.spec.cell, model.spec.num_layers, model.spec.directions) == (
        "rnn", 1, 1)
    assert model.takes_text and model.incremental and model.exact
    assert "German" in model.head.labels
    assert len(model.head.labels) == model.head.classes
    assert re.fullmatch("[0-9a-f]{64}", model.fingerprint)
    assert {fact.source for fact in model.facts} <= {
        "READ", "CONFIGURED", "ASSUMED"}
    assert sum(model.memory_bytes.values()) > 0


def test_text_ids_and_lists_are_the_same_sequence(client):
    text = client.predict("langid", TEXT)
    assert len(text.token_ids) == len(TEXT)
    for ids in (text.token_ids, np.array(text.token_ids, np.int32)):
        again = client.predict("langid", ids)
        assert np.array_equal(again.scores, text.scores)
        assert again.token_ids == []


def test_outputs_are_those_asked_for(client):
    top = client.predict("langid", TEXT, unroll.Outputs(
        results=["top"], top_k=2, steps="last"))
    assert top.hidden is None and top.scores is None and top.h_n is None
    assert top.labels == ["German"]
    assert top.top[0][0].score > top.top[0][1].score
    chosen = client.predict("langid", TEXT, unroll.Outputs(
        results=["scores"], steps=[0, 3], candidates=["German", 0]))
    assert chosen.scores.shape == (2, 2)
    blank = client.predict("cloze", "birds build their [ ] in trees",
                           unroll.Outputs(["top"], "blanks", top_k=1))
    assert (blank.steps, blank.labels) == ([3], ["nests"])


def test_the_calls_own_facts_come_back(client):
    result = client.predict("langid", TEXT, request_id="mine", priority=3,
                            version=1, timeout=60)
    assert (result.request_id, result.version) == ("mine", 1)
    assert result.compute > 0 and result.queue >= 0


def test_many_sequences_come_back_in_order(client):
    texts = [TEXT[:length] for length in range(1, len(TEXT) + 1)]
    for text, result in zip(texts, client.predict_many("langid", texts)):
        assert len(result.scores) == len(text)
        assert np.array_equal(result.scores,
                              client.predict("langid", text).scores)


def test_a_state_token_carries_a_sequence_on_bit_for_bit(client):
    whole = client.predict("langid", TEXT)
    first = client.predict("langid", TEXT[:5], unroll.Outputs(["state_token"]))
    assert first.steps_done == 5 and first.exact is None
    on = unroll.Sequence(TEXT[5:], state_token=first.state_token,
                         require_exact=True)
    rest = client.predict("langid", on)
    assert rest.exact and rest.steps_done == len(TEXT)
    assert np.array_equal(rest.scores, whole.scores[5:])
    stream = client.stream("langid", on)
    assert np.array_equal([s.scores for s in stream], whole.scores[5:])
    assert stream.end.exact and stream.end.steps_done == len(TEXT)
    with client.live("langid", state_token=first.state_token) as live:
        live.send(TEXT[5:])
        live.half_close()
        assert np.array_equal([s.scores for s in live], whole.scores[5:])
    assert live.exact and live.end.exact and live.end.steps_done == len(TEXT)
    state = client.predict("langid", TEXT[:5]).state
    rest = client.predict("langid", unroll.Sequence(TEXT[5:], state))
    assert np.array_equal(rest.scores, whole.scores[5:])


def test_a_stream_gives_tokens_of_steps_on_the_way(client):
    whole = client.predict("langid", TEXT)
    steps = list(client.stream("langid", TEXT, unroll.Outputs(
        ["scores"], steps=[0, 4, 7], state_token_every=4)))
    assert [(s.step, bool(s.state_token), s.scores is not None)
            for s in steps] == [(0, False, True), (3, True, False),
                                (4, False, True), (7, True, True),
                                (11, True, False)]
    assert [s.token_id for s in steps] == [whole.token_ids[s.step]
                                           for s in steps]
    rest = client.predict("langid", unroll.Sequence(
        TEXT[4:], state_token=steps[1].state_token))
    assert np.array_equal(rest.scores, whole.scores[4:])


@pytest.mark.parametrize("call,code,words", [
    (lambda c: c.predict("nobody", TEXT), "NOT_FOUND", "langid"),
    (lambda c: c.predict("langid", [1 << 20]), "INVALID_ARGUMENT", "1048576"),
    (lambda c: c.predict("langid", np.zeros((2, 3))), "INVALID_ARGUMENT",
     "features"),
    (lambda c: c.predict("langid", TEXT, priority=11), "INVALID_ARGUMENT",
     "priority"),
    (lambda c: c.predict("langid", unroll.Sequence(TEXT, state_token=b"x")),
     "INVALID_ARGUMENT", "token"),
    (lambda c: list(c.stream("nobody", TEXT)), "NOT_FOUND", "langid"),
    (lambda c: next(c.live("nobody")), "NOT_FOUND", "langid"),
])
def test_refusals_have_the_servers_code_and_words(client, call, code, words):
    with pytest.raises(unroll.Error, match=words) as caught:
        call(client)
    assert caught.value.code is grpc.StatusCode[code]
    assert words in caught.value.message


def test_what_makes_no_sense_is_not_sent(client):
    with pytest.raises(ValueError, match="token ids"):
        client.predict("langid", np.zeros(3))
    with pytest.raises(ValueError, match="'loudness', expected some of hidden"):
        client.predict("langid", TEXT, unroll.Outputs(["loudness"]))
    with pytest.raises(ValueError, match="'first', expected all"):
        client.predict("langid", TEXT, unroll.Outputs(steps="first"))
    with pytest.raises(ValueError, match="1 or more"):
        unroll.Client()
    with pytest.raises(ValueError, match="state_token_every"):
        client.live("langid", unroll.Outputs(state_token_every=1))


def test_an_address_that_does_not_answer_is_passed_over(server):
    with unroll.Client("127.0.0.1:1", server.address) as client:
        assert client.predict("langid", TEXT).version == 1
    with unroll.Client("127.0.0.1:1") as client:
        with pytest.raises(unroll.Error, match="127.0.0.1:1") as caught:
            client.models()
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_call_takes_no_longer_than_its_timeout():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with unroll.Client(f"127.0.0.1:{silent.getsockname()[1]}") as client:
            with pytest.raises(unroll.Error, match="127.0.0.1:") as caught:
                client.models(timeout=0.01)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_server_without_room_says_when_to_try_again():
    with server_process.ServerProcess(
            server_process.MODELS, "--max-steps=1000000", "--workers=1",
            "--max-batch-rows=1", "--max-queue-time=1ms") as server, \
            unroll.Client(server.address) as client:
        outputs = unroll.Outputs(steps="last")
        blocking = client.stream("langid", "a" * 900_000, outputs)
        with pytest.raises(unroll.Error, match="QUEUE_TOO_LONG") as caught:
            while True:
                client.predict("langid", "a", outputs)
        blocking.cancel()
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.retry_delay >= 0.1


def test_asyncio_has_the_same_calls_and_errors(server):
    async def run():
        async with unroll.aio.Client("127.0.0.1:1", server.address) as client:
            assert len(await client.models()) == 2
            assert (await client.model("langid")).takes_text
            many = await client.predict_many("langid", [TEXT, "bonjour"])
            assert [len(result.scores) for result in many] == [12, 7]
            with pytest.raises(unroll.Error) as caught:
                await client.predict("nobody", TEXT)
            assert caught.value.code is grpc.StatusCode.NOT_FOUND
        async with unroll.aio.Client(server.address) as client:
            with pytest.raises(unroll.Error) as caught:
                async for _ in client.stream("nobody", TEXT):
                    pass
            assert caught.value.code is grpc.StatusCode.NOT_FOUND

    asyncio.run(run())


def test_threads_may_share_a_client(client):
    want = client.predict("langid", TEXT).scores
    wrong = []

    def run():
        for _ in range(20):
            if not np.array_equal(client.predict("langid", TEXT).scores, want):
                wrong.append(1)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
