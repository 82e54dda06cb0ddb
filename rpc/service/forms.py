"""The forms in which values come that have several: what is read from text, and what is not.

Classes with a tag of their own come tagged. A person at a command line, and a program without such tags, write them as
text, and where the annotation asks for the class there is nothing to guess: dates, times, durations, UUIDs and decimal
numbers in text are taken. What could not have travelled tagged is not taken as text either.
"""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import inspect

from rpc.service.schema import Node, alternatives, parts
from rpc.wire.shapes import is_list, is_map
from rpc.wire.tags import write_datetime, write_decimal

__all__ = ["AS_THEY_COME", "AS_THEY_COME_NODES", "FROM_TEXT", "LOOSE_NODES", "loosened"]

FROM_TEXT = frozenset(
    (
        pathlib.Path,
        pathlib.PurePath,
        pathlib.PosixPath,
        pathlib.PurePosixPath,
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        ipaddress.IPv4Network,
        ipaddress.IPv6Network,
        ipaddress.IPv4Interface,
        ipaddress.IPv6Interface,
    )
)
"""Classes that always travel as text, and that msgspec does not know."""

AS_THEY_COME = (bytes, bytearray, memoryview, datetime, Decimal)
"""What msgspec must not read from text: it takes any text for base64, passes datetimes that lack a time zone, and
decimals such as 1E999999999, of which `int` would take for ever."""

AS_THEY_COME_NODES = frozenset(
    (inspect.BytesType, inspect.ByteArrayType, inspect.MemoryViewType, inspect.DateTimeType, inspect.DecimalType)
)


def loosened(node: Node, value: Any) -> Any:
    """A value that did not fit, with what is text for a datetime or decimal read; containers are changed in place."""
    if is_map(value) or is_list(value):
        for part in list(parts(node, value)):
            value[part.key] = loosened(part.node, part.value)
        return value
    members = list(alternatives(node))
    if type(value) in (int, float) and any(isinstance(member, _NUMBERS) for member in members):
        return value
    for member in members:
        read = _READ.get(type(member))
        if read is not None:
            return read(value)
    return value


_NUMBERS = (inspect.IntType, inspect.FloatType)


def _datetime(value: Any) -> Any:
    if isinstance(value, str):
        try:
            moment = msgspec.convert(value, datetime)
            write_datetime(moment)
        except ValueError:
            return value
        return moment
    return value


def _decimal(value: Any) -> Any:
    """From text, and from the numbers that have no tag: their digits are what somebody wrote."""
    if type(value) in (str, int, float):
        try:
            number = Decimal(str(value))
            write_decimal(number)
        except (ValueError, ArithmeticError):
            return value
        return number
    return value


_READ: dict[type, Callable[[Any], Any]] = {inspect.DateTimeType: _datetime, inspect.DecimalType: _decimal}
LOOSE_NODES = frozenset(_READ)
