"""``rpc call``: one call, its result as JSON."""

from __future__ import annotations

from typing import Any

import click

import rpc
from rpc.cli.arguments import Arguments, WordsCommand
from rpc.cli.calling import connected
from rpc.cli.options import address_argument, metadata_option, to_seconds, wait_option, words_argument
from rpc.cli.output import print_raw, print_result
from rpc.cli.security import connecting_options

__all__ = ["command"]


_EXAMPLES = """
\b
Examples:
  rpc call :9000 calc.add 2 b=3
  rpc call :9000 shop.order '{"item": "tea", "count": 2}' --timeout 0.5
  rpc call unix:/run/notes.sock notes.find '"5"'     the text, not the number
"""


@click.command("call", cls=WordsCommand, epilog=_EXAMPLES)
@address_argument
@click.argument("method")
@words_argument
@click.option(
    "-t",
    "--timeout",
    type=to_seconds,
    metavar="SECONDS",
    help="When a try to connect is given up, or the call, and its handler cancelled.",
)
@wait_option
@connecting_options
@metadata_option
@click.option("-r", "--raw", is_flag=True, help="Print text without quotes, and bytes as they are.")
def command(
    address: rpc.Address,
    method: str,
    words: tuple[str, ...],
    timeout: float | None,
    wait: float,
    metadata: tuple[tuple[str, Any], ...],
    raw: bool,
) -> None:
    """Call a method and print its result as JSON.

    Each ARGUMENT is what it is as JSON, or else text; name=value is one by name.

    JSON has no form for some results: times are printed in ISO 8601, bytes in base64, decimals and UUIDs as text, sets
    as arrays.
    """
    arguments = Arguments.of(words)

    with connected(address, wait, timeout) as client:
        view = client.with_options(metadata=dict(metadata), timeout=timeout)
        result = view.call(method, *arguments.positional, **arguments.named)
    (print_raw if raw else print_result)(result)
