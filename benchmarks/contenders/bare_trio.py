"""A bare trio stream with length-prefixed CBOR: what a person would write in an hour, without calls, errors or limits.

All that one read brought is answered in one send. With many calls in flight the client does the same, in batches; the
second form has a task for each call, which waits for its own answer, as the callers of a library do.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import cbor2
import trio

from benchmarks.contender import Caller, Contender, Kind, Place
from benchmarks.runtimes.trio_loop import Trio

_CHUNK = 65536
_HEAD = 4
_BATCH = 64  # small items that a stream sends at once
_SEEN = {"notifications": 0}

Message = tuple[int, str, Any]


def encode(messages: Iterable[Message]) -> bytes:
    bodies = [cbor2.dumps(message) for message in messages]
    return b"".join([part for body in bodies for part in (len(body).to_bytes(_HEAD, "big"), body)])


class Reader:
    """Cuts a stream of bytes into messages, and keeps what is not yet whole."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._rest = b""

    async def read(self) -> Iterator[Message]:
        """The messages that the next read made whole, one at least.

        Raises:
            EOFError: the other side has closed.
        """
        parts = [self._rest]
        size = len(self._rest)
        needed = _HEAD
        while size < needed or (needed == _HEAD and (needed := self._needed(parts)) > size):
            data = await self._stream.receive_some(_CHUNK)
            if not data:
                raise EOFError
            parts.append(data)
            size += len(data)
        return self._cut(b"".join(parts))

    def _needed(self, parts: list[bytes]) -> int:
        parts[:] = [b"".join(parts)]
        return _HEAD + int.from_bytes(parts[0][:_HEAD], "big")

    def _cut(self, data: bytes) -> Iterator[Message]:
        messages: list[Message] = []
        start = 0
        while (body := start + _HEAD) <= len(data):
            end = body + int.from_bytes(data[start:body], "big")
            if end > len(data):
                break
            messages.append(cbor2.loads(data[body:end]))
            start = end
        self._rest = data[start:]
        return iter(messages)


# --- The server --------------------------------------------------------------------------------------------------


async def _serve(place: Place, ready: Callable[[], None]) -> None:
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(place.path)
    listener.listen(128)
    ready()
    await trio.serve_listeners(_answer_all, [trio.SocketListener(listener)])


async def _answer_all(stream: trio.SocketStream) -> None:
    messages = _Messages(Reader(stream))
    try:
        while True:
            if answers := [answer for message in await messages.batch() if (answer := _answer(message))]:
                await stream.send_all(encode(answers))
            if messages.stream:
                await _stream(stream, messages)
    except (EOFError, trio.BrokenResourceError):
        return


class _Messages:
    """What has been read, up to the next message that begins a stream."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._left: Iterator[Message] = iter(())
        self.stream: Message | None = None

    async def batch(self) -> list[Message]:
        self.stream = None
        batch = list(self._until_stream())
        while not batch and self.stream is None:
            self._left = await self._reader.read()
            batch = list(self._until_stream())
        return batch

    def _until_stream(self) -> Iterator[Message]:
        for message in self._left:
            if message[1] in ("give", "take"):
                self.stream = message
                return
            yield message

    async def next(self) -> Message:
        for message in self._left:
            return message
        self._left = await self._reader.read()
        return next(self._left)


def _answer(message: Message) -> Message | None:
    number, name, value = message
    if name == "add":
        return number, "", value[0] + value[1]
    if name == "upload":
        return number, "", len(value)
    if name == "download":
        return number, "", bytes(value)
    if name == "echo":
        return number, "", value
    if name == "seen":
        return number, "", _SEEN["notifications"]
    _SEEN["notifications"] += 1
    return None


async def _stream(stream: trio.SocketStream, messages: _Messages) -> None:
    assert messages.stream
    number, name, value = messages.stream
    if name == "give":
        await _send_items(stream, *value)
        return
    for _ in range(value):
        await messages.next()
    await stream.send_all(encode([(number, "", value)]))


async def _send_items(stream: trio.SocketStream, count: int, size: int) -> None:
    if size:
        block = bytes(size)
        for _ in range(count):
            await stream.send_all(encode([(0, "", block)]))
        return
    for start in range(0, count, _BATCH):
        await stream.send_all(encode((0, "", number) for number in range(start, min(start + _BATCH, count))))


# --- The client --------------------------------------------------------------------------------------------------


class _Caller(Caller):
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._reader = Reader(stream)

    async def add(self, a: int, b: int) -> int:
        return int(await self._ask("add", (a, b)))

    async def many(self, count: int, lasts: Callable[[], bool]) -> int:
        answered = 0
        in_flight = count
        await self._stream.send_all(encode([(1, "add", (1, 2))] * count))
        while in_flight:
            batch = list(await self._reader.read())
            assert all(value == 3 for _, _, value in batch)
            answered += len(batch)
            if lasts():
                await self._stream.send_all(encode([(1, "add", (1, 2))] * len(batch)))
            else:
                in_flight -= len(batch)
        return answered

    async def upload(self, data: bytes) -> int:
        return int(await self._ask("upload", data))

    async def download(self, size: int) -> int:
        return len(await self._ask("download", size))

    async def echo(self, records: Any) -> int:
        return len(await self._ask("echo", records))

    def give(self, count: int) -> AsyncIterator[object]:
        return self.give_blocks(count, 0)

    async def take(self, count: int) -> int:
        return await self.take_blocks(count, 0)

    async def give_blocks(self, count: int, size: int) -> AsyncIterator[object]:
        await self._stream.send_all(encode([(1, "give", (count, size))]))
        while count:
            for _, _, item in await self._reader.read():
                yield item
                count -= 1

    async def take_blocks(self, count: int, size: int) -> int:
        await self._stream.send_all(encode([(1, "take", count)]))
        await _send_items(self._stream, count, size)
        return int(next(await self._reader.read())[2])

    async def notify(self, value: float) -> None:
        await self._stream.send_all(encode([(0, "observe", ("fps", value))]))

    async def notified(self) -> int:
        return int(await self._ask("seen", 0))

    async def _ask(self, name: str, value: Any) -> Any:
        await self._stream.send_all(encode([(1, name, value)]))
        _, _, answer = next(await self._reader.read())
        return answer


class _TasksCaller(Caller):
    """Each call is a task that waits for its own answer; one task reads and wakes them, one writes what is queued."""

    shared = True

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._last = 0
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        self._answers: dict[int, Any] = {}
        self._queued: list[Message] = []
        self._to_write = trio.lowlevel.ParkingLot()

    async def add(self, a: int, b: int) -> int:
        self._last = number = self._last + 1
        self._queued.append((number, "add", (a, b)))
        self._to_write.unpark()
        self._waiting[number] = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(_never_given_up)
        return int(self._answers.pop(number))

    async def read(self) -> None:
        reader = Reader(self._stream)
        while True:
            for number, _, answer in await reader.read():
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


@asynccontextmanager
async def _plain(stream: trio.SocketStream) -> AsyncGenerator[Caller]:
    yield _Caller(stream)


@asynccontextmanager
async def _with_tasks(stream: trio.SocketStream) -> AsyncGenerator[Caller]:
    async with trio.open_nursery() as nursery:
        caller = _TasksCaller(stream)
        nursery.start_soon(caller.read)
        nursery.start_soon(caller.write)
        yield caller
        nursery.cancel_scope.cancel()


class BareTrio(Contender):
    kind = Kind.LIMIT
    runtime = Trio()

    def __init__(self, name: str, caller: Callable[[trio.SocketStream], Any]) -> None:
        self.name = name
        self._caller = caller

    def serve(self, place: Place, ready: Callable[[], None]) -> None:
        trio.run(_serve, place, ready)

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncGenerator[Caller]:
        async with await trio.open_unix_socket(place.path) as stream, self._caller(stream) as caller:
            yield caller


CONTENDERS = (
    BareTrio("bare trio + cbor2, in batches", _plain),
    BareTrio("bare trio + cbor2, a task for each call", _with_tasks),
)
