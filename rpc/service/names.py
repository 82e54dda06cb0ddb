"""Names on the wire: of services, and of their methods."""

from __future__ import annotations

import re

from rpc.limits import MAX_METHOD

__all__ = ["check_service_name", "full_name"]

_LONGEST = MAX_METHOD - 2
"""Characters of the name of a service, behind which a dot and one letter still fit."""

_SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_service_name(name: str) -> None:
    """Refuse what is no name for a service: segments of letters, digits and ``_``, with dots between them.

    Raises:
        TypeError: it is no text.
        ValueError: it is none, or is too long.
    """
    _check_text(name, "a service")
    if not all(_SEGMENT.fullmatch(segment) for segment in name.split(".")):
        raise ValueError(f"{name!r} is no name for a service: write letters, digits and _, with dots in between")
    if len(name) > _LONGEST:
        raise ValueError(f"{name!r} is too long for a service: it has at most {_LONGEST} characters")


def full_name(service: str, method: str, what: object = None) -> str:
    """The wire name of a method of a service.

    Args:
        service: the name of the service.
        method: the method's own name, one segment.
        what: what is to be named so, told where the name is empty.

    Raises:
        TypeError: it is no text.
        ValueError: it is none, or is too long.
    """
    _check_text(method, f"{service}: a method")
    if not _SEGMENT.fullmatch(method):
        raise ValueError(
            f"{service}: {method or what!r} is no name for a method: give it one with name=, of letters, digits and _"
        )
    name = f"{service}.{method}"
    if len(name) > MAX_METHOD:
        raise ValueError(f"{name!r} is too long for the wire: a name has at most {MAX_METHOD} characters")
    return name


def _check_text(name: object, what: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{what} is named by text, not by {name!r}")
