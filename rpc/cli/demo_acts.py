"""The acts of ``rpc demo``: each calls the cafe in one way and shows what happens."""

from __future__ import annotations

import click
import trio

import rpc
from rpc.cli.demo_figures import HEADER, measure, row
from rpc.cli.demo_server import Server
from rpc.cli.demo_service import brew, greet, order, price, total, total_async
from rpc.cli.demo_stage import Stage
from rpc.cli.failure import ExitCode, Failure

__all__ = ["at_once", "calls", "deadline", "errors", "figures", "notifications", "stop"]

_CUPS, _BREWING = 50, 0.2
_IN_FLIGHT = 64


async def calls(stage: Stage, client: rpc.Client) -> None:
    stage.heading("Three ways to call")
    await stage.play(
        'await client.call("cafe.price", "tea", cups=3)',
        client.call("cafe.price", "tea", cups=3),
        remark="by name",
    )
    await stage.play(
        'await client.call(price, "tea", cups=3)',
        client.call(price, "tea", cups=3),
        remark="by the function: typed",
    )
    cafe = client.stub("cafe")
    await stage.play(
        'cafe = client.stub("cafe")\nawait cafe.price("tea", cups=3)', cafe.price("tea", cups=3), remark="by a stub"
    )


async def at_once(stage: Stage, client: rpc.Client) -> None:
    async def all_cups() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(_CUPS):
                nursery.start_soon(client.call, "cafe.brew", "coffee", _BREWING)

    stage.heading("Many at once, over one connection")
    code = f"""
async with trio.open_nursery() as nursery:
    for _ in range({_CUPS}):
        nursery.start_soon(client.call, "cafe.brew", "coffee", {_BREWING})"""
    await stage.play(code.strip(), all_cups(), told=f"{_CUPS} cups, each of which takes {_BREWING:g} s")


async def deadline(stage: Stage, client: rpc.Client) -> None:
    async def too_slow() -> str:
        with trio.fail_after(0.1):
            return await client.call(brew, "mocha", 60)

    stage.heading("A deadline is a cancel scope, and it travels")
    await stage.play('with trio.fail_after(0.1):\n    await client.call(brew, "mocha", 60)', too_slow())
    await stage.play(
        'await client.call("cafe.diary", lines=1)',
        client.call("cafe.diary", lines=1),
        remark="the handler was stopped too",
    )


async def errors(stage: Stage, client: rpc.Client) -> None:
    stage.heading("Errors say what is wrong, and only what the caller may know")
    await stage.play('await client.call("cafe.price", "tea", "3")', client.call("cafe.price", "tea", "3"))
    await stage.play('await client.call("cafe.prices")', client.call("cafe.prices"))
    await stage.play(
        'await client.call("cafe.price", "cola")', client.call("cafe.price", "cola"), remark="a KeyError in the handler"
    )
    await stage.play(
        'await client.call(order, "tea", 5)', client.call(order, "tea", 5), remark="declared: comes as itself"
    )


async def notifications(stage: Stage, client: rpc.Client, server: Server) -> None:
    stage.heading("Notifications: never answered")
    stage.code('await client.notify(greet, "Ada")', "on the connection, in order")
    await client.notify(greet, "Ada")
    await stage.play('await client.call("cafe.diary", lines=2)', client.call("cafe.diary", lines=2))
    code = f'async with rpc.notifier("{server.udp}") as notifier:\n    notifier.send(greet, "Grace")'
    stage.code(code, "one datagram, no await")
    async with rpc.notifier(server.udp) as notifier:
        notifier.send(greet, "Grace")
    await stage.play('await client.call("cafe.diary", lines=3)', client.call("cafe.diary", lines=3))


async def figures(stage: Stage, client: rpc.Client, seconds: float) -> None:
    stage.heading("What a call costs here")
    stage.note(f"cafe.total(1, 2) over the Unix socket, one connection, {seconds:g} s for each line:")
    click.secho(HEADER, dim=True)

    async def inline() -> None:
        await client.call(total, 1, 2)

    async def in_a_task() -> None:
        await client.call(total_async, 1, 2)

    for word, call in (("def", inline), ("async def", in_a_task)):
        for in_flight in (1, _IN_FLIGHT):
            measured = await measure(call, in_flight=in_flight, seconds=seconds)
            click.echo(row(f"{word}, {in_flight if in_flight > 1 else 'one'} at a time", measured))


async def stop(stage: Stage, server: Server) -> None:
    """End the server as an operator would.

    Raises:
        Failure: it did not end well.
    """
    stage.heading("SIGTERM drains the server")
    code = await server.stop()
    if code or server.path.exists():
        raise Failure(f"the server ended with {code}, or left {server.path} behind", ExitCode.FAILED)
    stage.result("exit code 0, and its socket file is gone")
