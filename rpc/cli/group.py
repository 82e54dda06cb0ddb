"""`main`: the command group, which knows its commands by name and imports none of them before it is asked for.

``rpc --help`` and the completion of a shell so need click alone: trio would take most of their time.
"""

from __future__ import annotations

import difflib
import gc
import importlib
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from rpc.cli.failure import ExitCode, Failure, report
from rpc.version import VERSION

__all__ = ["COMMANDS", "Commands", "main"]

COMMANDS = {
    "serve": "Serve services of your modules, until SIGTERM or Ctrl-C.",
    "call": "Call a method and print its result as JSON.",
    "notify": "Send a notification, which nobody answers.",
    "list": "List the methods that a server has.",
    "describe": "Show how methods are called: signatures, docs, classes.",
    "stub": "Write a typed Python module for the clients of a server.",
    "ping": "Measure the round trip to a server.",
    "demo": "Show what this package does, in ten seconds.",
}
"""Each command is ``command`` in the module of its name, and its docstring begins with the line that stands here."""

_EPILOG = """
\b
Addresses:
  unix:/run/calc.sock     a Unix socket
  tcp://127.0.0.1:9000    TCP; :9000 for short is this host
  tls://calc.lan:9000     TLS over TCP
  udp://127.0.0.1:9000    UDP, for notifications only
  unixgram:/run/calc.dg   Unix datagrams, for notifications only

\b
Exit codes:
  0  all went well
  1  the call failed: what the handler raised, or a connection lost halfway
  2  wrong usage
  3  no connection (or, for serve, an address that cannot be bound); nothing ran
  4  the deadline has passed
  5  no such method, or arguments that do not fit it

\b
Completion for bash (zsh and fish likewise):
  eval "$(_RPC_COMPLETE=bash_source rpc)"
"""


class Commands(click.Group):
    """The group: a table in place of imported commands, and one line on stderr for whatever went wrong."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = _imported(f"rpc.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS)
            ctx.fail(f"no such command {name!r}" + (f": did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command line; always ends with SystemExit."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except (Failure, click.ClickException) as error:
            report(error)
            code = error.exit_code
        except click.Abort:
            code = ExitCode.INTERRUPTED
        raise SystemExit(code)


def _imported(name: str) -> Any:
    """A module, whose making the garbage collector does not look at, now or later.

    All of it stays until the end: to look through it, as it comes and as the process ends, took an eighth of the
    processor time of ``rpc call`` (measured).
    """
    if name in sys.modules:
        return sys.modules[name]
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        if is_enabled:
            gc.enable()


@click.group("rpc", cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="triorpc", message="%(prog)s %(version)s")
def main() -> None:
    """Call Python functions in other processes."""
