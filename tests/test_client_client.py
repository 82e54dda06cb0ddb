from __future__ import annotations

import datetime
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import rpc
from rpc.errors import Code, Processed
from rpc.wire import frames
from tests.raw_peer import connected, failure, greeting, raw_server, reply


@attrs.frozen
class Point:
    x: int
    y: int


class Missing(Exception):
    """A declared exception with arguments."""


@attrs.define(auto_exc=True)
class Late(Exception):
    """A declared exception with fields."""

    code = Code.OUT_OF_RANGE
    seconds: float


calc = rpc.Service("calc")
seen: list[Any] = []


@calc.method
def add(a: int, b: int = 10) -> int:
    return a + b


@calc.method
async def move(point: Point, by: Point) -> Point:
    await trio.lowlevel.checkpoint()
    return Point(point.x + by.x, point.y + by.y)


@calc.method
def tomorrow(day: datetime.date) -> datetime.date:
    return day + datetime.timedelta(days=1)


@calc.method(raises=[Missing, Late])
def fail(how: str) -> None:
    raise {
        "missing": Missing("row", 5),
        "late": Late(2.5),
        "undeclared": KeyError("a secret"),
        "status": rpc.NotFound("no such row", details=[5]),
    }[how]


@calc.method
async def circumstances(context: rpc.Context[Any], value: int = 0) -> int:
    seen.append(context)
    return value


@calc.method
async def sleep(seconds: float) -> None:
    await trio.sleep(seconds)


@calc.method
def wrong() -> int:
    return "a text"  # type: ignore[return-value]


@calc.notification
def observe(value: object = None) -> None:
    seen.append(value)


@calc.notification
async def observe_circumstances(context: rpc.Context[Any], value: object) -> None:
    seen.append((context, value))


@pytest.fixture(autouse=True)
def forget() -> None:
    seen.clear()


# --- Calls -------------------------------------------------------------------------------------------------------


async def test_calls_by_name_give_what_was_on_the_wire() -> None:
    async with connected(calc) as pair:
        assert await pair.client.call("calc.add", 1, 2) == 3
        assert await pair.client.call("calc.add", 1) == 11
        assert await pair.client.call("calc.add", a=1, b=5) == 6
        assert await pair.client.call("calc.move", Point(1, 2), by={"x": 3, "y": 4}) == {"x": 4, "y": 6}


async def test_calls_by_handle_give_what_the_function_gives() -> None:
    async with connected(calc) as pair:
        assert await pair.client.call(add, 1, b=2) == 3
        assert await pair.client.call(move, Point(1, 2), Point(3, 4)) == Point(4, 6)
        day = datetime.date(2026, 12, 31)
        assert await pair.client.call(tomorrow, day) == datetime.date(2027, 1, 1)
        assert await pair.client.call(circumstances, 5) == 5


async def test_what_is_no_method_is_refused_before_anything_is_sent() -> None:
    async with raw_server() as (client, peer):
        with pytest.raises(TypeError, match=r"calc\.observe is a notification: send it with notify"):
            await client.call(observe)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="is no method: give the decorated function, or its name"):
            await client.call(add.function, 1)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match=r"calc\.add answers once: call it with call"):
            await client.notify(add, 1)  # type: ignore[call-overload]
        with pytest.raises(ValueError, match="a method name has 1 to 255 bytes"):
            await client.call("")
        await client.aclose()
        assert await peer.hear_all() == []


async def test_arguments_that_cannot_travel() -> None:
    async with raw_server() as (client, peer):
        with pytest.raises(rpc.EncodeError, match=r"\[0\]\.value"):
            await client.call("calc.add", {"value": object()})
        with pytest.raises(rpc.EncodeError, match="object of class object"):
            await client.notify("calc.observe", object())
        await client.aclose()
        assert await peer.hear_all() == []


async def test_who_answers() -> None:
    async with connected(calc) as pair:
        assert pair.client.peer is pair.near.peer
        assert repr(pair.client) == "<Client of unix:test>"


# --- Failures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "rebuilt"), [("missing", Missing("row", 5)), ("late", Late(2.5))])
async def test_a_declared_exception_comes_back_by_handle(how: str, rebuilt: Exception) -> None:
    async with connected(calc) as pair:
        with pytest.raises(type(rebuilt)) as caught:
            await pair.client.call(fail, how)
        assert caught.value.args == rebuilt.args
        cause = caught.value.__cause__
        assert isinstance(cause, rpc.Error)
        assert cause.type == f"calc.{type(rebuilt).__name__}"
        assert cause.was_received


async def test_a_declared_exception_is_an_error_by_name() -> None:
    async with connected(calc) as pair:
        with pytest.raises(rpc.RemoteError) as caught:
            await pair.client.call("calc.fail", "missing")
        assert (caught.value.type, caught.value.details) == ("calc.Missing", ["row", 5])
        with pytest.raises(rpc.OutOfRange) as late:
            await pair.client.call("calc.fail", "late")
        assert (late.value.type, late.value.details) == ("calc.Late", {"seconds": 2.5})


@pytest.mark.parametrize("target", [fail, "calc.fail"])
async def test_what_was_not_declared(target: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(calc) as pair:
        with pytest.raises(rpc.RemoteError, match="KeyError: the handler raised KeyError") as caught:
            await pair.client.call(target, "undeclared")
        assert caught.value.was_received
        assert caught.value.__cause__ is None
        with pytest.raises(rpc.NotFound, match="no such row") as status:
            await pair.client.call(target, "status")
        assert status.value.details == [5]


async def test_a_result_that_cannot_be_used() -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:
        answers = [frames.reply(1, 0, 1) + b"\xff", frames.reply(3, 0, 1) + b"\xff", reply(5, "a text")]

        async def answer() -> None:
            for frame in answers:
                await peer.hear_calls(1)
                await peer.say(frame)

        nursery.start_soon(answer)
        targets: tuple[Any, ...] = ("calc.add", add)
        for target in targets:
            with pytest.raises(rpc.Internal, match=r"the result of calc\.add cannot be decoded") as caught:
                await client.call(target, 1)
            assert caught.value.processed is Processed.DO_NOT_RETRY
            assert caught.value.__cause__ is not None
        with pytest.raises(rpc.Internal, match=r"calc\.add"):
            await client.call(add, 1, 2)


async def test_a_result_that_does_not_fit_its_annotation() -> None:
    async with connected(calc) as pair:
        assert await pair.client.call("calc.wrong") == "a text"
        with pytest.raises(rpc.Internal, match=r"calc\.wrong") as caught:
            await pair.client.call(wrong)
        assert caught.value.processed is Processed.DO_NOT_RETRY


async def test_an_error_that_a_handler_received_is_no_promise_about_its_own_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outer = rpc.Service("outer")

    @outer.method
    async def relay(context: rpc.Context[Any]) -> None:
        await context.client.call("inner.missing")

    async with connected(outer, client_services=rpc.Service("inner")) as pair:
        with pytest.raises(rpc.RemoteError) as caught:
            await pair.client.call(relay)
        assert (caught.value.type, caught.value.processed) == ("Unimplemented", Processed.UNKNOWN)


# --- Notifications -----------------------------------------------------------------------------------------------


async def test_notifications_by_name_and_by_handle() -> None:
    async with connected(calc) as pair:
        await pair.client.notify("calc.observe", 1)
        await pair.client.notify(observe, value=2)
        await pair.client.notify(observe)
        await pair.client.with_options(metadata={"key": 5}).notify(observe_circumstances, 4)
        await pair.client.call(add, 1)
    assert seen[:3] == [1, 2, None]
    context, value = seen[3]
    assert (context.metadata, value) == ({"key": 5}, 4)


async def test_a_notification_that_is_too_large() -> None:
    async with raw_server(spoken=greeting(max_frame=16384)) as (client, _):
        with pytest.raises(rpc.ResourceExhausted, match="max_frame") as caught:
            await client.notify("calc.observe", bytes(17_000))
        assert caught.value.was_received
        assert caught.value.processed is Processed.DO_NOT_RETRY


async def test_what_was_queued_leaves_before_the_client_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(buffer=4096) as (client, peer), trio.open_nursery() as nursery:
        for number in range(10):
            await client.notify("calc.observe", bytes(20_000), number)
        nursery.start_soon(client.aclose)
        heard = await peer.hear_all()
    assert [fields[0] for fields in heard] == [frames.NOTIFY] * 10


# --- Views -------------------------------------------------------------------------------------------------------


async def test_metadata_goes_with_each_call_of_a_view() -> None:
    async with connected(calc) as pair:
        view = pair.client.with_options(metadata={"a": 1, "b": [True, None, "x", b"y", 1.5, {"k": 1}]})
        await view.call(circumstances)
        await view.with_options(metadata={"a": 2, "c": 3}).call(circumstances)
        await view.call("calc.circumstances")
        await pair.client.call(circumstances)
    values = [context.metadata for context in seen]
    assert values[0] == values[2] == {"a": 1, "b": [True, None, "x", b"y", 1.5, {"k": 1}]}
    assert values[1] == {"a": 2, "b": values[0]["b"], "c": 3}
    assert values[3] == {}


async def test_an_idempotency_key_is_the_protocols_own_metadata() -> None:
    async with connected(calc) as pair:
        view = pair.client.with_options(idempotency_key=b"once")
        await view.call(circumstances)
        await view.with_options(metadata={"a": 1}).call(circumstances)
        await view.with_options(idempotency_key=b"twice").call(circumstances)
    assert [context.metadata for context in seen] == [{4: b"once"}, {4: b"once", "a": 1}, {4: b"twice"}]


@pytest.mark.parametrize("metadata", [{"a": object()}, {"a": "x" * 9000}, {"a": {1, 2}}])
async def test_metadata_that_cannot_travel(metadata: dict[str, Any]) -> None:
    async with connected(calc) as pair:
        with pytest.raises(ValueError, match="metadata"):
            pair.client.with_options(metadata=metadata)


async def test_a_timeout_of_a_view(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(calc) as pair:
        view = pair.client.with_options(timeout=2)
        start = trio.current_time()
        with pytest.raises(trio.TooSlowError):
            await view.call(sleep, 100)
        assert trio.current_time() - start == pytest.approx(2)
        await view.call(sleep, 1)
        await view.with_options(timeout=5).call(sleep, 4)
        await view.with_options(metadata={"a": 1}).call(circumstances)
        assert seen[0].deadline == pytest.approx(trio.current_time() + 2)
        await pair.client.call(sleep, 100)
        with trio.move_on_after(1) as scope:
            await view.call(sleep, 100)
        assert scope.cancelled_caught


async def test_a_view_shares_its_connection() -> None:
    async with connected(calc) as pair:
        view = pair.client.with_options(timeout=10)
        await view.aclose()
        with pytest.raises(rpc.Unavailable, match="this client was closed"):
            await pair.client.call(add, 1)


# --- The end -----------------------------------------------------------------------------------------------------


async def test_closing_twice_is_closing_once() -> None:
    async with connected(calc) as pair:
        await pair.client.aclose()
        with trio.testing.assert_checkpoints():
            await pair.client.aclose()
        pair.client.close()
        for target in (pair.client.call, pair.client.notify):
            with pytest.raises(rpc.Unavailable) as caught:
                await target("calc.observe")
            assert caught.value.was_received
            assert caught.value.processed is Processed.NOT_PROCESSED


async def test_closing_ends_what_others_wait_for(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(calc) as pair, trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(rpc.Unavailable, match="this client was closed") as caught:
                await pair.client.call(sleep, 100)
            assert caught.value.processed is Processed.UNKNOWN

        for _ in range(3):
            nursery.start_soon(call)
        await trio.sleep(1)
        await pair.client.aclose()


async def test_a_cancelled_closing_closes_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server(buffer=4096) as (client, _):
        await client.notify("calc.observe", bytes(200_000))
        with trio.move_on_after(1) as scope:
            await client.aclose()
        assert scope.cancelled_caught
        with pytest.raises(rpc.Unavailable):
            await client.call("calc.add", 1)


async def test_closing_without_waiting_sends_what_it_can() -> None:
    async with raw_server() as (client, peer):
        await client.notify("calc.observe", 1)
        client.close()
        assert [fields[0] for fields in await peer.hear_all()] == [frames.NOTIFY]


async def test_an_error_is_never_in_a_group(autojump_clock: trio.testing.MockClock) -> None:
    async with raw_server() as (client, peer), trio.open_nursery() as nursery:

        async def answer() -> None:
            await peer.hear_calls(1)
            await peer.say(failure(1, rpc.Aborted("the other was first", retry_after=0.5)))

        nursery.start_soon(answer)
        with pytest.raises(rpc.Aborted, match="the other was first") as caught:
            await client.call("calc.add", 1)
        assert caught.value.retry_after == 0.5
