"""The options of TLS and credentials, for commands that connect and for the one that serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import rpc
from rpc.address import Scheme

if TYPE_CHECKING:
    import ssl

__all__ = ["connect_options", "connecting_options", "server_context", "serving_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

_KEY = "rpc.cli.security"
"""Where a command's options of this kind are found, for whoever connects on its behalf."""


def _remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    assert parameter.name is not None
    context.meta.setdefault(_KEY, {})[parameter.name] = value


def _option(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, type=_FILE, expose_value=False, callback=_remember, metavar="FILE", help=text)


_CONNECTING = (
    _option("--tls-ca", "The authorities whose servers are trusted at tls://, in PEM form.  [default: the system's]"),
    _option("--tls-cert", "Our own certificate, for a server that wants one, in PEM form."),
    _option("--tls-key", "Its private key, where that is in a file of its own."),
    _option("--credential-file", "What to prove with who we are, at tls:// and unix: addresses."),
)

_SERVING = (
    _option("--tls-cert", "The certificate for tls:// addresses, in PEM form; it is read again when it changes."),
    _option("--tls-key", "Its private key, where that is in a file of its own."),
    _option("--tls-client-ca", "The authorities whose clients are let in; without, all are."),
)


def connecting_options(command: Command) -> Command:
    """A decorator: the options of a command that connects; what they say is found by `connect_options`."""
    for option in reversed(_CONNECTING):
        command = option(command)
    return command


def serving_options(command: Command) -> Command:
    """A decorator: the options of a command that serves; what they say is found by `server_context`."""
    for option in reversed(_SERVING):
        command = option(command)
    return command


def _given() -> dict[str, Path]:
    """The options of the command that runs, without those that were not given."""
    context = click.get_current_context(silent=True)
    values: dict[str, Path | None] = {} if context is None else context.meta.get(_KEY, {})
    return {name: value for name, value in values.items() if value is not None}


def connect_options(address: rpc.Address) -> dict[str, Any]:
    """What the command's options say of a connection, as keyword arguments of `rpc.connect`.

    Raises:
        click.UsageError: they are of no use at this address, or their files are of no use.
    """
    given = _given()
    credential = given.pop("credential_file", None)
    options: dict[str, Any] = {}
    if given:
        if address.scheme is not Scheme.TLS:
            raise click.UsageError(f"the options of TLS are for tls:// addresses, not for {address}")
        options["tls"] = _context(
            lambda: rpc.client_tls(given.get("tls_ca"), given.get("tls_cert"), given.get("tls_key"))
        )
    if credential is not None:
        if address.scheme not in (Scheme.TLS, Scheme.UNIX):
            raise click.UsageError(f"a credential is sent to tls:// and unix: addresses only, not to {address}")
        options["credential"] = credential.read_bytes().rstrip(b"\r\n")
    return options


def server_context() -> ssl.SSLContext | None:
    """The TLS context that the command's options ask for; None where they ask for none.

    Raises:
        click.UsageError: an option is missing beside another, or their files are of no use.
    """
    given = _given()
    if not given:
        return None
    if "tls_cert" not in given:
        raise click.UsageError("the other options of TLS need --tls-cert")
    cert = given["tls_cert"]
    return _context(lambda: rpc.server_tls(cert, given.get("tls_key", cert), given.get("tls_client_ca")))


def _context(make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    try:
        return make()
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error).replace("cert=", "--tls-cert")) from error
