"""Questions about decoded values, which type checkers understand too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

__all__ = ["class_of", "is_list", "is_map", "is_uint"]

class_of: Callable[[Any], Any] = type
"""`type` itself, from whose result type checkers conclude nothing about what a list holds."""


def is_uint(value: Any) -> TypeGuard[int]:
    """An unsigned integer; `True` is none."""
    return type(value) is int and value >= 0


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """An array."""
    return type(value) is list


def is_map(value: Any) -> TypeGuard[dict[Any, Any]]:
    """A map."""
    return type(value) is dict
