"""The golden vectors against a whole server: what needs a service or a clock, and broken peers beside a good one."""

from __future__ import annotations

import trio
import trio.testing

from rpc.limits import Limits
from rpc.net.handlers import Handlers
from rpc.net.memory import memory_links
from rpc.server.serving import Serving
from rpc.service.service import Service
from rpc.service.table import Table
from tests.vector_files import Vector, each, load, needs, octets
from tests.vector_session import answer, expected

served = Service("test")


@served.method
def echo(value: object) -> object:
    return value


@served.notification
def observe(value: object = None) -> None:
    pass


HELLO, ECHO, ECHOED = (
    octets("00000007 d9d9f7 83 00 01 a0"),
    octets("00000013 87 01 01 00 69 746573742e6563686f f6 f6 42 81 05"),
    octets("00000006 84 03 01 00 41 05"),
)


class Server:
    """A server in memory, and raw streams to it."""

    def __init__(self, nursery: trio.Nursery, limits: Limits) -> None:
        self._nursery = nursery
        self._serving = Serving(Handlers(Table([served])), limits)
        nursery.start_soon(self._serving.readiness.run)

    def connect(self) -> trio.abc.Stream:
        left, right = memory_links()
        self._nursery.start_soon(self._serving.serve_link, right)
        return left.stream


async def answers(stream: trio.abc.Stream) -> list[bytes]:
    """The frames that come until nothing more does, without the HELLO."""
    data = b""
    with trio.move_on_after(0.5):
        while piece := await stream.receive_some():
            data += piece
    bodies: list[bytes] = []
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        bodies.append(data[4:size])
        data = data[size:]
    assert bodies[0].startswith(b"\xd9\xd9\xf7")
    return bodies[1:]


CALLS = load("malformed.json", "calls") + load("receivable.json", "conversations")
BROKEN = load("malformed.json", "connections")


@each(vector for vector in CALLS if needs("service", vector) or needs("timer", vector))
async def test_a_server_answers(vector: Vector, autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        stream = Server(nursery, Limits()).connect()
        for step in vector["steps"]:
            await stream.send_all(octets(step["hex"]))
        assert [answer(body) for body in await answers(stream)] == expected(vector["expect"])["answers"]
        nursery.cancel_scope.cancel()


def is_broken_by_one_frame(vector: Vector) -> bool:
    """Whether the connection breaks whatever the application does with the calls on it."""
    return vector["peer"] == "connector" and (len(vector["steps"]) <= 2 or needs("timer", vector))


@each(filter(is_broken_by_one_frame, BROKEN))
async def test_a_broken_peer_harms_nobody_else(vector: Vector, autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery, Limits(**vector.get("limits", {})))
        broken, good = server.connect(), server.connect()
        await good.send_all(HELLO)
        for step in vector["steps"]:
            await broken.send_all(octets(step["hex"]))
        last = answer((await answers(broken))[-1])
        assert last["type"] == "GOAWAY"
        reason = vector["expect"]["goaway"]
        assert last["reason"] in (reason if isinstance(reason, list) else [reason])
        await good.send_all(ECHO)
        assert await answers(good) == [ECHOED[4:]]
        nursery.cancel_scope.cancel()
