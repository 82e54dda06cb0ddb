"""The tags of the CBOR profile: what each holds, read and written side by side (protocol section 8).

A new tag is a pair of functions here, a row in `TAGS`, and a row for its Python class in `rpc.wire.values`.
Readers get what the tag holds, decoded, and whether it stands where it will be hashed; they raise `ProfileError`.
Writers raise `ValueError` for a value that the profile cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

import cbor2
import msgspec

from rpc.wire.arrays import ARRAY_TAGS
from rpc.wire.heads import ProfileError
from rpc.wire.shapes import class_of

__all__ = [
    "NO_TAGS",
    "TAGS",
    "Tags",
    "check_integer",
    "class_of",
    "write_date",
    "write_datetime",
    "write_decimal",
    "write_uuid",
]

T = TypeVar("T")

_MAX_BITS: Final = 512  # of an integer: 64 bytes; longer ones make arithmetic, and printing, slow for a few bytes sent
_MAX_DIGITS: Final = len(str(2**_MAX_BITS))
_MAX_EXPONENT: Final = 6144  # of decimal128 (IEEE 754); `int(Decimal("1E999999999"))` would take for ever

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


# 0 and 1: date-times; 0 is written


def _read_datetime(content: Any, _hashed: bool) -> datetime:
    if type(content) is not str or not _DATE_TIME.fullmatch(content):
        raise ProfileError("tag 0 holds no RFC 3339 date-time")
    return _in_range(datetime.fromisoformat, content.upper())


def _read_timestamp(content: Any, _hashed: bool) -> datetime:
    if type(content) not in (int, float):
        raise ProfileError("tag 1 holds no number")
    return _in_range(lambda seconds: _EPOCH + timedelta(seconds=seconds), content)


def write_datetime(value: datetime) -> cbor2.CBORTag:
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("a datetime without a time zone cannot travel; give it one (tzinfo)")
    if offset.seconds % 60 or offset.microseconds:  # local mean times of old have seconds, which RFC 3339 cannot write
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            raise ValueError("this datetime is outside the years 1 to 9999 of UTC") from None
    # msgspec is 7 times as quick as isoformat(), and knows no subclasses.
    return cbor2.CBORTag(0, msgspec.to_builtins(value) if type(value) is datetime else value.isoformat())


# 1004: dates


def _read_date(content: Any, _hashed: bool) -> date:
    if type(content) is not str or not _DATE.fullmatch(content):
        raise ProfileError("tag 1004 holds no RFC 3339 date")
    return _in_range(date.fromisoformat, content)


def write_date(value: date) -> cbor2.CBORTag:
    return cbor2.CBORTag(1004, value.isoformat())


def _in_range(make: Callable[[Any], T], content: Any) -> T:
    try:
        return make(content)
    except (ValueError, OverflowError):
        raise ProfileError("a date or time outside what can be held") from None


# 2 and 3: big integers; cbor2 writes them


def _read_positive(content: Any, hashed: bool) -> int:
    return _read_magnitude(content, hashed)


def _read_negative(content: Any, hashed: bool) -> int:
    return ~_read_magnitude(content, hashed)


def _read_magnitude(content: Any, hashed: bool) -> int:
    if type(content) is not bytes or len(content) * 8 > _MAX_BITS:
        raise ProfileError(f"a big integer is no byte string of at most {_MAX_BITS // 8} bytes")
    if hashed:  # many of them can be made with one hash
        raise ProfileError("a big integer is a map key or set member")
    return int.from_bytes(content, "big")


def check_integer(value: int) -> int:
    """Give back an integer that can travel: one of at most 64 bytes."""
    if (value if value >= 0 else ~value).bit_length() > _MAX_BITS:
        raise ValueError(f"an integer of more than {_MAX_BITS // 8} bytes cannot travel")
    return value


# 4: decimals


def _read_decimal(content: Any, _hashed: bool) -> Decimal:
    if type(content) not in (list, tuple) or [type(part) for part in content] != [int, int]:
        raise ProfileError("tag 4 holds no pair of exponent and mantissa")
    exponent, mantissa = content
    if abs(exponent) > _MAX_EXPONENT:
        raise ProfileError(f"a decimal's exponent is beyond {_MAX_EXPONENT}")
    return Decimal(f"{mantissa}E{exponent}")


def write_decimal(value: Decimal) -> cbor2.CBORTag:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("NaN and infinite Decimals cannot travel")
    if abs(exponent) > _MAX_EXPONENT or len(digits) > _MAX_DIGITS:
        raise ValueError(f"a Decimal has at most {_MAX_DIGITS} digits and an exponent within {_MAX_EXPONENT}")
    mantissa = check_integer(int("".join(map(str, digits))))
    if sign and not mantissa:
        raise ValueError("the Decimal -0 cannot travel; send 0")
    return cbor2.CBORTag(4, [exponent, -mantissa if sign else mantissa])


# 37: UUIDs


def _read_uuid(content: Any, _hashed: bool) -> UUID:
    if type(content) is not bytes or len(content) != 16:
        raise ProfileError("tag 37 holds no 16 bytes")
    return UUID(bytes=content)


def write_uuid(value: UUID) -> cbor2.CBORTag:
    return cbor2.CBORTag(37, value.bytes)


# 258: sets


@cbor2.shareable_decoder(immutable=True)
def _read_set(_hashed: bool) -> tuple[None, Callable[[Any], set[Any]]]:
    # The long form of a reader makes cbor2 tell the readers of what is inside that it will be hashed.
    return None, _read_members


def _read_members(content: Any) -> set[Any]:
    if class_of(content) is not tuple:
        raise ProfileError("tag 258 holds no array")
    members: tuple[Any, ...] = content
    if not _MEMBERS.issuperset(map(type, members)):  # before they are hashed
        raise ProfileError("a set member that is no text, byte string or integer")
    different = set(members)
    if len(different) < len(members):
        raise ProfileError("a set holds a member twice")
    return different


_MEMBERS: Final = frozenset({str, bytes, int})


def write_set(members: list[Any]) -> cbor2.CBORTag:
    return cbor2.CBORTag(258, members)


class Tags(dict[int, Callable[..., Any]]):
    """Readers by tag. cbor2 looks here before its own readers, and before it reads what the tag holds."""

    def __missing__(self, tag: int) -> NoReturn:
        raise ProfileError(f"tag {tag} is not allowed here")  # a KeyError would let cbor2 go on with its own


NO_TAGS: Final = Tags()
"""An envelope has none."""

TAGS: Final = Tags(
    {
        0: _read_datetime,
        1: _read_timestamp,
        2: _read_positive,
        3: _read_negative,
        4: _read_decimal,
        37: _read_uuid,
        258: _read_set,
        1004: _read_date,
        **ARRAY_TAGS,
    }
)
"""Those of a payload."""
