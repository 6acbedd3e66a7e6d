"""What a live sequence decides, without a server."""

import grpc
from unroll import _requests
from unroll._live import Memory
from unroll._messages import message
from unroll.errors import Error

UNAVAILABLE = Error(grpc.StatusCode.UNAVAILABLE, "")


def no_room(delay):
    return Error(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "QUEUE_TOO_LONG",
                 delay)


def memory(addresses=2, patience=60.0, window=8):
    opening = message("unroll.v1.LiveOpening")(model="m", window=window)
    return Memory(opening, addresses, patience)


def response(first=0, steps=0, **fields):
    return message("unroll.v1.LiveResponse")(
        steps=range(first, first + steps), **fields)


def token(step, state_token):
    return message("unroll.v1.StepToken")(step=step, state_token=state_token)


def opened():
    return response(opened=message("unroll.v1.LiveOpened")(version=3),
                    state_tokens=[token(-1, b"nothing yet")])


def send(sequence, text):
    request = _requests.live_steps(text)
    sequence.check(request)
    assert sequence.has_room(request)
    sequence.add(request)
    return request.state_token_now


def test_pauses_grow_up_to_two_seconds_and_start_again_once_it_went_on():
    sequence = memory()
    for longest in [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]:
        sequence.next_address()
        pause = sequence.pause_after(UNAVAILABLE, now=100)
        assert longest / 2 <= pause <= longest
    sequence.next_address()
    sequence.begin()
    sequence.take(opened())
    assert sequence.pause_after(UNAVAILABLE, now=100) <= 0.05


def test_a_server_is_left_alone_for_as_long_as_it_asked():
    sequence = memory(addresses=2)
    assert sequence.next_address() == 0
    assert sequence.pause_after(no_room(5), now=100) <= 0.05  # the other one
    assert sequence.next_address() == 1
    assert sequence.pause_after(UNAVAILABLE, now=101) == 4
    alone = memory(addresses=1)
    alone.next_address()
    assert alone.pause_after(no_room(5), now=100) == 5


def test_it_gives_up_for_good_reasons_only():
    sequence = memory(patience=1)
    sequence.next_address()
    assert sequence.pause_after(UNAVAILABLE, now=100) is not None
    assert sequence.pause_after(UNAVAILABLE, now=101) is None
    sequence = memory()
    sequence.next_address()
    wrong = Error(grpc.StatusCode.INVALID_ARGUMENT, "")
    assert sequence.pause_after(wrong, now=100) is None
    sequence.begin()
    sequence.take(opened())
    # No memory for these steps, here: not what another server would change.
    assert sequence.pause_after(no_room(None), now=100) is None


def test_only_what_no_token_covers_is_sent_again_and_read_again():
    sequence = memory(window=8)
    sequence.next_address()
    (first,) = sequence.begin()
    assert first.open.version == 0 and first.state_token_now
    sequence.take(opened())
    assert [send(sequence, text) for text in ("ab", "cd", "ef", "gh")] == [
        False, True, False, True]
    assert not sequence.has_room(_requests.live_steps("i"))
    first, *again = sequence.begin()
    assert (first.open.state_token, len(again)) == (b"nothing yet", 4)
    new = sequence.take(response(0, 5, token_ids=range(10, 18),
                                 state_tokens=[token(3, b"after four")]))
    assert [(s.step, s.token_id) for s in new] == [
        (0, 10), (1, 11), (2, 12), (3, 13), (4, 14)]
    assert sequence.has_room(_requests.live_steps("ijkl"))
    first, *again = sequence.begin()
    assert (first.open.state_token, first.open.version) == (b"after four", 3)
    assert not first.state_token_now
    assert [request.text for request in again] == ["ef", "gh"]
    new = sequence.take(response(0, 4, token_ids=range(14, 18)))
    assert [(s.step, s.token_id) for s in new] == [(5, 15), (6, 16), (7, 17)]
