"""``rpc stub``: a typed module for the clients of a server, written from what the server tells of itself."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

import rpc
from rpc.cli.described import ask
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.options import address_argument, timeout_option, wait_option
from rpc.cli.output import visible
from rpc.cli.security import connecting_options
from rpc.generation.module import MARK, generate
from rpc.generation.names import GenerationError
from rpc.service.description import Description

__all__ = ["command"]

_EXAMPLES = """
\b
Examples:
  rpc stub unix:/run/calc.sock -o calc_client.py
  rpc stub :9000 shop shop.admin -o shop_client.py
  rpc stub :9000 -o shop_client.py --check          in the tests of a client

\b
In a program:
  async with rpc.connect("unix:/run/calc.sock") as client:
      calc = client.stub(calc_client.Calc)
      await calc.add(2, b=3)
"""

_TO_STDOUT = Path("-")


@click.command("stub", epilog=_EXAMPLES)
@address_argument
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_TO_STDOUT,
    metavar="FILE",
    help="Where the module is written; without it, or as -, to standard output.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail where FILE is not what would be written.")
@wait_option
@timeout_option
@connecting_options
def command(
    address: rpc.Address, services: tuple[str, ...], output: Path, check: bool, wait: float, timeout: float
) -> None:
    """Write a typed Python module for the clients of a server.

    The module has a contract for each SERVICE, or for all of them, for client.stub(...), with the classes of arguments
    and results, docstrings and defaults. The same server gives the same module, byte for byte.
    """
    if check and output == _TO_STDOUT:
        raise click.UsageError("--check needs the FILE to compare: name it with -o")
    text = _generated(_only(ask(address, wait, timeout), services, address), address)
    if check:
        _compare(output, text)
    elif output == _TO_STDOUT:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _only(description: Description, names: tuple[str, ...], address: rpc.Address) -> Description:
    """What is described of some services; of all of them where no name is given."""
    described = {service.name: service for service in description.services}
    for name in names:
        if name not in described:
            raise Failure(f"{address} has no service {name!r}: see 'rpc list {address}'", ExitCode.MISCALLED)
    return attrs.evolve(description, services=[described[name] for name in dict.fromkeys(names) or described])


def _generated(description: Description, address: rpc.Address) -> str:
    try:
        return generate(description)
    except GenerationError as error:
        message = f"no module can be written from what {address} tells of itself: {error}"
        raise Failure(visible(message), ExitCode.FAILED) from error


def _write(path: Path, text: str) -> None:
    """Write a file, but none over another that somebody wrote by hand."""
    try:
        if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise Failure(f"{path} was not written by 'rpc stub': remove it, or name another file", ExitCode.USAGE)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}", ExitCode.FAILED) from error


def _compare(path: Path, text: str) -> None:
    try:
        same = path.read_bytes() == text.encode()
    except FileNotFoundError:
        same = False
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", ExitCode.FAILED) from error
    if not same:
        raise Failure(f"{path} is not what the server describes now: write it anew without --check", ExitCode.FAILED)
