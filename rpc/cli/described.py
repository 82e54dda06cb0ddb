"""What a server tells of its services, asked for by a command."""

from __future__ import annotations

from typing import Any

import rpc
from rpc.cli.calling import connected
from rpc.cli.failure import ExitCode, Failure
from rpc.service.convert import Misfit
from rpc.service.description import Description
from rpc.service.msgspec_converter import MsgspecConverter

__all__ = ["ask"]


def ask(address: rpc.Address, wait: float, timeout: float, name: str | None = None) -> Description:
    """Ask a server to describe itself, or one method or service, with so many seconds for the answer.

    Raises:
        Failure: it does not, there is nothing of that name, or there is no connection.
    """
    try:
        with connected(address, wait, timeout) as client:
            told = client.with_options(timeout=timeout).call("rpc.describe", name)
            return _converted(told)
    except Failure as failure:
        if isinstance(failure.__cause__, rpc.Unimplemented):
            raise Failure(
                f"{address} does not describe itself: a server does so for callers on its own host, unless it was "
                "started with --no-describe, and for others where it was started with --describe",
                ExitCode.MISCALLED,
            ) from failure
        if isinstance(failure.__cause__, rpc.NotFound):
            raise Failure(failure.__cause__.message, ExitCode.MISCALLED) from failure
        raise


def _converted(told: Any) -> Description:
    """What a server has told, as what `rpc.server.builtin` describes with; importing that would import a server."""
    try:
        description: Description = MsgspecConverter().reader(Description)(told)
    except Misfit as misfit:
        message = f"rpc.describe: the result {misfit}"
        raise rpc.Internal(message, processed=rpc.Processed.DO_NOT_RETRY) from misfit.__cause__
    return description
