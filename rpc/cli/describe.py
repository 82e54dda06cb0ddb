"""``rpc describe``: everything that a server tells of its methods."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import click

import rpc
from rpc.cli.described import ask
from rpc.cli.list import headline
from rpc.cli.options import address_argument, timeout_option, wait_option
from rpc.cli.output import print_result, visible
from rpc.cli.schemas import bounds_of, spell_definition, spell_fields, spell_value
from rpc.cli.security import connecting_options
from rpc.errors import Code
from rpc.service.description import Description, ErrorDescription, MethodDescription

__all__ = ["command"]

_CODES = {int(code): code.name for code in Code}

_EXAMPLES = """
\b
Examples:
  rpc describe :9000                    everything
  rpc describe :9000 calc.add           one method
  rpc describe :9000 calc --json        one service, for a program
"""


@click.command("describe", epilog=_EXAMPLES)
@address_argument
@click.argument("method", required=False)
@wait_option
@timeout_option
@connecting_options
@click.option("--json", "as_json", is_flag=True, help="Print what the server said: JSON Schema and all.")
def command(address: rpc.Address, method: str | None, wait: float, timeout: float, as_json: bool) -> None:
    """Show how methods are called: signatures, docs, classes.

    METHOD is the full name of one, or a service; 'rpc' is the service that describes the server itself.

    A server tells callers on its own host, and others where it was started with --describe.
    """
    description = ask(address, wait, timeout, method)
    if as_json:
        print_result(attrs.asdict(description))
        return
    click.echo("\n\n".join(_paragraphs(description)))


def _paragraphs(description: Description) -> Iterator[str]:
    for service in description.services:
        if service.doc:
            yield f"{click.style(visible(service.name), bold=True)}\n{_indented(service.doc)}"
        for method in service.methods:
            yield _method(method)
    if description.definitions:
        yield click.style("Classes", bold=True)
    for name, definition in description.definitions.items():
        yield "\n".join(visible(line) for line in spell_definition(name, definition))


def _method(method: MethodDescription) -> str:
    parts = [headline(method)]
    if method.doc:
        parts.append(_indented(method.doc))
    if method.idempotent:
        parts.append("  idempotent: a call that may have run may be made again")
    particular = [p for p in method.parameters if any(bounds_of(p.schema))]
    parts += [f"  {visible(spell_value(p.name, p.schema))}" for p in particular]
    parts += [f"  raises {visible(_error(error))}" for error in method.raises]
    return "\n".join(parts)


def _error(error: ErrorDescription) -> str:
    code = _CODES.get(error.code, str(error.code))
    first = error.doc.partition("\n")[0]
    told = f"{error.type}({', '.join(spell_fields(error.schema))}) {code}"
    return f"{told}: {first}" if first else told


def _indented(text: str) -> str:
    return "\n".join(f"    {visible(line)}".rstrip() for line in text.splitlines())
