from __future__ import annotations

import contextlib
import logging
import math
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Code, Processed
from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.net.memory import memory_links
from rpc.server.serving import Serving
from rpc.wire import frames
from rpc.wire.payload import encode
from tests.probe import Probe, answer
from tests.raw_peer import HERE, call, client_of, connected, data, error_of, handlers_of, raw_client, result_of


@pytest.fixture
def probe() -> Probe:
    return Probe()


# --- Calls that run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["probe.add", "probe.add_later"])
async def test_arguments_by_position_and_by_name(method: str, probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, method, 1, 2))) == 3
        assert result_of(await answer(peer, call(3, method, 1))) == 11
        named = call(5, method, [1], {"b": 5}, flags=frames.NAMED)
        assert result_of(await answer(peer, named)) == 6


async def test_a_handler_in_a_thread(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, "probe.thread"))) is True


async def test_quick_ones_answer_in_the_order_of_their_calls(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(*(call(number, "probe.add", number) for number in range(1, 100, 2)))
        answers = [await peer.hear() for _ in range(50)]
    assert [fields[1] for fields in answers] == list(range(1, 100, 2))
    assert [result_of(fields) for fields in answers] == [number + 10 for number in range(1, 100, 2)]


async def test_a_large_result(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, "probe.big", 100_000))) == bytes(100_000)


@pytest.mark.parametrize("method", ["probe.ask", "probe.ask_later"])
async def test_what_a_handler_may_know(method: str, probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, method, timeout=1500))) is None
        assert result_of(await answer(peer, call(3, method))) is None
    timed, untimed = probe.contexts
    assert timed.peer == HERE
    assert timed.metadata == {}
    assert timed.deadline == pytest.approx(trio.current_time() + 1.5)
    assert timed.state is None
    assert isinstance(timed.client, rpc.Client)
    assert untimed.deadline == math.inf


async def test_a_call_whose_items_come_to_its_handler(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.total", flags=frames.SENDS), data(1, b"\x05"), data(1, b"\x07", frames.END))
        assert result_of(await peer.hear()) == 12
        await peer.say(call(3, "probe.total", flags=frames.SENDS), data(3, b"\x05"), data(3, b"\xff"))
        error = error_of(await peer.hear())
    assert error.code == Code.INVALID_ARGUMENT
    assert error.message.startswith("probe.total: item 1 cannot be decoded: ")


async def test_a_call_whose_handler_gives_items(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.count", 3, flags=frames.TAKES))
        assert [await peer.hear() for _ in range(3)] == [[frames.DATA, 1, 0, bytes([number])] for number in range(3)]
        assert result_of(await peer.hear()) is None


# --- Calls that do not -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code", "message"),
    [
        (call(1, "probe.subtract"), Code.UNIMPLEMENTED, "there is no method probe.subtract"),
        (call(1, "probe.\x1b"), Code.UNIMPLEMENTED, "there is no method probe.\\x1b"),
        (call(1, "probe.observe"), Code.UNIMPLEMENTED, "probe.observe is a notification: send it"),
        (
            call(1, "probe.add", 1, flags=frames.TAKES),
            Code.UNIMPLEMENTED,
            "probe.add answers once: call it with call",
        ),
        (call(1, "probe.add_later", 1, flags=frames.SENDS), Code.UNIMPLEMENTED, "probe.add_later takes no stream"),
        (call(1, "probe.count", 1), Code.UNIMPLEMENTED, "probe.count streams its items: call it with stream"),
        (call(1, "probe.lease", "x"), Code.UNIMPLEMENTED, "probe.lease is a context: enter it with enter"),
        (call(1, "probe.total"), Code.UNIMPLEMENTED, "probe.total takes a stream: give it an async iterable"),
        (call(1, "probe.add", "x"), Code.INVALID_ARGUMENT, "probe.add: argument 'a' expected int, got str 'x'"),
        (call(1, "probe.add"), Code.INVALID_ARGUMENT, "probe.add"),
        (call(1, "probe.add", payload=b"\xff"), Code.INVALID_ARGUMENT, "probe.add"),
        (call(1, "probe.add", payload=encode({})), Code.INVALID_ARGUMENT, "probe.add"),
    ],
)
async def test_a_call_that_cannot_run_is_refused(frame: bytes, code: Code, message: str, probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        error = error_of(await answer(peer, frame))
        assert (error.code, error.processed) == (code, Processed.NOT_PROCESSED)
        assert error.message.startswith(message)
        assert result_of(await answer(peer, call(3, "probe.add", 1))) == 11
    assert probe.told == ["add"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("probe.ad", "; did you mean probe.add or probe."),
        ("Probe.Add", "; did you mean probe.add or probe."),
        ("probe.xyz", ""),
    ],
)
async def test_near_names_are_told_where_all_are(name: str, hint: str, probe: Probe) -> None:
    handlers = handlers_of(probe.service)
    handlers.described = handlers.table
    near, far = memory_links()
    async with open_background() as nursery:
        serving = Serving(handlers, Limits())
        nursery.start_soon(serving.readiness.run)
        nursery.start_soon(serving.serve_link, far)
        async with client_of(near) as client:
            with pytest.raises(rpc.Unimplemented) as caught:
                await client.call(name)
    assert caught.value.message.startswith(f"there is no method {name}{hint}")
    assert ("did you mean" in caught.value.message) == bool(hint)


@pytest.mark.parametrize(
    ("method", "argument", "refused", "failed"),
    [
        ("probe.add", 1, 0, 0),
        ("probe.nothing", 1, 1, 0),
        ("probe.observe", 1, 1, 0),
        ("probe.add", "x", 1, 0),
        ("probe.fail", "x", 0, 1),
        ("probe.fail_later", "x", 0, 1),
    ],
)
async def test_calls_are_counted(method: str, argument: Any, refused: int, failed: int, probe: Probe) -> None:
    async with connected(probe.service) as pair:
        with contextlib.suppress(rpc.Error):
            await pair.client.call(method, argument)
        counts = pair.serving.handlers.counts
    assert (counts.calls, counts.refused, counts.failed) == (1, refused, failed)


async def test_items_in_excess_are_refused(probe: Probe) -> None:
    async with raw_client(probe.service, limits=Limits(max_items=10)) as peer:
        error = error_of(await answer(peer, call(1, "probe.add", list(range(100)))))
        assert (error.code, error.processed) == (Code.INVALID_ARGUMENT, Processed.NOT_PROCESSED)


# --- Failures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["probe.fail", "probe.fail_later"])
async def test_what_a_handler_did_not_declare_stays_here(
    method: str, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(probe.service) as peer:
        error = error_of(await answer(peer, call(1, method, "undeclared")))
    assert (error.code, error.processed, error.type) == (Code.UNKNOWN, Processed.UNKNOWN, "KeyError")
    assert error.message == "the handler raised KeyError; its message stays on the server"
    assert error.remote_traceback is None
    [record] = caplog.records
    assert record.getMessage() == f"{method} raised KeyError"


@pytest.mark.parametrize("method", ["probe.fail", "probe.fail_later"])
async def test_a_server_that_debugs_tells_all(method: str, probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "rpc")
    async with raw_client(probe.service, debug=True) as peer:
        error = error_of(await answer(peer, call(1, method, "undeclared")))
    assert error.message == "'a secret'"
    assert error.remote_traceback is not None
    assert "in fail\n" in error.remote_traceback


@pytest.mark.parametrize("method", ["probe.fail", "probe.fail_later"])
async def test_declared_exceptions_and_statuses_are_answers(
    method: str, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(probe.service) as peer:
        declared = error_of(await answer(peer, call(1, method, "declared")))
        status = error_of(await answer(peer, call(3, method, "status")))
    assert (declared.code, declared.type, declared.details) == (Code.UNKNOWN, "probe.Refused", ["so it is", 5])
    assert (status.code, status.type, status.details) == (Code.NOT_FOUND, None, ["row", 5])
    assert not caplog.records


@pytest.mark.parametrize("method", ["probe.give_object", "probe.give_object_later"])
async def test_a_result_that_cannot_travel(method: str, probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        error = error_of(await answer(peer, call(1, method)))
    assert (error.code, error.processed) == (Code.INTERNAL, Processed.DO_NOT_RETRY)
    assert error.message.startswith(f"the result of {method} cannot travel: ")
    assert "object of class object" in error.message


async def test_a_result_that_is_too_large_for_the_peer(probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        error = error_of(await answer(peer, call(1, "probe.big", 20_000_000)))
        assert (error.code, error.processed) == (Code.RESOURCE_EXHAUSTED, Processed.DO_NOT_RETRY)


# --- Deadlines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["probe.add", "probe.sleep"])
async def test_a_deadline_that_has_passed(method: str, probe: Probe) -> None:
    async with raw_client(probe.service) as peer:
        error = error_of(await answer(peer, call(1, method, 1, timeout=0)))
        assert (error.code, error.processed) == (Code.DEADLINE_EXCEEDED, Processed.NOT_PROCESSED)
    assert probe.told == []


async def test_a_deadline_counts_from_the_first_fragment(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    text = encode([1, {"text": "x" * 8000}])
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.sleep", payload=text[:4096], flags=frames.MORE, timeout=2000))
        await trio.sleep(3)
        error = error_of(await answer(peer, data(1, text[4096:])))
        assert (error.code, error.processed) == (Code.DEADLINE_EXCEEDED, Processed.NOT_PROCESSED)
        assert error.message == "the deadline passed before the call was whole"

        seconds = encode([100, *["x" * 8000]])
        await peer.say(call(3, "probe.sleep", payload=seconds[:4096], flags=frames.MORE, timeout=2000))
        await trio.sleep(1)
        error = error_of(await answer(peer, data(3, seconds[4096:])))
        assert error.code == Code.INVALID_ARGUMENT  # one argument too many, but in time
