from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

import rpc
from rpc.service.permission import check_allow
from rpc.wire import frames
from tests import raw_peer
from tests.raw_peer import connected, raw_client


def nobody(context: rpc.Context) -> bool:
    return False


def admins(context: rpc.Context) -> bool:
    return context.metadata.get("role") == "admin"


class Guarded:
    """A service whose handlers tell of each time that they run."""

    def __init__(self, allow: Any = admins) -> None:
        self.ran: list[str] = []
        self.service = service = rpc.Service("guarded")

        @service.method(allow=allow)
        def method(number: int) -> int:
            self.ran.append("method")
            return number

        @service.method(allow=allow)
        async def stream(number: int) -> AsyncIterator[int]:
            self.ran.append("stream")
            yield number

        @service.context(allow=allow)
        async def context(number: int) -> AsyncIterator[int]:
            self.ran.append("context")
            yield number

        @service.notification(allow=allow)
        def notification(number: int) -> None:
            self.ran.append("notification")


async def every_way(client: rpc.Client) -> list[object]:
    """Use each handler once; gives the results, or what was raised."""
    answers: list[object] = []
    try:
        answers.append(await client.call("guarded.method", 1))
    except rpc.Error as error:
        answers.append(error)
    try:
        async with client.stream("guarded.stream", 2) as items:
            answers.extend([item async for item in items])
    except rpc.Error as error:
        answers.append(error)
    try:
        async with client.enter("guarded.context", 3) as value:
            answers.append(value)
    except rpc.Error as error:
        answers.append(error)
    await client.notify("guarded.notification", 4)
    await client.ping()
    return answers


async def test_who_is_allowed_is_served() -> None:
    guarded = Guarded()
    async with rpc.testing.client(guarded.service) as client:
        assert await every_way(client.with_options(metadata={"role": "admin"})) == [1, 2, 3]
    assert guarded.ran == ["method", "stream", "context", "notification"]


async def test_who_is_not_allowed_is_refused_in_every_way() -> None:
    guarded = Guarded()
    async with connected(guarded.service) as pair:
        answers = await every_way(pair.client)
        assert pair.serving.handlers.dropped == {"not allowed": 1}
    assert guarded.ran == []
    assert len(answers) == 3
    for answer in answers:
        assert isinstance(answer, rpc.PermissionDenied)
        assert answer.processed is rpc.Processed.NOT_PROCESSED
    assert str(answers[0]) == "guarded.method is not for you"


@pytest.mark.parametrize("answer", [None, 1, "yes", object()])
async def test_anything_but_true_is_no(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded(lambda context: answer)
    async with rpc.testing.client(guarded.service) as client:
        with pytest.raises(rpc.PermissionDenied):
            await client.call("guarded.method", 1)
    assert guarded.ran == []
    assert caplog.messages == [f"allow of guarded.method gave a {type(answer).__name__}, not True or False"]


async def test_a_predicate_that_raises_says_no_and_is_told_to_its_author(caplog: pytest.LogCaptureFixture) -> None:
    def broken(context: rpc.Context) -> bool:
        raise LookupError("no such role")

    guarded = Guarded(broken)
    async with rpc.testing.client(guarded.service) as client:
        with pytest.raises(rpc.PermissionDenied, match="is not for you"):
            await client.call("guarded.method", 1)
    assert guarded.ran == []
    assert caplog.messages == ["allow of guarded.method raised LookupError"]
    assert "no such role" in caplog.text


async def test_it_is_asked_with_the_whole_context(autojump_clock: trio.testing.MockClock) -> None:
    asked: list[rpc.Context] = []

    def remember(context: rpc.Context) -> bool:
        asked.append(context)
        return True

    guarded = Guarded(remember)

    @guarded.service.lifespan
    async def state() -> AsyncIterator[str]:
        yield "the state"

    async with rpc.testing.client(guarded.service) as client:
        with trio.fail_after(5):
            await client.with_options(metadata={"key": "value"}).call("guarded.method", 1)
    [context] = asked
    assert context.peer.transport == "memory"
    assert context.metadata == {"key": "value"}
    assert context.deadline == pytest.approx(5, abs=0.1)
    assert context.state == "the state"
    assert context.client is not None


async def test_it_is_judged_behind_the_name_and_before_flags_and_payload() -> None:
    guarded = Guarded()
    async with raw_client(guarded.service) as peer:
        await peer.say(
            raw_peer.call(1, "guarded.nothing", payload=b"\xff"),
            raw_peer.call(3, "guarded.method", payload=b"\xff", flags=frames.TAKES),
            raw_peer.call(5, "guarded.stream", payload=b"\xff"),
            raw_peer.call(7, "guarded.notification", 1),
        )
        codes = [raw_peer.error_of(await peer.hear()).code for _ in range(4)]
    unimplemented, denied = rpc.Code.UNIMPLEMENTED, rpc.Code.PERMISSION_DENIED
    assert codes == [unimplemented, denied, denied, unimplemented]


class Callable:
    async def __call__(self, context: rpc.Context) -> bool:
        return False


@pytest.mark.parametrize("allow", [Callable(), Callable().__call__])
def test_a_predicate_that_must_be_awaited_is_refused(allow: Any) -> None:
    with pytest.raises(TypeError, match=r"guarded\.method: allow is asked where a call is read and cannot wait"):
        Guarded(allow)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"calc\.add: allow is a function of the Context that says True or False"):
        check_allow(True, "calc.add")  # type: ignore[arg-type]
    check_allow(nobody, "calc.add")
    check_allow(None, "calc.add")
