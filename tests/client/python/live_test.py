"""Live sequences: results at once, and over the death of servers."""

import asyncio
import base64
import random
import socket
import threading

import grpc
import numpy as np
import pytest
import server_process
import unroll
import unroll.aio

STEPS_A_KILL = 12
STUCK = 60  # seconds in which nothing came that had to


class TwoServers:
    """At addresses that stay, with one file of state keys."""

    def __init__(self, directory):
        self.keys = directory / "keys"
        self.keys.write_bytes(base64.b64encode(b"k" * 32) + b"\n")
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            self.ports = [s.getsockname()[1] for s in (one, two)]
        self.addresses = [f"127.0.0.1:{port}" for port in self.ports]
        self.servers = [None, None]
        for i in range(2):
            self.start(i)

    def start(self, i):
        self.servers[i] = server_process.ServerProcess(
            server_process.MODELS, f"--state-key-file={self.keys}",
            grpc_port=self.ports[i])

    def kill(self, i):
        self.servers[i].kill()


@pytest.fixture
def two_servers(tmp_path):
    servers = TwoServers(tmp_path)
    yield servers
    for server in servers.servers:
        server.kill()


def text_of(seed, length):
    letters = random.Random(seed)
    return "".join(letters.choice("abcdefghij klmnopqrstuvwxyz")
                   for _ in range(length))


def pieces(text, seed):
    sizes = random.Random(seed)
    while text:
        size = sizes.randint(1, 8)
        yield text[:size]
        text = text[size:]


def check(steps, end, text, address):
    """As one Predict gives it: every step once, in order, the same bits."""
    with unroll.Client(address) as client:
        want = client.predict("langid", text)
    assert [step.step for step in steps] == list(range(len(text)))
    assert [step.token_id for step in steps] == want.token_ids
    for name in ("hidden", "scores"):
        assert np.array_equal([getattr(step, name) for step in steps],
                              getattr(want, name))
    assert np.array_equal(end.h_n, want.h_n)


class Progress:
    """How far streams may send, and how far they all have got."""

    def __init__(self):
        self.changed = threading.Condition()
        self.allowed = self.got = 0

    def allow(self, steps):
        with self.changed:
            self.allowed = steps
            self.changed.notify_all()

    def wait_until_allowed(self, steps):
        with self.changed:
            assert self.changed.wait_for(lambda: self.allowed >= steps, STUCK)

    def add(self):
        with self.changed:
            self.got += 1
            self.changed.notify_all()

    def wait_until_got(self, steps):
        with self.changed:
            assert self.changed.wait_for(lambda: self.got >= steps, STUCK)


def test_kills_under_threads_change_nothing(two_servers):
    streams, kills = 6, 6
    progress = Progress()
    outcomes = {}

    def run(seed):
        text = text_of(seed, kills * STEPS_A_KILL)
        first = seed % 2
        with unroll.Client(two_servers.addresses[first],
                           two_servers.addresses[1 - first]) as client, \
                client.live("langid") as live:

            def send():
                sent = 0
                for piece in pieces(text, seed):
                    sent += len(piece)
                    progress.wait_until_allowed(sent)
                    live.send(piece)
                live.half_close()

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            steps = []
            for step in live:
                steps.append(step)
                progress.add()
            sender.join()
            outcomes[seed] = steps, live, text

    threads = [threading.Thread(target=run, args=(seed,), daemon=True)
               for seed in range(streams)]
    for thread in threads:
        thread.start()
    when = random.Random(1)
    for kill in range(kills):
        progress.allow((kill + 1) * STEPS_A_KILL)
        # In the middle of them. (A piece may have to wait for the next turn.)
        progress.wait_until_got(streams * kill * STEPS_A_KILL
                                + when.randrange(streams * (STEPS_A_KILL - 8)))
        two_servers.kill(kill % 2)
        two_servers.start(kill % 2)
    for thread in threads:
        thread.join()
    assert len(outcomes) == streams
    for steps, live, text in outcomes.values():
        check(steps, live.end, text, two_servers.addresses[0])
        assert live.exact
    assert sum(live.resumptions for _, live, _ in outcomes.values()) >= kills


def test_a_kill_under_asyncio_changes_nothing(two_servers):
    async def run(client, seed, half, go_on):
        text = text_of(seed, 200)
        async with client.live("langid") as live:

            async def send():
                sent = 0
                for piece in pieces(text, seed):
                    if sent < 100 <= sent + len(piece):
                        half.release()
                        await go_on.wait()
                    await live.send(piece)
                    sent += len(piece)
                live.half_close()

            sender = asyncio.create_task(send())
            steps = [step async for step in live]
            await sender
        return steps, live, text

    async def run_all():
        half, go_on = asyncio.Semaphore(0), asyncio.Event()
        async with unroll.aio.Client(*two_servers.addresses) as client:
            tasks = [asyncio.create_task(run(client, seed, half, go_on))
                     for seed in range(32)]
            for _ in tasks:
                await half.acquire()
            two_servers.kill(0)
            go_on.set()
            return await asyncio.gather(*tasks)

    for steps, live, text in asyncio.run(run_all()):
        check(steps, live.end, text, two_servers.addresses[1])
        assert (live.resumptions, live.exact) == (1, True)


def test_a_drained_servers_sequence_goes_on_at_the_next(two_servers):
    text = text_of(0, 150)
    with unroll.Client(*two_servers.addresses) as client, \
            client.live("langid") as live:
        steps = []
        for i, letter in enumerate(text):
            live.send(letter)
            if i == 100:
                two_servers.servers[0].stop()
            steps.append(next(live))
        live.half_close()
        assert list(live) == []
    check(steps, live.end, text, two_servers.addresses[1])
    assert live.resumptions == 1
    assert two_servers.servers[1].metric("unroll_sequences_resumed_total") == 1


def test_more_than_the_window_can_be_sent_before_reading(client, server):
    text = text_of(1, 1000)
    with client.live("langid") as live:
        for letter in text:
            live.send(letter)
        live.half_close()
        steps = list(live)
    check(steps, live.end, text, server.address)


def test_steps_that_do_not_fit_are_not_sent(client):
    with client.live("langid", window=8) as live:
        with pytest.raises(ValueError, match="5 steps at a time.*at most 4"):
            live.send("abcde")
        with pytest.raises(ValueError, match="none, expected 1 or more"):
            live.send("")
        live.send("abcd")
        with pytest.raises(ValueError, match="token_ids, expected text"):
            live.send([1])
        live.half_close()
        assert len(list(live)) == 4
        with pytest.raises(ValueError, match="half-close"):
            live.send("a")


def test_what_no_server_can_help_ends_the_sequence(client):
    with client.live("langid") as live:
        live.send(1 << 20)
        with pytest.raises(unroll.Error) as caught:
            next(live)
        assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.reason == "INVALID_STEP"
        with pytest.raises(unroll.Error, match="INVALID_STEP"):
            live.send(1)
        with pytest.raises(unroll.Error, match="INVALID_STEP"):
            next(live)
        assert live.resumptions == 0


def test_an_end_has_its_reason(tmp_path):
    with server_process.ServerProcess(server_process.MODELS,
                                      "--idle-timeout=1ms") as server, \
            unroll.Client(server.address) as client, \
            client.live("langid") as live:
        with pytest.raises(unroll.Error) as caught:
            next(live)
    assert (caught.value.code, caught.value.reason) == (
        grpc.StatusCode.ABORTED, "EXPIRED")


def test_patience_ends():
    with unroll.Client("127.0.0.1:1") as client:
        with pytest.raises(unroll.Error) as caught:
            next(client.live("langid", patience=0))
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_cancelled_sequence_ends_for_sender_and_reader(client, server):
    live = client.live("langid")
    live.send("a")
    assert next(live).step == 0
    live.cancel()
    for call in (lambda: next(live), lambda: live.send("b")):
        with pytest.raises(unroll.Error) as caught:
            call()
        assert caught.value.code is grpc.StatusCode.CANCELLED

    async def run():
        async with unroll.aio.Client(server.address) as client:
            live = client.live("langid")
            await live.send("a")
            assert (await live.__anext__()).step == 0
            live.cancel()
            with pytest.raises(unroll.Error) as caught:
                await live.__anext__()
            assert caught.value.code is grpc.StatusCode.CANCELLED
            with pytest.raises(unroll.Error):
                await live.send("b")

    asyncio.run(run())
