"""Questions about decoded values, which type checkers understand too."""

from __future__ import annotations

from typing import Any, TypeGuard

__all__ = ["is_list", "is_map", "is_uint"]


def is_uint(value: Any) -> TypeGuard[int]:
    """An unsigned integer; `True` is none."""
    return type(value) is int and value >= 0


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """An array."""
    return type(value) is list


def is_map(value: Any) -> TypeGuard[dict[Any, Any]]:
    """A map."""
    return type(value) is dict
