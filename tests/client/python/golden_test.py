"""PyTorch's numbers come through every kind of call, for every golden case."""

import asyncio

import golden
import numpy as np
import pytest
import unroll
import unroll.aio

CASES = golden.cases()
FORWARD = [case for case in CASES if case["directions"] == 1]


def name_of(case):
    return case["name"]


def sequence_of(case):
    return unroll.Sequence(golden.steps_of(case),
                           initial_state=golden.initial_state(case))


def check(case, want, hidden, h_n, scores):
    for name, got in (("hidden", hidden), ("h_n", h_n), ("scores", scores)):
        expected = want.get(f"{case['name']}.{name}")
        if expected is None:
            assert got is None
        else:
            assert got.dtype == np.float32
            assert golden.error(got, expected) <= 1e-5, name


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_predict_gives_pytorchs_numbers(case, golden_client, want):
    result = golden_client.predict(case["name"], sequence_of(case))
    check(case, want, result.hidden, result.h_n, result.scores)


@pytest.mark.parametrize("case", CASES[::5], ids=name_of)
def test_stream_gives_pytorchs_numbers_step_by_step(case, golden_client, want):
    stream = golden_client.stream(case["name"], sequence_of(case))
    steps = list(stream)
    assert [step.step for step in steps] == list(range(case["steps"]))
    scores = stream.end.scores
    if case["head"] and case["head"]["applied_to"] == "each_step":
        assert scores is None
        scores = np.stack([step.scores for step in steps])
    check(case, want, np.stack([step.hidden for step in steps]),
          stream.end.h_n, scores)


def live_scores(case, steps):
    """A live head that is applied once has seen all at the last step."""
    if not case["head"]:
        return None
    if case["head"]["applied_to"] == "each_step":
        return np.stack([step.scores for step in steps])
    return steps[-1].scores


@pytest.mark.parametrize("case", FORWARD[::5], ids=name_of)
def test_live_gives_pytorchs_numbers_step_by_step(case, golden_client, want):
    with golden_client.live(
            case["name"], initial_state=golden.initial_state(case)) as live:
        steps = []
        for step in golden.steps_of(case):
            live.send(step if step.ndim else int(step))
            steps.append(next(live))
        live.half_close()
        assert list(live) == []
    check(case, want, np.stack([step.hidden for step in steps]), live.end.h_n,
          live_scores(case, steps))


def test_all_of_them_at_once_with_asyncio(golden_server, want):
    async def live(client, case):
        async with client.live(
                case["name"],
                initial_state=golden.initial_state(case)) as sequence:
            await sequence.send(golden.steps_of(case)[:5])
            if case["steps"] > 5:
                await sequence.send(golden.steps_of(case)[5:])
            sequence.half_close()
            steps = [step async for step in sequence]
        check(case, want, np.stack([step.hidden for step in steps]),
              sequence.end.h_n, live_scores(case, steps))

    async def stream(client, case):
        call = client.stream(case["name"], sequence_of(case))
        hidden = np.stack([step.hidden async for step in call])
        assert golden.error(hidden, want[f"{case['name']}.hidden"]) <= 1e-5
        assert golden.error(call.end.h_n, want[f"{case['name']}.h_n"]) <= 1e-5

    async def predict(client, case):
        result = await client.predict(case["name"], sequence_of(case))
        check(case, want, result.hidden, result.h_n, result.scores)

    async def run():
        async with unroll.aio.Client(golden_server.address) as client:
            await asyncio.gather(*(predict(client, case) for case in CASES),
                                 *(stream(client, case) for case in CASES),
                                 *(live(client, case) for case in FORWARD))

    asyncio.run(run())
