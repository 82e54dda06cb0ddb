"""``rpc list``: what a server serves, a line for each method."""

from __future__ import annotations

import click

import rpc
from rpc.cli.described import ask
from rpc.cli.options import address_argument, timeout_option, wait_option
from rpc.cli.output import print_result, visible
from rpc.cli.security import connecting_options
from rpc.service.description import MethodDescription

__all__ = ["command", "headline"]

_EXAMPLES = """
\b
Examples:
  rpc list :9000
  rpc list unix:/run/calc.sock --json
"""


@click.command("list", epilog=_EXAMPLES)
@address_argument
@wait_option
@timeout_option
@connecting_options
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects, one for each method.")
def command(address: rpc.Address, wait: float, timeout: float, as_json: bool) -> None:
    """List the methods that a server has.

    A server tells callers on its own host, and others where it was started with --describe.
    """
    description = ask(address, wait, timeout)
    if as_json:
        methods = [method for service in description.services for method in service.methods]
        print_result([{"name": m.name, "kind": m.kind, "signature": m.signature, "doc": m.doc} for m in methods])
        return
    for index, service in enumerate(description.services):
        if index:
            click.echo()
        doc = _first_line(service.doc)
        click.echo(click.style(visible(service.name), bold=True) + (f": {doc}" if doc else ""))
        for method in service.methods:
            click.echo(f"  {headline(method)}")
            if method.doc:
                click.secho(f"      {_first_line(method.doc)}", dim=True)


def headline(method: MethodDescription) -> str:
    """The name and the signature, and before it what is no plain method."""
    word = "" if method.kind == "method" else f"{click.style(method.kind, fg='cyan')} "
    return f"{word}{click.style(visible(method.name), fg='green')}{visible(method.signature)}"


def _first_line(doc: str) -> str:
    return visible(doc.partition("\n")[0])
