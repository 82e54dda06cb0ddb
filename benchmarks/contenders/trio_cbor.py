"""A bare trio stream with length-prefixed CBOR: what a person would write in an hour, without calls, errors or limits.

The server decodes each frame and sends it back encoded anew; all that one read brought is answered in one send. The
client does the same, so with many calls in flight both sides work in batches, and with one they plainly wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
import cbor2
import trio

from benchmarks.contender import Turn, Turns

CHUNK = 65536
_HEAD = 4


@attrs.frozen
class TrioCbor:
    in_flight: int
    name: str

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        trio.run(serve_echo, path, ready)

    def drive(self, path: str, turns: Turns) -> None:
        trio.run(self._drive, path, turns)

    async def _drive(self, path: str, turns: Turns) -> None:
        async with await trio.open_unix_socket(path) as stream:
            calls = _Calls()
            async for turn in turns:
                await self._take(turn, stream, calls)

    async def _take(self, turn: Turn, stream: trio.SocketStream, calls: _Calls) -> None:
        await stream.send_all(calls.next(self.in_flight))
        open_calls = self.in_flight
        while open_calls:
            answered = calls.answered(await stream.receive_some(CHUNK))
            turn.calls += answered
            if not answered:
                continue
            if turn.lasts():
                await stream.send_all(calls.next(answered))
            else:
                open_calls -= answered


class _Calls:
    """The client's side of the frames: numbered calls of ``calc.add`` with 1 and 2."""

    def __init__(self) -> None:
        self._last = 0
        self._frames = Frames()

    def next(self, count: int) -> bytes:
        first = self._last + 1
        self._last += count
        return encode([number, "calc.add", [1, 2]] for number in range(first, first + count))

    def answered(self, data: bytes) -> int:
        count = 0
        for _, _, arguments in self._frames.read(data):
            assert arguments == [1, 2]
            count += 1
        return count


async def serve_echo(path: str, ready: Callable[[], None]) -> None:
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(path)
    listener.listen()
    ready()
    await trio.serve_listeners(_echo, [trio.SocketListener(listener)])


async def _echo(stream: trio.SocketStream) -> None:
    frames = Frames()
    while data := await stream.receive_some(CHUNK):
        if answers := encode(frames.read(data)):
            await stream.send_all(answers)


def encode(messages: Iterable[list[object]]) -> bytes:
    bodies = [cbor2.dumps(message) for message in messages]
    return b"".join([part for body in bodies for part in (len(body).to_bytes(_HEAD, "big"), body)])


class Frames:
    """Cuts a stream of bytes into messages, and keeps what is not yet whole."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes) -> Iterator[list[object]]:
        data = self._rest + data
        start = 0
        while (body := start + _HEAD) <= len(data):
            end = body + int.from_bytes(data[start:body], "big")
            if end > len(data):
                break
            yield cbor2.loads(data[body:end])
            start = end
        self._rest = data[start:]
