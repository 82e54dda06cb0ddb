"""``rpc notify``: one notification, over a connection or as a datagram."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

import rpc
from rpc.cli.arguments import Arguments, WordsCommand
from rpc.cli.calling import connected
from rpc.cli.keys import read_keys
from rpc.cli.options import metadata_option, to_address, to_seconds, wait_option, words_argument
from rpc.cli.security import connect_options, connecting_options
from rpc.net.multicast import is_multicast

__all__ = ["command"]


_EXAMPLES = """
\b
Examples:
  rpc notify udp://127.0.0.1:9000 metrics.observe fps 59.9
  rpc notify unix:/run/metrics.sock metrics.observe name=fps value=59.9
  rpc notify udp://239.1.2.3%eth0:9000 metrics.observe fps 59.9 \\
    --datagram-key-file keys
"""


@click.command("notify", cls=WordsCommand, epilog=_EXAMPLES)
@click.argument("address", type=to_address)
@click.argument("method")
@words_argument
@wait_option
@click.option(
    "-t", "--timeout", type=to_seconds, metavar="SECONDS", help="For each try to connect, and until it is sent."
)
@connecting_options
@click.option(
    "--datagram-key-file",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    help="Seal the datagram with the first key in there: a line of its id, and its secret in hex digits.",
)
@metadata_option
def command(
    address: rpc.Address,
    method: str,
    words: tuple[str, ...],
    wait: float,
    timeout: float | None,
    datagram_key_file: Path | None,
    metadata: tuple[tuple[str, Any], ...],
) -> None:
    """Send a notification, which nobody answers.

    To unix: and tcp: it goes over a connection, to udp: and unixgram: as one datagram, which may be lost. That it was
    sent says nothing about what became of it: a server drops what it does not know or cannot read.

    ARGUMENTs are read as those of 'rpc call'.
    """
    if address.is_datagram and (metadata or wait or timeout is not None):
        raise click.UsageError("--wait, --timeout and --metadata are for connections; a datagram has none of them")
    if datagram_key_file is not None and not address.is_datagram:
        raise click.UsageError("--datagram-key-file is for datagrams, to udp: and unixgram: addresses")
    if datagram_key_file is None and is_multicast(address):
        raise click.UsageError(f"{address} is a multicast address, where nothing is taken without --datagram-key-file")
    key = None if datagram_key_file is None else next(iter(read_keys(datagram_key_file).items()))
    connect_options(address)  # which a datagram has not either
    arguments = Arguments.of(words)

    if address.is_datagram:
        importlib.import_module("rpc.cli.datagram").send(address, method, arguments, key)
        return
    with connected(address, wait, timeout) as client:
        view = client.with_options(metadata=dict(metadata), timeout=timeout)
        view.notify(method, *arguments.positional, **arguments.named)
