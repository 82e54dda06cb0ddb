"""What went wrong, as an exit code and one line on stderr."""

from __future__ import annotations

import enum
import traceback
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from rpc.cli.output import render, visible
from rpc.errors import Code, Error, Processed

__all__ = ["ExitCode", "Failure", "crash_of", "failure_of", "report"]


class ExitCode(enum.IntEnum):
    """How a command ended, for scripts; a part of the interface, told by ``rpc --help``."""

    OK = 0
    FAILED = 1
    """The call failed: the handler raised, or a connection was lost halfway."""
    USAGE = 2
    NO_CONNECTION = 3
    """Nothing ran: no connection, or an address that cannot be bound."""
    DEADLINE = 4
    MISCALLED = 5
    """No such method, or arguments that do not fit it."""
    INTERRUPTED = 130
    """As a shell tells of Ctrl-C: 128 + SIGINT."""


_EXIT_CODES = {
    Code.UNIMPLEMENTED: ExitCode.MISCALLED,
    Code.INVALID_ARGUMENT: ExitCode.MISCALLED,
    Code.DEADLINE_EXCEEDED: ExitCode.DEADLINE,
}


class Failure(Exception):
    """The end of a command that did not succeed.

    Attributes:
        message: one line.
        exit_code: for the shell.
        more: lines that stand before that one, or empty: the traceback that a server with ``--debug`` sent.
    """

    def __init__(self, message: str, exit_code: ExitCode, *, more: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.more = more


def failure_of(error: Error) -> Failure:
    """What a call raised, as the end of a command."""
    code = _EXIT_CODES.get(error.code, ExitCode.FAILED)
    if error.code is Code.UNAVAILABLE and error.processed == Processed.NOT_PROCESSED:
        code = ExitCode.NO_CONNECTION
    message = str(error) or "there was no message"
    if error.details is not None:
        message = f"{message} {render(error.details)}"
    # The name of the status says what a message of the handler's own may not; UNKNOWN says nothing.
    if code is not ExitCode.NO_CONNECTION and error.code is not Code.UNKNOWN:
        message = f"{message} ({error.code.name})"
    return Failure(message, code, more=error.remote_traceback or "")


def crash_of(what: str, error: Exception, exit_code: ExitCode, *, debug: bool) -> Failure:
    """The end of a command in which code of the user's raised something: where, in one line.

    Args:
        what: what was going on, as in "importing calc".
        error: what was raised.
        exit_code: for the shell.
        debug: whether the traceback is shown too, from the first frame that is the user's.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_machinery(trace.tb_frame.f_globals):
        trace = trace.tb_next
    # A syntax error is in a file that never ran, and tells its own place.
    frames = traceback.extract_tb(None if isinstance(error, SyntaxError) else trace)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    message = f"{what} raised {type(error).__name__}: {error}{place}"
    if debug:
        return Failure(message, exit_code, more="".join(traceback.format_exception(type(error), error, trace)))
    return Failure(f"{message}; --debug shows more", exit_code)


def _is_machinery(names: dict[str, Any]) -> bool:
    return str(names.get("__name__")).partition(".")[0] in ("rpc", "trio", "click", "importlib", "contextlib")


def report(error: Failure | click.ClickException) -> None:
    """Tell of a failure on stderr: one line, with the way to the help where the usage was wrong."""
    if isinstance(error, NoArgsIsHelpError):  # there the help itself is the message
        error.show()
        return
    if isinstance(error, Failure):
        if error.more:
            click.secho(visible(error.more.rstrip(), keep="\n"), err=True, dim=True)
        line = error.message
    else:
        line = error.format_message().rstrip()
        line = line[:1].lower() + line[1:]
    if isinstance(error, click.UsageError) and error.ctx is not None:
        line = f"{line.rstrip('.')} (see '{error.ctx.command_path} --help')"
    click.echo(f"{click.style('error:', fg='red', bold=True)} {visible(line)}", err=True)
