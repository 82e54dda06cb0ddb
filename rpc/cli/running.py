"""Running a command under trio, and connecting for one."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import click
import trio

import rpc
from rpc.cli.failure import ExitCode, Failure, failure_of
from rpc.cli.security import connect_options

__all__ = ["connected", "run", "within"]

T = TypeVar("T")

_PATIENCE = 10.0
"""Seconds for a connection that neither comes about nor fails, as to a host that drops what it is sent."""


def run(main: Callable[[], Awaitable[T]]) -> T:
    """`trio.run`, after which what went wrong is a `Failure` or a wrong usage.

    Raises:
        Failure: a call failed, or there was no connection.
        click.UsageError: an argument cannot travel, or the address takes no such thing.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        return trio.run(main)
    except rpc.Error as error:
        raise failure_of(error) from error
    except (rpc.EncodeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    except BaseExceptionGroup as group:
        # Ctrl-C may strike any task; those around it make groups of it.
        if group.subgroup(KeyboardInterrupt) is not None:
            raise KeyboardInterrupt from group
        raise


@asynccontextmanager
async def connected(address: rpc.Address, wait: float) -> AsyncGenerator[rpc.Client]:
    """`rpc.connect` with a bound on the time it takes, and with what the command's options say of TLS.

    Raises:
        rpc.Unavailable: there is no connection.
        click.UsageError: the options do not suit the address.
    """
    with trio.move_on_after(wait + _PATIENCE) as patience:
        async with rpc.connect(address, wait=wait, **connect_options(address)) as client:
            patience.deadline = math.inf  # the block has the time it needs
            yield client
    if patience.cancelled_caught:
        message = f"cannot connect to {address}: no answer within {wait + _PATIENCE:g} s"
        raise rpc.Unavailable(message, processed=rpc.Processed.NOT_PROCESSED)


@contextmanager
def within(seconds: float, what: str) -> Generator[None]:
    """`trio.fail_after` for a command.

    Raises:
        Failure: the time is over; `what` did not answer.
    """
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError as error:
        raise Failure(f"{what}: no answer within {seconds:g} s", ExitCode.DEADLINE) from error
