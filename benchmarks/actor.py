"""What the two processes of a contender do: one serves, the other takes turns."""

from __future__ import annotations

import signal
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import cast

import attrs

from benchmarks.contender import Contender, NotOfferedError, Place
from benchmarks.processes import family, lead_group
from benchmarks.workload import Client, Round, Turn, Workload

__all__ = ["Answer", "Failed", "Order", "be_client", "be_server"]


@attrs.frozen
class Order:
    """What a client process is told to do."""

    workload: Workload
    seconds: float


@attrs.frozen
class Failed:
    """Why there is no outcome: the contender offers no such thing, or what went wrong."""

    reason: str
    offered: bool = True


Answer = Round | Failed


def be_server(contender: Contender, place: Place, ready: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that started us
    lead_group()
    contender.serve(place, ready.set)


def be_client(contender: Contender, place: Place, server_pid: int, control: Connection[Answer, Order | None]) -> None:
    """Take turns as `control` orders them, until it sends None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lead_group()
    contender.runtime.run(partial(_obey, Client(contender, place, server_pid), control))


async def _obey(client: Client, control: Connection[Answer, Order | None]) -> None:
    workload: Workload | None = None
    while True:
        # Between its turns a client serves its connection.
        await client.runtime.readable(control.fileno())
        order = control.recv()
        if order is None:
            return await client.forget()
        if order.workload != workload:
            await client.release()
            workload = order.workload
        control.send(await _take_turn(client, order))


async def _take_turn(client: Client, order: Order) -> Answer:
    turn = Turn(family(client.server_pid), order.seconds)
    try:
        await order.workload.work(client, turn)
    except NotOfferedError:
        return Failed("not offered", offered=False)
    except Exception as failure:
        answer = Failed(_told(failure))
        await _forget(client)
        return answer
    return turn.outcome()


async def _forget(client: Client) -> None:
    """A connection over which something went wrong is not used again, and may not even be closed in peace."""
    try:
        await client.forget()
    except Exception as failure:
        print(f"{client.contender.name}: {_told(failure)}", flush=True)


def _told(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return _told(cast("BaseExceptionGroup[BaseException]", failure).exceptions[0])
    lines = str(failure).splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0][:200]}"
