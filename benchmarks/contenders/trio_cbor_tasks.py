"""The bare trio and CBOR echo, called from many tasks: each call is a task that waits for its own answer.

That is what callers of a library do. One task reads and wakes them, one writes what they have queued, in batches;
the server is that of `benchmarks.contenders.trio_cbor`.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from benchmarks.contender import Turn, Turns
from benchmarks.contenders.trio_cbor import CHUNK, Frames, encode, serve_echo


@attrs.frozen
class TrioCborTasks:
    in_flight: int
    name: str

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        trio.run(serve_echo, path, ready)

    def drive(self, path: str, turns: Turns) -> None:
        trio.run(self._drive, path, turns)

    async def _drive(self, path: str, turns: Turns) -> None:
        async with await trio.open_unix_socket(path) as stream, trio.open_nursery() as background:
            calls = _Calls(stream)
            background.start_soon(calls.read)
            background.start_soon(calls.write)
            async for turn in turns:
                async with trio.open_nursery() as nursery:
                    for _ in range(self.in_flight):
                        nursery.start_soon(_call, calls, turn)
            background.cancel_scope.cancel()


async def _call(calls: _Calls, turn: Turn) -> None:
    while turn.lasts():
        assert await calls.call(1, 2) == [1, 2]
        turn.calls += 1


class _Calls:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._last = 0
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        self._answers: dict[int, object] = {}
        self._queued: list[list[object]] = []
        self._to_write = trio.lowlevel.ParkingLot()

    async def call(self, *arguments: object) -> object:
        self._last = number = self._last + 1
        self._queued.append([number, "calc.add", list(arguments)])
        self._to_write.unpark()
        self._waiting[number] = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(_never_given_up)
        return self._answers.pop(number)

    async def read(self) -> None:
        frames = Frames()
        while data := await self._stream.receive_some(CHUNK):
            for number, _, answer in frames.read(data):
                assert isinstance(number, int)
                self._answers[number] = answer
                trio.lowlevel.reschedule(self._waiting.pop(number))

    async def write(self) -> None:
        while True:
            if not self._queued:
                await self._to_write.park()
            queued, self._queued = self._queued, []
            await self._stream.send_all(encode(queued))


def _never_given_up(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
