from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from rpc.net.link import Link, SocketLink
from rpc.net.memory import memory_links
from rpc.net.polling import IN_A_ROW, Polling
from rpc.net.readiness import Readiness
from rpc.net.reading import Reading
from tests.raw_peer import socket_links


class Eager(Polling):
    """Polls for ever, whatever was quicker."""

    def starts(self) -> bool:
        super().starts()
        self._is_polling = True
        return True

    def goes_on(self) -> bool:
        return True


class Connection:
    """What is read: it keeps what it read."""

    def __init__(self, link: Link, readiness: Readiness) -> None:
        self.link = link
        self.readiness = readiness
        self.polling = Polling()
        self.nursery: trio.Nursery
        self.is_quiet = False
        self.waits_for_peer = False
        self.is_amid = False
        self.is_lost = False
        self.is_over = False
        self.read: list[bytes] = []
        self.flushes = 0
        self.until = Reading(self).until

    def pump(self) -> bool:
        assert isinstance(self.link, SocketLink)
        try:
            self.read.append(self.link.receive_nowait(1))
        except BlockingIOError:
            return False
        return True

    def pump_data(self, data: bytes | bytearray) -> None:
        self.read.append(bytes(data))

    def flush(self) -> None:
        self.flushes += 1

    def has(self, count: int) -> bool:
        return len(self.read) >= count


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[Connection, socket.socket, trio.Nursery]]:
    near, far = socket_links()
    try:
        async with trio.open_nursery() as nursery:
            readiness = Readiness()
            nursery.start_soon(readiness.run)
            connection = Connection(near, readiness)
            readiness.add(connection, nursery)
            yield connection, far.socket, nursery
            nursery.cancel_scope.cancel()
    finally:
        near.close()
        far.close()


async def test_who_waits_reads_and_gives_the_reading_back() -> None:
    async with connected() as (connection, far, nursery):
        there = trio.Event()

        async def wait() -> None:
            assert await connection.until(lambda: connection.has(2))
            there.set()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert connection.flushes == 1
        far.send(b"a")
        await trio.testing.wait_all_tasks_blocked()
        assert not there.is_set()
        far.send(b"bc")
        await there.wait()
        assert connection.read[:2] == [b"a", b"b"]
        await trio.testing.wait_all_tasks_blocked()
        assert connection.read == [b"a", b"b", b"c"]  # by the task that reads as a rule


async def test_what_is_there_is_not_waited_for() -> None:
    async with connected() as (connection, _, _):
        assert await connection.until(lambda: True)


async def test_one_task_at_a_time() -> None:
    async with connected() as (connection, far, nursery):
        nursery.start_soon(connection.until, lambda: connection.has(1))
        await trio.testing.wait_all_tasks_blocked()
        assert not await connection.until(lambda: False)
        far.send(b"a")
        await trio.testing.wait_all_tasks_blocked()
        assert await connection.until(lambda: True)


async def test_a_connection_beside_others_is_left_to_the_readiness() -> None:
    async with connected() as (connection, _, nursery):
        near, far = socket_links()
        other = Connection(near, connection.readiness)
        connection.readiness.add(other, nursery)
        assert not await connection.until(lambda: False)
        connection.readiness.remove(other)
        near.close()
        far.close()


@pytest.mark.parametrize("what", ["is_lost", "is_over"])
async def test_a_connection_that_has_ended_is_not_read(what: str) -> None:
    async with connected() as (connection, _, _):
        setattr(connection, what, True)
        assert not await connection.until(lambda: False)


async def test_a_stream_has_a_task_that_reads() -> None:
    near, far = memory_links()
    assert not await Connection(near, Readiness()).until(lambda: False)
    assert isinstance(near, type(far))


async def test_the_end_of_the_connection_ends_the_wait() -> None:
    async with connected() as (connection, _, nursery):
        nursery.start_soon(connection.until, lambda: False)
        await trio.testing.wait_all_tasks_blocked()
        connection.is_over = True
        connection.readiness.remove(connection)
        connection.link.close()


async def test_a_cancelled_wait_gives_the_reading_back() -> None:
    async with connected() as (connection, far, _):
        with trio.move_on_after(0):
            await connection.until(lambda: False)
        far.send(b"a")
        await trio.testing.wait_all_tasks_blocked()
        assert connection.read == [b"a"]


async def test_a_row_of_polls_ends_in_a_checkpoint() -> None:
    async with connected() as (connection, far, _):
        connection.polling = Eager()
        for count in range(1, IN_A_ROW + 1):
            far.send(b"x")
            with trio.CancelScope() as scope:
                scope.cancel()
                assert await connection.until(lambda count=count: connection.has(count))  # type: ignore[misc]
        far.send(b"x")
        with trio.CancelScope() as scope:
            scope.cancel()
            await connection.until(lambda: connection.has(IN_A_ROW + 1))
        assert scope.cancelled_caught
        assert await connection.until(lambda: connection.has(IN_A_ROW + 1))


async def test_what_came_while_others_ran_is_not_waited_for() -> None:
    async with connected() as (connection, far, _):
        connection.polling = Eager()
        far.send(bytes(IN_A_ROW))
        assert await connection.until(lambda: connection.has(IN_A_ROW))
        connection.link.close()  # no step can be made any more
        assert await connection.until(lambda: True)
        connection.is_over = True
