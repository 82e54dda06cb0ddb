"""``rpc demo``: a service in another process, called in every way, and measured."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import click

import rpc
from rpc.cli import demo_acts as acts
from rpc.cli import demo_service
from rpc.cli.demo_server import Server, open_server
from rpc.cli.demo_stage import Stage
from rpc.cli.running import run, within
from rpc.version import VERSION

__all__ = ["command"]

_TARGET = "rpc.cli.demo_service:cafe"
_LONGEST = 14.0
"""Seconds after which the demo gives up, whatever happens."""


@click.command("demo")
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 2),
    default=0.5,
    show_default=True,
    help="For each line of the table at the end.",
)
def command(seconds: float) -> None:
    """Show what this package does, in ten seconds.

    A service runs in another process; this one calls it in each way, prints what happens, and measures. Nothing stays
    behind.
    """
    run(lambda: _play(Stage(), seconds))


async def _play(stage: Stage, seconds: float) -> None:
    with within(_LONGEST, "the demo"):
        async with open_server(_TARGET) as server:
            _introduce(stage, server)
            async with rpc.connect(server.unix) as client:
                await acts.calls(stage, client)
                await acts.at_once(stage, client)
                await acts.deadline(stage, client)
                await acts.errors(stage, client)
                await acts.notifications(stage, client, server)
                await acts.figures(stage, client, seconds)
            await acts.stop(stage, server)
    _say_what_next(stage)


def _introduce(stage: Stage, server: Server) -> None:
    click.secho(f"triorpc {VERSION}: Python functions called from another process", bold=True)
    stage.note(f"The functions, in part; all of them are in {_short(demo_service.__file__)}:")
    for handle in (demo_service.price, demo_service.greet):
        click.echo()
        stage.code(inspect.getsource(handle.function).rstrip())
    click.echo()
    stage.note(f"This is process {os.getpid()}. It has started process {server.process.pid} to serve them,")
    stage.code(server.command)
    stage.note(f"which was ready after {server.startup:.2f} s.")


def _short(path: str) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _say_what_next(stage: Stage) -> None:
    stage.heading("Next, in two terminals")
    stage.code(f"rpc serve {_TARGET} --bind :9000")
    stage.code("rpc call :9000 cafe.price tea cups=3")
