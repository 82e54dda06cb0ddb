"""``rpc serve``: services of importable modules on any number of addresses."""

from __future__ import annotations

import logging
import pwd
import traceback
from collections.abc import Sequence
from pathlib import Path

import attrs
import click

import rpc
from rpc.cli.crash import crash_of
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.keys import read_keys
from rpc.cli.loading import load
from rpc.cli.options import to_address, to_seconds
from rpc.cli.security import server_context, serving_options
from rpc.limits import LEAST_MAX_CALLS, LEAST_MAX_MESSAGE

__all__ = ["command"]


def to_uid(text: str) -> int:
    """A parameter type: a user by number or by name."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise click.BadParameter(f"there is no user {text!r} on this host") from None


_defaults = rpc.Limits()


_EXAMPLES = """
\b
Examples:
  rpc serve calc:calc --bind unix:/tmp/calc.sock
  rpc serve calc:calc shop:orders --bind :9000 --bind udp://127.0.0.1:9000
  rpc serve calc:calc -b tls://:9000 --tls-cert me.pem --tls-client-ca ca.pem
  rpc serve calc:calc -b udp://:9000 --datagram-key-file keys
"""


@click.command("serve", epilog=_EXAMPLES)
@click.argument("targets", nargs=-1, required=True, metavar="MODULE:SERVICE...")
@click.option(
    "-b",
    "--bind",
    type=to_address,
    multiple=True,
    metavar="ADDRESS",
    help="Where to serve; may be given several times.",
)
@click.option(
    "--insecure", is_flag=True, help="Serve also where other hosts can reach it, without TLS and authentication."
)
@serving_options
@click.option(
    "--datagram-key-file",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    help="Take datagrams only where they are sealed with a key in there: lines of an id, and a secret in hex digits.",
)
@click.option(
    "--allow-uid",
    "allow_uids",
    type=to_uid,
    multiple=True,
    metavar="USER",
    help="Who of this host may use the Unix sockets, by name or number; may be given several times.  "
    "[default: you and root]",
)
@click.option(
    "--debug", is_flag=True, help="Send messages and tracebacks of handlers to callers. They may hold secrets."
)
@click.option(
    "--describe/--no-describe",
    default=None,
    help="Tell callers what is served, as for 'rpc list', or tell nobody.  [default: those on this host]",
)
@click.option(
    "--drain-timeout",
    type=to_seconds,
    default=_defaults.drain_timeout,
    show_default=f"{_defaults.drain_timeout:g}",
    metavar="SECONDS",
    help="For calls that run when the server is told to stop.",
)
@click.option(
    "--max-calls",
    type=click.IntRange(min=LEAST_MAX_CALLS),
    default=_defaults.max_calls,
    show_default=True,
    help="Calls at once on one connection; more wait.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    default=_defaults.max_connections,
    show_default="1024, or as many as there are files to open",
    help="Connections at once; more are refused.",
)
@click.option(
    "--max-message",
    type=click.IntRange(min=LEAST_MAX_MESSAGE),
    default=_defaults.max_message,
    show_default=True,
    metavar="BYTES",
    help="The largest arguments of a call.",
)
@click.option(
    "--polling/--no-polling",
    default=True,
    help="Look again for a moment before waiting, where that is quicker. Not where many processes share few "
    "processors.  [default: polling]",
)
@click.option("-v", "--verbose", count=True, help="Log more to stderr; -vv even more.")
def command(
    targets: Sequence[str],
    bind: Sequence[rpc.Address],
    insecure: bool,
    datagram_key_file: Path | None,
    allow_uids: Sequence[int],
    debug: bool,
    describe: bool | None,
    drain_timeout: float,
    max_calls: int,
    max_connections: int | None,
    max_message: int,
    polling: bool,
    verbose: int,
) -> None:
    """Serve services of your modules, until SIGTERM or Ctrl-C.

    The current directory is searched for modules first. The first SIGTERM or Ctrl-C lets the open calls end, a second
    one ends everything at once.
    """
    if not bind:
        raise click.UsageError("say where to serve, as in --bind unix:/tmp/calc.sock or --bind :9000")
    _log(verbose)
    tls = server_context()
    keys = None if datagram_key_file is None else read_keys(datagram_key_file)
    services = [load(target, debug=debug) for target in targets]
    limits = rpc.Limits(
        drain_timeout=drain_timeout, max_calls=max_calls, max_connections=max_connections, max_message=max_message
    )
    try:
        rpc.run(
            services,
            bind,
            tls=tls,
            insecure=insecure,
            datagram_keys=keys,
            allow_uids=allow_uids or None,
            debug=debug,
            describe=describe,
            limits=limits,
            polling=polling,
            task_status=Announcement(services),
        )
    except Exception as error:
        raise _told(error, debug) from error
    click.echo("stopped", err=True)


def _told(error: Exception, debug: bool) -> Exception:
    """What went wrong for the person at the terminal: our own errors are about the command line, others are not."""
    if not _is_ours(error):
        return crash_of("serving", error, ExitCode.FAILED, debug=debug)
    if isinstance(error, OSError):
        where = "" if error.filename is None else f": {error.filename}"
        return Failure(f"{error.strerror or error}{where}", ExitCode.NO_CONNECTION)
    message = str(error)
    for parameter, option in _OPTIONS.items():
        message = message.replace(parameter, option)
    return click.UsageError(message)


_OPTIONS = {
    "insecure=True": "--insecure",
    "give rpc.server_tls a client_ca, or authenticate=": "give --tls-client-ca",
    "tls=rpc.server_tls(cert, key)": "--tls-cert and --tls-key",
    "tls is given": "--tls-cert is given",
    "datagram_keys=": "--datagram-key-file",
    "datagram_keys are": "--datagram-key-file is",
    "no address would use them": "no address would use it",
}
"""What the library calls its parameters, and what they are called here."""


def _is_ours(error: Exception) -> bool:
    """Whether a module of ours raised it, and not a lifespan."""
    if not isinstance(error, OSError | ValueError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).startswith("rpc.")


def _log(verbose: int) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@attrs.frozen
class Announcement:
    """Tells on stderr what is served, once it is: the ``task_status`` of `rpc.serve`.

    Each address has a line of its own, ``listening on ADDRESS``, for programs that wait for it.
    """

    services: Sequence[rpc.Service]

    def started(self, value: Sequence[str] = ()) -> None:
        for service in self.services:
            names = ", ".join(name.rpartition(".")[2] for name in service.handles)
            click.echo(f"serving {click.style(service.name, bold=True)}: {names}", err=True)
        for address in value:
            click.echo(f"listening on {click.style(address, fg='green')}{_remark(address)}", err=True)


def _remark(address: str) -> str:
    return " (notifications only)" if address.startswith(("udp:", "unixgram:")) else ""
