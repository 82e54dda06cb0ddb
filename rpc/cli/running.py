"""Running a command under trio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import click
import trio

import rpc
from rpc.cli.failure import ExitCode, Failure, failure_of

__all__ = ["run", "within"]

T = TypeVar("T")


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
