"""Arguments and options that several commands have."""

from __future__ import annotations

import math
from typing import Any

import click

from rpc.address import Address, parse
from rpc.cli.arguments import value_of

__all__ = [
    "address_argument",
    "metadata_option",
    "timeout_option",
    "to_address",
    "to_seconds",
    "wait_option",
    "words_argument",
]


def to_address(text: str) -> Address:
    """A parameter type: an address, parsed."""
    try:
        return parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def to_seconds(text: str | float) -> float:
    """A parameter type: a time in seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise click.BadParameter(f"{text!r} is no time in seconds")
    return seconds


def to_pair(text: str) -> tuple[str, Any]:
    """A parameter type: ``key=value``, the value as JSON or text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"write key=value, not {text!r}")
    return key, value_of(value)


def to_connectable(text: str) -> Address:
    """A parameter type: an address that takes connections."""
    address = to_address(text)
    if address.is_datagram:
        raise click.BadParameter(f"{address} takes nothing but notifications: use 'rpc notify'")
    return address


address_argument = click.argument("address", type=to_connectable)

words_argument = click.argument("words", nargs=-1, metavar="[ARGUMENT]...")

wait_option = click.option(
    "-w",
    "--wait",
    type=to_seconds,
    default=0,
    metavar="SECONDS",
    help="How long to try to connect, where the server is still starting.",
)

timeout_option = click.option(
    "-t",
    "--timeout",
    type=to_seconds,
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="For each try to connect, 10 at most, and for the answer.",
)

metadata_option = click.option(
    "-m",
    "--metadata",
    type=to_pair,
    multiple=True,
    metavar="KEY=VALUE",
    help="What travels beside the arguments; may be given several times.",
)
