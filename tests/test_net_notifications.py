from __future__ import annotations

import contextvars
import logging
import math
import threading
from typing import Any

import pytest
import trio
import trio.testing

from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.net.handlers import Handlers
from rpc.net.notifications import Notifications
from rpc.peer import Peer
from rpc.service.context import Context
from rpc.service.service import Service
from rpc.service.table import Table
from rpc.wire.payload import encode
from tests.raw_peer import call, notify, raw_client, result_of

PEER = Peer(address="memory:", transport="memory")

variable = contextvars.ContextVar("variable", default="nothing")


class Stage:
    """A service whose notifications tell when they begin and end, and what takes them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.told: list[Any] = []
        self.may_end = trio.Event()
        self.service = Service("log")
        told, may_end = self.told, self.may_end

        @self.service.notification
        def quick(value: object) -> None:
            told.append(value)

        @self.service.notification
        async def slow(value: object) -> None:
            told.append(f"{value} begins")
            await may_end.wait()
            told.append(f"{value} ends")

        @self.service.notification(concurrent=True)
        async def beside(value: object) -> None:
            await slow.function(value)

        @self.service.notification(thread=True)
        def blocking() -> None:
            told.append(threading.get_ident())

        @self.service.notification
        def failing() -> None:
            raise KeyError("quick")

        @self.service.notification
        async def failing_slowly() -> None:
            await trio.lowlevel.checkpoint()
            raise KeyError("slow")

        @self.service.notification
        async def failing_when_cancelled() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise KeyError("in the end")

        @self.service.notification
        async def variables() -> None:
            told.append(variable.get())
            variable.set("of another notification")
            await trio.lowlevel.checkpoint()
            told.append(variable.get())

        @self.service.notification
        def circumstances(context: Context[str]) -> None:
            told.append((context.peer, context.metadata, context.deadline, context.state, context.client))

        @self.service.method
        def answer() -> str:
            return "an answer"

        self.handlers = Handlers(Table([self.service]), {"log": "the state"})
        self.notifications = Notifications(self.handlers, limits or Limits(), contextvars.copy_context())

    def take(self, name: str, *args: object) -> bool:
        return self.notifications.take(f"log.{name}", None, encode([args, {}]), PEER)


async def test_a_quick_one_runs_where_it_was_read() -> None:
    stage = Stage()
    assert stage.take("quick", 1)
    assert stage.take("quick", 2)
    assert stage.told == [1, 2]
    await stage.notifications.finish()


async def test_all_run_in_the_order_of_their_arrival() -> None:
    stage = Stage()
    async with open_background() as stage.notifications.nursery:
        stage.take("quick", 1)
        stage.take("slow", 2)
        stage.take("quick", 3)
        stage.take("slow", 4)
        stage.take("quick", 5)
        await trio.testing.wait_all_tasks_blocked()
        assert stage.told == [1, "2 begins"]
        stage.may_end.set()
        await stage.notifications.finish()
        assert stage.told == [1, "2 begins", "2 ends", 3, "4 begins", "4 ends", 5]
        stage.take("quick", 6)
        assert stage.told[-1] == 6


async def test_concurrent_ones_wait_for_nobody() -> None:
    stage = Stage()
    async with open_background() as stage.notifications.nursery:
        stage.take("slow", 1)
        stage.take("beside", 2)
        stage.take("beside", 3)
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(stage.told) == ["1 begins", "2 begins", "3 begins"]
        stage.may_end.set()
        await stage.notifications.finish()
        assert sorted(stage.told[3:]) == ["1 ends", "2 ends", "3 ends"]


@pytest.mark.parametrize("name", ["slow", "beside"])
async def test_finishing_waits_for_all_that_has_arrived(name: str) -> None:
    stage = Stage()
    finished = trio.Event()

    async def finish() -> None:
        await stage.notifications.finish()
        finished.set()

    async with open_background() as stage.notifications.nursery:
        await stage.notifications.finish()
        stage.take(name, 1)
        stage.take(name, 2)
        stage.notifications.nursery.start_soon(finish)
        await trio.testing.wait_all_tasks_blocked()
        assert not finished.is_set()
        stage.may_end.set()
        await finished.wait()
        assert len(stage.told) == 4


async def test_blocking_ones_have_a_thread_and_keep_the_order() -> None:
    stage = Stage()
    async with open_background() as stage.notifications.nursery:
        stage.take("blocking")
        stage.take("quick", "after it")
        await stage.notifications.finish()
    assert stage.told[0] != threading.get_ident()
    assert stage.told[1] == "after it"


async def test_one_that_fails_is_logged_and_the_next_runs(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    stage.take("failing")
    async with open_background() as stage.notifications.nursery:
        stage.take("failing_slowly")
        stage.take("failing")
        stage.take("quick", 1)
        await stage.notifications.finish()
    assert stage.told == [1]
    assert caplog.messages == [
        "log.failing raised KeyError",
        "log.failing_slowly raised KeyError",
        "log.failing raised KeyError",
    ]


@pytest.mark.parametrize("name", ["slow", "beside"])
async def test_a_connection_that_ends_cancels_what_runs(name: str) -> None:
    stage = Stage()
    async with open_background() as stage.notifications.nursery:
        stage.take(name, 1)
        stage.take("quick", 2)
        await trio.testing.wait_all_tasks_blocked()
        stage.notifications.nursery.cancel_scope.cancel()
    assert "1 ends" not in stage.told


async def test_one_that_fails_as_it_is_cancelled_is_its_own_failure(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    async with open_background() as stage.notifications.nursery:
        stage.take("failing_when_cancelled")
        stage.take("slow", 1)
        await trio.testing.wait_all_tasks_blocked()
        stage.notifications.nursery.cancel_scope.cancel()
    assert caplog.messages == ["log.failing_when_cancelled raised ExceptionGroup"]
    assert stage.told == []


async def test_nobody_sees_the_variables_of_another() -> None:
    variable.set("of the connection")
    stage = Stage()
    variable.set("of whoever reads")
    async with open_background() as stage.notifications.nursery:
        for _ in range(3):
            stage.take("variables")
        await stage.notifications.finish()
    assert stage.told == ["of the connection", "of another notification"] * 3


async def test_what_a_handler_may_know() -> None:
    stage = Stage()
    payload = encode([[], {}])
    stage.notifications.take("log.circumstances", {"key": 1}, payload, PEER, "a client")
    assert stage.told == [(PEER, {"key": 1}, math.inf, "the state", "a client")]


async def test_what_cannot_run_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    assert not stage.take("nothing")
    assert not stage.take("answer")
    assert stage.take("quick")
    assert stage.take("quick", 1, 2)
    assert stage.notifications.take("log.quick", None, b"\xff", PEER)
    assert stage.told == []
    assert stage.handlers.dropped == {"no such notification": 2, "arguments that do not fit": 3}
    assert caplog.messages[0] == "notification log.nothing dropped: no such notification"
    arguments = "log.quick: argument 'value' is missing"
    assert caplog.messages[2] == f"notification log.quick dropped: arguments that do not fit: {arguments}"
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 5


async def test_those_over_the_limit_are_dropped() -> None:
    stage = Stage(Limits(max_notifications=4))
    async with open_background() as stage.notifications.nursery:
        stage.take("slow", 1)
        await trio.testing.wait_all_tasks_blocked()
        stage.take("beside", 2)
        stage.take("slow", 3)
        stage.take("quick", 4)
        assert stage.handlers.dropped == {}
        for name in ("slow", "beside", "quick"):
            assert stage.take(name, "one too many")
        assert stage.handlers.dropped == {"too many are queued": 3}
        stage.may_end.set()
        await stage.notifications.finish()
        stage.take("quick", "welcome again")
    assert [value for value in stage.told if not str(value).endswith("begins")].count("one too many") == 0
    assert {"1 ends", "2 ends", "3 ends", 4, "welcome again"} <= set(stage.told)
    assert stage.handlers.dropped == {"too many are queued": 3}


# --- Over a connection -----------------------------------------------------------------------------------------


async def test_calls_do_not_wait_for_notifications(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with raw_client(stage.service) as peer:
        await peer.say(notify("log.slow", 1), call(1, "log.answer"))
        assert result_of(await peer.hear()) == "an answer"
        await trio.testing.wait_all_tasks_blocked()
        assert stage.told == ["1 begins"]


async def test_a_peer_that_notifies_and_leaves_has_still_notified(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with raw_client(stage.service) as peer:
        await peer.say(notify("log.slow", 1), notify("log.quick", 2))
        peer.close()
        await trio.sleep(5)
        assert stage.told == ["1 begins"]
        stage.may_end.set()
        await trio.testing.wait_all_tasks_blocked()
        assert stage.told == ["1 begins", "1 ends", 2]


async def test_what_takes_too_long_after_that_is_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with raw_client(stage.service) as peer:
        await peer.say(notify("log.slow", 1), notify("log.quick", 2))
        peer.close()
        await trio.sleep(11)
        stage.may_end.set()
        await trio.sleep(1)
    assert stage.told == ["1 begins"]


async def test_the_death_of_one_connection_is_nothing_to_another(autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage()
    async with raw_client(stage.service) as one, raw_client(stage.service) as two:
        await one.say(notify("log.slow", 1))
        await two.say(notify("log.slow", 2))
        one.close()
        await trio.sleep(20)
        stage.may_end.set()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(stage.told) == ["1 begins", "2 begins", "2 ends"]
