"""Peers that want to do harm: what they cost is bounded, they are cut with a reason, and others are served.

Each is a raw peer on one end of a socket pair, beside a client of the same server that must notice nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import pytest
import trio
import trio.lowlevel
import trio.testing

import rpc
from rpc.errors import Code, Processed, Reason
from rpc.limits import Limits
from rpc.net.background import open_background
from rpc.server.serving import Serving
from rpc.service.service import Service
from rpc.wire import frames
from rpc.wire.frames import SENDS, TAKES, Fields
from rpc.wire.framing import prefix
from tests.raw_peer import HELLO, RawPeer, call, client_of, data, error_of, greeting, handlers_of, notify, socket_links

Clock = trio.testing.MockClock

UNKNOWN = prefix(3) + b"\x81\x18\x20"
"""A frame of type 32: ignored, says the protocol."""

MIB = 1_048_576


@attrs.define
class Target:
    """A server, and what its handlers do."""

    service: Service = attrs.field(factory=lambda: Service("target"))
    running: int = 0
    most_running: int = 0
    begun: int = 0
    notes: int = 0

    def __attrs_post_init__(self) -> None:
        service = self.service

        @service.method
        def add(a: int, b: int) -> int:
            return a + b

        @service.method
        async def wait() -> None:
            self.begun += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            try:
                await trio.sleep_forever()
            finally:
                self.running -= 1

        @service.method
        async def pour(count: int, size: int) -> AsyncIterator[bytes]:
            for _ in range(count):
                yield bytes(size)

        @service.method
        async def swallow(items: AsyncIterator[bytes]) -> int:
            await trio.sleep_forever()

        @service.method
        def give(size: int) -> bytes:
            return bytes(size)

        @service.method
        async def hold(blob: bytes) -> int:
            await trio.sleep_forever()

        @service.notification
        def note(number: int) -> None:
            self.notes += 1


class Siege:
    """A server, the peers that attack it, and a client that is served meanwhile."""

    def __init__(
        self, target: Target, serving: Serving, client: rpc.Client, nursery: trio.Nursery, undo: AsyncExitStack
    ) -> None:
        self.target = target
        self.serving = serving
        self.client = client
        self.nursery = nursery
        self._undo = undo

    async def attacker(self, hello: bytes = HELLO, buffer: int | None = None) -> RawPeer:
        near, far = socket_links(buffer)
        peer = RawPeer(near)
        self._undo.callback(peer.close)
        self.nursery.start_soon(self.serving.serve_link, far)
        await peer.greet(hello)
        return peer

    @property
    def held(self) -> int:
        """Bytes that the server says it holds."""
        return self.serving.budget.bytes


@asynccontextmanager
async def besieged(limits: Limits | None = None) -> AsyncIterator[Siege]:
    target = Target()
    serving = Serving(handlers_of(target.service), limits or Limits())
    async with open_background() as nursery, AsyncExitStack() as undo:
        nursery.start_soon(serving.readiness.run)
        near, far = socket_links()
        nursery.start_soon(serving.serve_link, far)
        client = await undo.enter_async_context(client_of(near))
        yield Siege(target, serving, client, nursery, undo)
        assert await client.call("target.add", 1, 2) == 3, "others are served to the end"
        await undo.aclose()
        for _ in range(100):
            await trio.sleep(0 if not serving.connections else 0.05)
        assert not serving.connections
        assert serving.budget.calls == serving.budget.bytes == target.running == 0, "nothing is kept"


def goaway_of(heard: list[Fields]) -> tuple[int, str]:
    """The reason and the text of the GOAWAY that ended a connection."""
    assert heard[-1][0] == frames.GOAWAY, heard[-1]
    return heard[-1][2], heard[-1][3]


# --- Opened and cancelled ------------------------------------------------------------------------------------------


async def test_calls_that_are_opened_and_cancelled_without_end(autojump_clock: Clock) -> None:
    """Each is cancelled when its handler runs: never more of them than there are slots."""
    async with besieged() as siege:
        peer = await siege.attacker()
        ids = itertools.count(1, 2)
        for _ in range(5000 // 200):
            batch = [next(ids) for _ in range(200)]
            await peer.say(*(call(id, "target.wait") for id in batch))
            await trio.testing.wait_all_tasks_blocked()
            await peer.say(*(frames.cancel(id) for id in batch))
            heard = [error_of(await peer.hear()) for _ in batch]
            refused = [error for error in heard if error.code == Code.RESOURCE_EXHAUSTED]
            assert len(refused) == 72
            assert {error.processed for error in refused} == {Processed.NOT_PROCESSED}
        assert siege.target.begun == 25 * 128
        assert siege.target.most_running == 128
        assert siege.serving.budget.refused == {"max_calls": 25 * 72}


async def test_calls_that_are_cancelled_in_the_same_breath(autojump_clock: Clock) -> None:
    """No handler begins, and the peer is cut before it has made 600 of them."""
    async with besieged() as siege:
        peer = await siege.attacker()
        await peer.say(*(call(id, "target.wait") + frames.cancel(id) for id in range(1, 101, 2)))
        for _ in range(50):
            assert error_of(await peer.hear()).processed is Processed.NOT_PROCESSED
        for start in range(101, 1101, 100):
            await peer.say(*(call(id, "target.wait") + frames.cancel(id) for id in range(start, start + 100, 2)))
            await trio.testing.wait_all_tasks_blocked()
        reason, text = goaway_of(await peer.hear_all())
        assert (reason, text) == (Reason.TOO_MANY, "too many calls are cancelled as soon as they are made")
        assert siege.target.begun == 0


async def test_who_changes_its_mind_now_and_then_is_served(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker()
        for start in range(1, 4001, 200):
            ids = list(range(start, start + 200, 2))
            await peer.say(*(call(id, "target.wait") + (frames.cancel(id) if id % 10 == 1 else b"") for id in ids))
            await trio.testing.wait_all_tasks_blocked()
            await peer.say(*(frames.cancel(id) for id in ids if id % 10 != 1))
            assert {error_of(await peer.hear()).code for _ in ids} == {Code.CANCELLED}


# --- Floods --------------------------------------------------------------------------------------------------------


async def test_pings_without_end(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker()
        await peer.say(*(frames.ping(token) for token in range(1000)))
        heard = await peer.hear_all()
        assert goaway_of(heard) == (Reason.TOO_MANY, "too many pings")
        assert len(heard) <= 34


async def test_frames_of_unknown_types_without_end(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker()
        await peer.say(UNKNOWN * 2000)
        reason, text = goaway_of(await peer.hear_all())
        assert (reason, text) == (Reason.TOO_MANY, "too many frames of types that are not known here")


async def test_frames_of_unknown_types_beside_others_are_ignored(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker()
        for start in range(1, 6001, 200):
            ids = range(start, start + 200, 2)
            await peer.say(*(UNKNOWN + call(id, "target.add", 1, id) for id in ids))
            assert [(await peer.hear())[0] for _ in ids] == [frames.REPLY] * 100


async def test_notifications_without_end_leave_others_their_turn() -> None:
    """A lone call beside a flood waits for some turns of 10 ms, and not for a quarter of a MiB of notifications."""
    async with besieged() as siege, trio.open_nursery() as nursery:
        peer = await siege.attacker()
        client = siege.client

        async def flood() -> None:
            batch = notify("target.note", number=1) * 4000
            while True:
                await peer.say(batch)

        nursery.start_soon(flood)
        while siege.target.notes < 20_000:
            await trio.lowlevel.checkpoint()
        waited: list[float] = []
        for _ in range(20):
            before = siege.target.notes
            assert await client.call("target.add", 1, 2) == 3
            waited.append(siege.target.notes - before)
        nursery.cancel_scope.cancel()
    # In notifications that were run meanwhile, not in time, of which others may take some: 256 KiB hold 8000.
    assert sorted(waited)[10] < 6000


async def test_payloads_that_cannot_be_decoded_cost_their_call_alone(autojump_clock: Clock) -> None:
    bad = [
        b"\xff",
        b"\x9f",
        b"\x81" * 65,
        b"\x1c",
        b"\xd8\x1e\x82\x01\x02",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\x80",
    ]
    async with besieged() as siege:
        peer = await siege.attacker()
        payloads = itertools.cycle(bad)
        for start in range(1, 10_001, 100):
            ids = range(start, start + 100, 2)
            await peer.say(*(call(id, "target.add", payload=next(payloads)) for id in ids))
            errors = [error_of(await peer.hear()) for _ in ids]
            assert {(error.code, error.processed) for error in errors} == {
                (Code.INVALID_ARGUMENT, Processed.NOT_PROCESSED)
            }
        assert siege.serving.handlers.counts.refused == 5000


async def test_calls_over_the_limit_whose_answers_nobody_reads(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker(buffer=4096)
        with pytest.raises(trio.BrokenResourceError):
            for start in itertools.count(1, 2000):
                await peer.say(*(call(id, "target.wait") for id in range(start, start + 2000, 2)))
        assert siege.held < 4 * MIB


# --- Slow readers --------------------------------------------------------------------------------------------------


async def test_a_reader_that_never_reads_is_kept_little_for_and_cut(autojump_clock: Clock) -> None:
    """It asks for 100 MiB in one stream, with credit for all of it."""
    async with besieged() as siege:
        peer = await siege.attacker(greeting(window=2**40))
        tracemalloc.start()
        start = trio.current_time()
        await peer.say(call(1, "target.pour", 1600, 65_536, flags=TAKES))
        await trio.testing.wait_all_tasks_blocked()
        assert MIB < siege.held < 1.2 * MIB
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
        tracemalloc.stop()
        await trio.sleep(2)
        await peer.say(call(3, "target.add", 1, 2))
        await trio.testing.wait_all_tasks_blocked()
        assert siege.serving.budget.refused == {"max_unread": 1}
        await trio.sleep(start + 11 - trio.current_time())
        assert len(siege.serving.connections) == 1


async def test_a_reader_that_takes_a_little_now_and_then_is_cut_too(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker(greeting(window=2**40), buffer=4096)
        await peer.say(call(1, "target.pour", 1600, 65_536, flags=TAKES))
        start = trio.current_time()
        while len(siege.serving.connections) > 1 and trio.current_time() < start + 60:
            with contextlib.suppress(BlockingIOError):
                peer.socket.recv(1000)
            await trio.sleep(1)
        assert 9 < trio.current_time() - start < 13


async def test_a_reader_that_is_slow_but_honest_gets_everything(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker(greeting(window=2**40), buffer=4096)
        await peer.say(call(1, "target.pour", 32, 65_536, flags=TAKES))
        received = 0
        while received < 2 * MIB:
            await trio.sleep(5)
            for _ in range(64):
                await trio.lowlevel.checkpoint()
                try:
                    received += len(peer.socket.recv(4096))
                except BlockingIOError:
                    await trio.testing.wait_all_tasks_blocked()
        assert len(siege.serving.connections) == 2


async def test_results_that_nobody_reads_are_bounded(autojump_clock: Clock) -> None:
    async with besieged(Limits(max_bytes_in_flight=16 * MIB, max_message=MIB)) as siege:
        peer = await siege.attacker()
        await peer.say(*(call(id, "target.give", 200_000) for id in range(1, 201, 2)))
        await trio.testing.wait_all_tasks_blocked()
        assert siege.held < 4 * MIB + 200_000
        assert siege.serving.budget.refused["max_bytes_in_flight"] >= 75


async def test_arguments_of_handlers_that_run_are_bounded(autojump_clock: Clock) -> None:
    async with besieged(Limits(max_bytes_in_flight=16 * MIB, max_message=MIB)) as siege:
        peer = await siege.attacker()
        await peer.say(*(call(id, "target.hold", bytes(100_000)) for id in range(1, 101, 2)))
        await trio.testing.wait_all_tasks_blocked()
        assert siege.held < 4 * MIB + 262_144
        assert siege.serving.budget.refused["max_bytes_in_flight"] >= 5


# --- Slow and endless writers --------------------------------------------------------------------------------------


async def test_a_byte_each_ten_seconds(autojump_clock: Clock) -> None:
    async with besieged(Limits(max_greeting=100)) as siege:
        peers = [await siege.attacker() for _ in range(50)]
        start = trio.current_time()
        frame = call(1, "target.add", 1, 2)
        for byte in frame[:4]:
            for peer in peers:
                peer.socket.send(bytes((byte,)))
            await trio.sleep(9)
        assert trio.current_time() - start < 40
        for peer in peers:
            assert goaway_of(await peer.hear_all()) == (Reason.TOO_SLOW, "a frame was not whole within 30 s")
        await trio.sleep(1)
        assert len(siege.serving.connections) == 1


async def test_items_that_nobody_takes_and_nobody_gave_credit_for(autojump_clock: Clock) -> None:
    async with besieged() as siege:
        peer = await siege.attacker()
        await peer.say(call(1, "target.swallow", flags=SENDS))
        for _ in range(6):
            await peer.say(data(1, b"\x59\xff\x00" + bytes(0xFF00)))
            await trio.testing.wait_all_tasks_blocked()
            assert siege.held < MIB
        assert goaway_of(await peer.hear_all()) == (Reason.CREDIT, "an item was started without credit")


async def test_giant_items_in_many_streams_are_bounded(autojump_clock: Clock) -> None:
    """Each item alone would be allowed; all together are a quarter of the budget at most."""
    async with besieged(Limits(max_bytes_in_flight=8 * MIB, max_message=MIB)) as siege:
        peer = await siege.attacker()
        ids = range(1, 17, 2)
        await peer.say(*(call(id, "target.swallow", flags=SENDS) for id in ids))
        for _ in range(10):
            await peer.say(*(data(id, bytes(65_000), frames.MORE) for id in ids))
            await trio.testing.wait_all_tasks_blocked()
            assert siege.held <= 2 * MIB + 8 * 65_000
        assert siege.serving.budget.refused["max_bytes_in_flight"] >= 4


async def test_calls_in_pieces_on_many_connections_are_bounded_together(autojump_clock: Clock) -> None:
    async with besieged(Limits(max_bytes_in_flight=4 * MIB, max_message=MIB)) as siege:
        peers = [await siege.attacker() for _ in range(10)]
        for peer in peers:
            await peer.say(*(call(id, "target.hold", payload=bytes(65_000), flags=frames.MORE) for id in (1, 3)))
        for _ in range(10):
            for peer in peers:
                await peer.say(*(data(id, bytes(65_000), frames.MORE) for id in (1, 3)))
            await trio.testing.wait_all_tasks_blocked()
            assert siege.held <= 4 * MIB + 20 * 65_000
        assert siege.serving.budget.refused["max_bytes_in_flight"] > 0


# --- Connections ---------------------------------------------------------------------------------------------------


async def test_floods_of_connections_leave_no_descriptor_behind() -> None:
    async with besieged() as siege:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(300):
            near, far = socket_links()
            siege.nursery.start_soon(siege.serving.serve_link, far)
            near.socket.send(HELLO[:7])
            near.close()
        await trio.testing.wait_all_tasks_blocked()
        assert len(os.listdir("/proc/self/fd")) == before
