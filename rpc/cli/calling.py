"""Connecting for a command, without trio: importing it takes longer than most calls."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

import click

import rpc
from rpc import blocking
from rpc.cli.failure import ExitCode, Failure, failure_of
from rpc.cli.security import connect_options

__all__ = ["connected", "told"]

_PATIENCE = 10.0
"""Seconds for a connection that neither comes about nor fails, as to a host that drops what it is sent."""


@contextmanager
def told() -> Generator[None]:
    """Make of what goes wrong in the block a `Failure`, or a wrong usage.

    Raises:
        Failure: a call failed, its time was over, or there was no connection.
        click.UsageError: an argument cannot travel, or the address takes no such thing.
    """
    try:
        yield
    except rpc.Error as error:
        raise failure_of(error) from error
    except TimeoutError as error:
        raise Failure(str(error), ExitCode.DEADLINE) from error
    except (rpc.EncodeError, ValueError) as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def connected(address: rpc.Address, wait: float, timeout: float | None = None) -> Generator[blocking.Client]:
    """`rpc.blocking.connect` with a bound on the time it takes, and with what the command's options say of TLS.

    Args:
        address, wait: as there.
        timeout: seconds for each try to connect, if they are fewer than the bound; the block sets its own.

    Raises:
        Failure, click.UsageError: as `told`, for the block too.
    """
    options = connect_options(address)
    patience = _PATIENCE if timeout is None else min(timeout, _PATIENCE)
    with told(), blocking.connect(address, wait=wait, timeout=patience, **options) as client:
        yield client.with_options(timeout=math.inf)  # a block has the time it needs
