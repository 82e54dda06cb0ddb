"""Blocks around calls with items: streams in each direction, and contexts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest

import rpc
from rpc import blocking
from rpc.wire import frames as rpc_frames
from tests.blocking_peers import Spoken, scripted
from tests.blocking_served import Point, countdown, first, lease, points, probe, told, total
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import data, failure, reply


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(probe, [f"unix:{tmp_path_factory.mktemp('blocking')}/s"]) as [address]:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[blocking.Client]:
    with blocking.connect(address, timeout=PATIENCE) as client:
        yield client
    assert told.empty()


# --- Items that come -----------------------------------------------------------------------------------------------


def test_items_are_converted_by_handle(client: blocking.Client) -> None:
    with client.stream(points, 2) as items:
        assert list(items) == [Point(0, 0), Point(1, -1)]
    with client.stream("probe.points", 1) as items:
        assert list(items) == [{"x": 0, "y": 0}]


def test_without_with_they_say_what_to_do(client: blocking.Client) -> None:
    stream: Any = client.stream(countdown, 3)
    for use in (iter, next, list):
        with pytest.raises(TypeError, match=r"use: with client\.stream\(\.\.\.\) as items"):
            use(stream)
    assert told.empty()


def test_leaving_early_closes_the_generator(client: blocking.Client) -> None:
    with client.stream(countdown, 10**9) as numbers:
        assert next(numbers) == 10**9
    assert told.get(timeout=PATIENCE) == "closed"
    with pytest.raises(KeyError), client.stream(countdown, 10**9) as numbers:
        next(numbers)
        raise KeyError
    assert told.get(timeout=PATIENCE) == "closed"
    with pytest.raises(KeyboardInterrupt), client.stream(countdown, 10**9) as numbers:
        next(numbers)
        raise KeyboardInterrupt
    assert told.get(timeout=PATIENCE) == "closed"
    assert client.call("probe.add", 1) == 1


def test_what_the_handler_raises_comes_behind_its_items(client: blocking.Client) -> None:
    with client.stream("probe.stumble") as items:
        assert next(items) == 1
        with pytest.raises(rpc.NotFound, match="no more"):
            next(items)


def test_what_the_block_has_not_seen_is_raised_at_its_end() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        call = peer.hear_call()
        peer.say(data(call, b"\x01"), failure(call, rpc.NotFound("no more")))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address) as client:
        seen: list[int] = []
        with pytest.raises(rpc.NotFound, match="no more"), client.stream("probe.stumble") as items:
            seen.append(next(items))
        assert seen == [1]


def test_a_timeout_is_one_for_the_whole_block(client: blocking.Client) -> None:
    brief = client.with_options(timeout=0.05)
    with (
        pytest.raises(TimeoutError, match=r"probe\.hang: no answer within 0\.05 s"),
        brief.stream("probe.hang") as items,
    ):
        assert next(items) == 1
        next(items)
    assert client.call("probe.add", 1) == 1


def test_an_item_that_cannot_be_decoded() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        call = peer.hear_call()
        peer.say(data(call, b"\xff"))
        assert [fields[0] for fields in peer.hear_all()] == [rpc_frames.CANCEL]

    with scripted(script) as address:
        client = blocking.connect(address)
        with pytest.raises(KeyboardInterrupt), client.stream("probe.items") as items:
            with pytest.raises(rpc.Internal, match=r"probe\.items: item 0 cannot be decoded"):
                next(items)
            raise KeyboardInterrupt
        client.close()


# --- Items that go -------------------------------------------------------------------------------------------------


def generated(to: int) -> Iterator[int]:
    yield from range(to)


@pytest.mark.parametrize("items", [[1, 2, 3], (1, 2, 3), range(1, 4), rpc.each([1, 2, 3]), iter([1, 2, 3])])
def test_any_iterable_is_taken_by_handle(client: blocking.Client, items: Any) -> None:
    assert client.call(total, items) == 6


def test_iterators_are_taken_by_name(client: blocking.Client) -> None:
    assert client.call("probe.total", iter(range(20_000))) == sum(range(20_000))
    assert client.call("probe.total", numbers=generated(1000)) == sum(range(1000))
    with pytest.raises(rpc.Unimplemented, match="takes a stream"):
        client.call("probe.total", [1, 2, 3])  # a value


def test_the_handler_may_stop_taking(client: blocking.Client) -> None:
    closed: list[bool] = []

    def endless() -> Iterator[int]:
        try:
            yield from count(7)
        finally:
            closed.append(True)

    assert client.call(first, rpc.each([5, 6])) == 5
    assert client.call("probe.first", endless()) == 7
    assert client.call("probe.first", iter(range(10**9))) == 0
    assert closed == [True]


def test_both_ways_at_once(client: blocking.Client) -> None:
    with client.stream("probe.double", generated(5000)) as numbers:
        assert list(numbers) == list(range(0, 10_000, 2))
    with client.stream("probe.double", count()) as numbers:
        assert list(islice(numbers, 3)) == [0, 2, 4]


def test_what_the_iterable_raises(client: blocking.Client) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        client.call("probe.total", failing())
    with pytest.raises(KeyError, match="mine"), client.stream("probe.double", failing()) as numbers:
        list(numbers)
    with pytest.raises(rpc.EncodeError, match="item"):
        client.call("probe.total", iter([object()]))
    with pytest.raises(rpc.InvalidArgument, match="item 0"):
        client.call("probe.total", iter(["x"]))
    assert client.call("probe.add", 1) == 1


# --- Contexts ------------------------------------------------------------------------------------------------------


def test_the_context_sees_what_the_block_raises(client: blocking.Client) -> None:
    with pytest.raises(KeyError), client.enter(lease, "printer"):
        raise KeyError("x")
    assert told.get(timeout=PATIENCE) == "KeyError"


def test_an_interrupted_block_cancels_the_context(client: blocking.Client) -> None:
    with pytest.raises(KeyboardInterrupt), client.enter(lease, "printer"):
        raise KeyboardInterrupt
    assert told.get(timeout=PATIENCE) == "lost"


def test_a_context_that_fails(client: blocking.Client) -> None:
    with pytest.raises(rpc.Aborted, match="it broke"), client.enter("probe.broken"):
        pass
    with pytest.raises(rpc.Unimplemented), client.enter("probe.nothing"):
        raise AssertionError
    with (
        pytest.raises(TypeError, match="is a context, which takes no stream"),
        client.enter("probe.lease", iter(["x"])),
    ):
        raise AssertionError


def test_a_context_that_fails_as_it_sees_what_the_block_raised() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        call = peer.hear_call()
        peer.say(data(call, b"\x01"))
        assert peer.hear() is not None
        peer.say(failure(call, rpc.Aborted("worse")))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address) as client:
        with pytest.raises(KeyError) as caught, client.enter("probe.lease"):
            raise KeyError("x")
        assert caught.value.__notes__ == ["and probe.lease failed as it was left: worse"]


def test_a_context_without_a_value() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), None))
        peer.hear_all()

    with (
        scripted(script) as address,
        blocking.connect(address) as client,
        pytest.raises(rpc.Internal, match="ended before it gave its value"),
        client.enter("probe.lease"),
    ):
        raise AssertionError
