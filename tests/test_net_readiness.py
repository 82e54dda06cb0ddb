from __future__ import annotations

import itertools
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from rpc.net import readiness as module
from rpc.net.background import open_background
from rpc.net.link import Link, SocketLink
from rpc.net.memory import memory_links
from rpc.net.polling import IN_A_ROW, Polling
from rpc.net.readiness import Readiness
from tests.raw_peer import socket_links


class Pumped:
    """What is read and flushed: it keeps what it read, and then does what a test has it do."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.polling = Polling()
        self.nursery: trio.Nursery
        self.is_quiet = False
        self.waits_for_peer = False
        self.is_amid = False
        self.read: list[bytes] = []
        self.flushes = 0
        self.on_pump: Callable[[], object] = lambda: None
        self.on_flush: Callable[[], object] = lambda: None

    def pump(self) -> bool:
        assert isinstance(self.link, SocketLink)
        try:
            self.read.append(self.link.receive_nowait(100))
        except BlockingIOError:
            return False
        self.on_pump()
        return True

    def pump_data(self, data: bytes | bytearray) -> None:
        self.read.append(bytes(data))
        self.on_pump()

    def flush(self) -> None:
        self.flushes += 1
        self.on_flush()


class Stage:
    """A running `Readiness`, and socket pairs of which it reads one end."""

    def __init__(self, nursery: trio.Nursery, *, is_of_clients: bool = False) -> None:
        self.nursery = nursery
        self.readiness = Readiness(is_of_clients=is_of_clients)
        self._links: list[SocketLink] = []

    def add(self) -> tuple[Pumped, socket.socket]:
        near, far = socket_links()
        self._links += [near, far]
        pumped = Pumped(near)
        pumped.nursery = self.nursery
        self.readiness.add(pumped, self.nursery)
        return pumped, far.socket

    def close(self) -> None:
        for link in self._links:
            link.close()


@asynccontextmanager
async def open_stage(*, is_of_clients: bool = False) -> AsyncGenerator[Stage]:
    async with open_background() as nursery:
        stage = Stage(nursery, is_of_clients=is_of_clients)
        nursery.start_soon(stage.readiness.run)
        try:
            yield stage
        finally:
            stage.close()


@pytest.fixture(params=["epoll", "a task for each"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "epoll":
        monkeypatch.setattr(module, "_HAS_EPOLL", False)


# --- Reading ---------------------------------------------------------------------------------------------------


async def test_what_arrives_is_read(kind: None) -> None:
    async with open_stage() as stage:
        connections = [stage.add() for _ in range(3)]
        for turn in range(2):
            for number, (_, far) in enumerate(connections):
                far.send(b"%d.%d" % (turn, number))
            await trio.testing.wait_all_tasks_blocked()
        assert [pumped.read for pumped, _ in connections] == [[b"0.0", b"1.0"], [b"0.1", b"1.1"], [b"0.2", b"1.2"]]


async def test_the_end_of_a_stream_is_read_once(kind: None) -> None:
    async with open_stage() as stage:
        pumped, far = stage.add()

        def end() -> None:
            stage.readiness.remove(pumped)
            pumped.link.close()

        pumped.on_pump = end
        far.close()
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == [b""]


async def test_a_connection_that_is_removed_is_read_no_more(kind: None) -> None:
    async with open_stage() as stage:
        pumped, _ = stage.add()
        await trio.testing.wait_all_tasks_blocked()
        stage.readiness.mark(pumped)
        stage.readiness.remove(pumped)
        stage.readiness.remove(pumped)
        pumped.link.close()
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == []
        assert pumped.flushes == 0


async def test_the_reading_is_left_to_who_asks_and_taken_back() -> None:
    async with open_stage() as stage:
        pumped, far = stage.add()
        assert stage.readiness.lend(pumped)
        other, far_of_other = stage.add()
        far.send(b"meanwhile")
        far_of_other.send(b"as ever")
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == []
        assert other.read == [b"as ever"]
        stage.readiness.take_back(pumped)
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == [b"meanwhile"]


async def test_the_reading_is_left_to_nobody_while_there_are_others_to_read() -> None:
    async with open_stage() as stage:
        one, _ = stage.add()
        two, _ = stage.add()
        assert not stage.readiness.lend(one)
        stage.readiness.remove(two)
        assert stage.readiness.lend(one)


# --- The connections of clients ------------------------------------------------------------------------------------


async def test_the_reading_is_left_to_a_client_while_fewer_than_two_others_wait() -> None:
    async with open_stage(is_of_clients=True) as stage:
        readiness = stage.readiness
        one, two, three, _ = [stage.add()[0] for _ in range(4)]
        assert [readiness.lend(each) for each in (one, two, three)] == [True, True, False]
        two.is_quiet = True
        assert readiness.lend(three)
        two.is_quiet = False
        assert not readiness.others_wait(three), "who has not called since does not wait"
        assert not readiness.lend(two)
        readiness.remove(one)
        assert readiness.lend(two)


async def test_others_that_wait_for_long_do_not_count() -> None:
    async with open_stage(is_of_clients=True) as stage:
        readiness = stage.readiness
        connections = [stage.add()[0] for _ in range(3)]
        one = connections[0]
        for each in connections:
            readiness.lend(each)
        readiness.heard(one)
        assert readiness.others_wait(one)
        for _ in range(20):
            readiness.heard(one)
        assert not readiness.others_wait(one)
        assert readiness.others_wait(connections[1])
        readiness.heard(connections[1])
        assert readiness.others_wait(one)
        readiness.remove(connections[1])
        assert not readiness.others_wait(one)


async def test_one_client_is_not_polled_while_others_wait() -> None:
    async with open_stage(is_of_clients=True) as stage:
        (one, peer), *others = [stage.add() for _ in range(3)]
        one.waits_for_peer = True
        one.polling = polling = Eager(looks=3)
        peer.send(b"first")
        await trio.testing.wait_all_tasks_blocked()
        assert polling.looks == 0
        for other, _ in others:
            stage.readiness.lend(other)
        one.polling = polling = Eager(looks=3)
        peer.send(b"second")
        await trio.testing.wait_all_tasks_blocked()
        assert (one.read, polling.looks) == ([b"first", b"second"], 3)


async def test_who_polls_for_one_client_stops_when_others_begin_to_wait() -> None:
    async with open_stage(is_of_clients=True) as stage:
        (one, peer), *others = [stage.add() for _ in range(3)]
        one.waits_for_peer = True
        one.polling = Eager(looks=10**6)

        def call() -> None:
            peer.send(b"next")  # without end
            for other, _ in others:
                stage.readiness.lend(other)

        one.on_pump = call
        peer.send(b"first")
        with trio.fail_after(10):
            while len(one.read) < 5:
                await trio.lowlevel.checkpoint()
        assert one.polling.looks == 10**6


# --- What is no failure of this library ----------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["pump", "flush"])
async def test_what_a_connection_raises_is_raised_where_it_belongs(step: str, nursery: trio.Nursery) -> None:
    async def owner(pumped: Pumped, task_status: trio.TaskStatus[None]) -> None:
        with pytest.RaisesGroup(KeyboardInterrupt):
            async with trio.open_nursery() as its:
                pumped.nursery = its
                task_status.started()
                await trio.sleep_forever()
        failed.set()

    def interrupt() -> None:
        raise KeyboardInterrupt

    failed = trio.Event()
    async with open_stage() as stage:
        (one, peer), (two, peer_of_two) = [stage.add() for _ in range(2)]
        one.on_pump = one.on_flush = interrupt
        await nursery.start(owner, one)
        if step == "pump":
            peer.send(b"a")
            peer_of_two.send(b"b")
        else:
            stage.readiness.mark(one)
            stage.readiness.mark(two)
        await failed.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert (two.read, two.flushes) == (([b"b"], 0) if step == "pump" else ([], 1))


async def test_the_reading_cannot_be_had_where_a_task_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAS_EPOLL", False)
    async with open_stage() as stage:
        pumped, _ = stage.add()
        assert not stage.readiness.lend(pumped)


async def test_a_descriptor_that_is_closed_in_the_batch_is_passed_over() -> None:
    async with open_stage() as stage:
        one, far_of_one = stage.add()
        two, far_of_two = stage.add()

        def close_other(other: Pumped) -> None:
            stage.readiness.remove(other)
            other.link.close()

        one.on_pump = lambda: close_other(two)
        two.on_pump = lambda: close_other(one)
        far_of_one.send(b"x")
        far_of_two.send(b"x")
        await trio.testing.wait_all_tasks_blocked()
        assert sorted([one.read, two.read]) == [[], [b"x"]]


async def test_a_descriptor_that_is_reused_in_the_batch_finds_nothing() -> None:
    async with open_stage() as stage:
        connections = [stage.add() for _ in range(2)]
        added: list[tuple[Pumped, socket.socket]] = []
        numbers = [pumped.link.socket.fileno() for pumped, _ in connections if isinstance(pumped.link, SocketLink)]

        def replace(other: Pumped) -> None:
            if not added:
                stage.readiness.remove(other)
                other.link.close()
                added.append(stage.add())

        for (pumped, _), (other, _) in itertools.permutations(connections, 2):
            pumped.on_pump = partial(replace, other)
        for _, far in connections:
            far.send(b"x")
        await trio.testing.wait_all_tasks_blocked()
        [(newcomer, far)] = added
        assert isinstance(newcomer.link, SocketLink)
        assert newcomer.link.socket.fileno() in numbers
        assert newcomer.read == []
        far.send(b"for the newcomer")
        await trio.testing.wait_all_tasks_blocked()
        assert newcomer.read == [b"for the newcomer"]


async def test_many_that_are_ready_leave_others_their_turn() -> None:
    async with open_stage() as stage:
        connections = [stage.add() for _ in range(150)]
        seen: set[int] = set()
        for _, far in connections:
            far.send(b"x")
        while 150 not in seen:
            await trio.lowlevel.checkpoint()
            seen.add(sum(len(pumped.read) for pumped, _ in connections))
        assert seen - {0, 150} <= {64, 128}
        assert seen - {0, 150}


async def test_streams_have_a_task_each() -> None:
    async with open_stage() as stage:
        near, far = memory_links()
        pumped = Pumped(near)
        stage.readiness.add(pumped, stage.nursery)
        assert not stage.readiness.lend(pumped)
        await far.send_some([b"one"])
        await trio.testing.wait_all_tasks_blocked()
        await far.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == [b"one", b""]
        stage.readiness.remove(pumped)


async def test_a_broken_stream_is_at_its_end() -> None:
    async with open_stage() as stage:
        near, _ = memory_links()
        pumped = Pumped(near)
        stage.readiness.add(pumped, stage.nursery)
        await trio.testing.wait_all_tasks_blocked()
        await near.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == [b""]


async def test_a_socket_that_is_closed_while_its_task_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAS_EPOLL", False)
    async with open_stage() as stage:
        waiting, _ = stage.add()
        await trio.testing.wait_all_tasks_blocked()
        waiting.link.close()
        at_once, _ = stage.add()
        at_once.link.close()
        await trio.testing.wait_all_tasks_blocked()
        assert waiting.read == at_once.read == []


async def test_who_comes_after_the_end_is_told_nothing_and_breaks_nothing(kind: None) -> None:
    async with open_stage() as stage:
        pumped, _ = stage.add()
        stage.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
        assert not stage.readiness.lend(pumped)
        stage.readiness.take_back(pumped)
        stage.readiness.mark(pumped)
        stage.readiness.remove(pumped)
    assert pumped.flushes == 0


# --- Writing ---------------------------------------------------------------------------------------------------


async def test_what_is_marked_in_one_pass_is_flushed_once_in_the_next() -> None:
    async with open_stage() as stage:
        one, _ = stage.add()
        two, _ = stage.add()
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            stage.readiness.mark(one)
        stage.readiness.mark(two)
        assert (one.flushes, two.flushes) == (0, 0)
        await trio.testing.wait_all_tasks_blocked()
        assert (one.flushes, two.flushes) == (1, 1)
        stage.readiness.mark(one)
        await trio.testing.wait_all_tasks_blocked()
        assert (one.flushes, two.flushes) == (2, 1)


async def test_what_is_marked_before_the_flusher_runs_is_flushed() -> None:
    async with open_background() as nursery:
        readiness = Readiness()
        near, far = memory_links()
        pumped = Pumped(near)
        readiness.mark(pumped)
        nursery.start_soon(readiness.run)
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.flushes == 1
        await far.aclose()


async def test_a_flush_that_has_more_leaves_others_their_turn() -> None:
    async with open_stage() as stage:
        busy, _ = stage.add()

        def mark_again() -> None:
            if busy.flushes < 20:
                stage.readiness.mark(busy)

        busy.on_flush = mark_again
        stage.readiness.mark(busy)
        turns = 0
        while busy.flushes < 20:
            await trio.lowlevel.checkpoint()
            turns += 1
        assert turns > 10


async def test_one_that_is_removed_by_the_flush_of_another() -> None:
    async with open_stage() as stage:
        one, _ = stage.add()
        two, _ = stage.add()
        one.on_flush = lambda: stage.readiness.remove(one)
        stage.readiness.mark(one)
        stage.readiness.mark(two)
        await trio.testing.wait_all_tasks_blocked()
        assert (one.flushes, two.flushes) == (1, 1)


# --- Polling -------------------------------------------------------------------------------------------------------


class Eager(Polling):
    """Polls each time, for so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self.arrivals = 0

    def starts(self) -> bool:
        return True

    def goes_on(self) -> bool:
        self.looks -= 1
        return self.looks > 0

    def arrived(self) -> None:
        self.arrivals += 1


async def test_a_lone_peer_is_polled_while_it_is_quiet() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        pumped.is_quiet = True
        pumped.polling = polling = Eager(looks=3)
        left = iter(range(2 * IN_A_ROW))
        pumped.on_pump = lambda: peer.send(b"next") if next(left, None) is not None else None
        peer.send(b"first")
        with trio.fail_after(10):
            while polling.looks:
                await trio.lowlevel.checkpoint()
        assert pumped.read == [b"first", *[b"next"] * (2 * IN_A_ROW)]
        assert polling.arrivals == len(pumped.read)


async def test_what_is_to_be_flushed_leaves_before_a_peer_is_polled() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        pumped.is_quiet = True
        pumped.polling = polling = Eager(looks=3)
        pumped.on_pump = lambda: stage.readiness.mark(pumped)
        looks: list[int] = []
        pumped.on_flush = lambda: looks.append(polling.looks)
        peer.send(b"first")
        with trio.fail_after(10):
            while polling.looks:
                await trio.lowlevel.checkpoint()
        assert looks == [3]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_handler_has_its_turn_before_a_peer_is_polled(waits: bool) -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        pumped.polling = polling = Eager(looks=3)

        async def handle() -> None:
            if waits:
                await trio.sleep_forever()
            pumped.is_quiet = True

        pumped.on_pump = lambda: stage.nursery.start_soon(handle)
        peer.send(b"first")
        await trio.testing.wait_all_tasks_blocked()
        assert polling.looks == (3 if waits else 0)
        stage.nursery.cancel_scope.cancel()


async def test_what_comes_while_callers_have_their_turns_is_read_at_once() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        pumped.waits_for_peer = True
        pumped.polling = polling = Eager(looks=3)
        left = iter(range(5))
        pumped.on_pump = lambda: peer.send(b"next") if next(left, None) is not None else None
        peer.send(b"first")
        await trio.testing.wait_all_tasks_blocked()
        assert pumped.read == [b"first", *[b"next"] * 5]
        assert polling.arrivals == 6
        assert polling.looks == 0


async def test_who_polls_for_one_looks_at_the_others_now_and_then() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        other, other_peer = stage.add()
        pumped.is_quiet = True
        pumped.polling = Eager(looks=10**6)
        pumped.on_pump = lambda: peer.send(b"next")  # without end
        peer.send(b"first")
        with trio.fail_after(10):
            while len(pumped.read) < IN_A_ROW:
                await trio.lowlevel.checkpoint()
            other_peer.send(b"other")
            while not other.read:
                await trio.lowlevel.checkpoint()
        assert len(pumped.read) < 5 * IN_A_ROW


async def test_all_clients_of_one_loop_read_into_one_space() -> None:
    spaces = [Readiness().space for _ in range(3)]
    assert all(space is spaces[0] for space in spaces)
    elsewhere = await trio.to_thread.run_sync(trio.run, space_of_another_run)
    assert elsewhere is not spaces[0]


async def space_of_another_run() -> memoryview:
    await trio.lowlevel.checkpoint()
    return Readiness().space


async def test_a_large_frame_is_read_on_while_nobody_else_waits() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        pumped.is_amid = True
        for count in (5, 20):
            pumped.read.clear()
            peer.send(bytes(100 * count))
            stage.readiness.read_on(pumped)
            assert len(pumped.read) == min(count, 7)
        other, _ = stage.add()
        stage.readiness.read_on(pumped)
        assert (len(pumped.read), other.read) == (7, [])


async def test_what_is_whole_is_not_read_on() -> None:
    async with open_stage() as stage:
        pumped, peer = stage.add()
        peer.send(b"next")
        stage.readiness.read_on(pumped)
        assert pumped.read == []
