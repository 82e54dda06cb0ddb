"""What went wrong, as an exit code and one line on stderr."""

from __future__ import annotations

import enum

import click
from click.exceptions import NoArgsIsHelpError

from rpc.cli.output import render, visible
from rpc.errors import Code, Error, Processed

__all__ = ["ExitCode", "Failure", "failure_of", "report"]


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


_OPTIONS = {
    "give client_tls its cert= and key=": "give --tls-cert and --tls-key",
    "trust it with rpc.client_tls(ca=...)": "trust it with --tls-ca",
}
"""What to do in the words of the library, and in those of a command that connects."""


def _worded(message: str) -> str:
    """Why there is no connection, with the command's options in place of the parameters of the library."""
    for parameter, option in _OPTIONS.items():
        message = message.replace(parameter, option)
    return message


def failure_of(error: Error) -> Failure:
    """What a call raised, as the end of a command."""
    code = _EXIT_CODES.get(error.code, ExitCode.FAILED)
    if error.code is Code.UNAVAILABLE and error.processed == Processed.NOT_PROCESSED:
        code = ExitCode.NO_CONNECTION
    message = str(error) or "there was no message"
    if error.code is Code.UNAVAILABLE:
        message = _worded(message)
    if error.details is not None:
        message = f"{message} {render(error.details)}"
    # The name of the status says what a message of the handler's own may not; UNKNOWN says nothing.
    if code is not ExitCode.NO_CONNECTION and error.code is not Code.UNKNOWN:
        message = f"{message} ({error.code.name})"
    return Failure(message, code, more=error.remote_traceback or "")


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
