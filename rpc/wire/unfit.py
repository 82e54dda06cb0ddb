"""Values that cannot travel: what is said of them, and the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

__all__ = ["EncodeError", "describe", "is_narrow", "way_out"]


class EncodeError(TypeError):
    """A value that cannot travel.

    Attributes:
        reason: what is wrong with it, and the way out.
        path: where it is inside the value that was to be sent: ``[0].items[3].owner``; empty for that value itself.
            In what a call raises it begins with the argument: ``order.items[3].owner``.
        method: the name of the method that it was for, where that is known.
    """

    def __init__(self, reason: str, path: str = "", method: str = "") -> None:
        super().__init__(reason, path, method)
        self.reason = reason
        self.path = path
        self.method = method

    def __str__(self) -> str:
        method = f"{self.method}: " if self.method else ""
        return f"{method}{self.path.removeprefix('.') or 'the value'}: {self.reason}"


def is_narrow(value: int) -> bool:
    """Whether an integer travels without a tag."""
    return -(2**64) <= value < 2**64


def describe(value: object) -> str:
    """A plain value itself, cut; of any other its class, since its repr may be anything."""
    if value is None or isinstance(value, (bool, str, bytes, float)) or (isinstance(value, int) and is_narrow(value)):
        text = ascii(value)
        return text if len(text) <= 64 else f"{text[:61]}..."
    return f"object of class {type(value).__qualname__}"


def way_out(value: object) -> str:
    """What its sender may do instead."""
    if isinstance(value, Awaitable):
        return "is an await missing?"
    if hasattr(value, "tolist"):
        return "send value.tolist()"
    if isinstance(value, Iterable):
        return "send list(value)"
    return "send plain data, make its class an attrs class, a dataclass or a Struct, or use rpc.register_type"
