"""What msgspec found wrong, so that the caller finds it: the place, what was expected there, and what came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

from rpc.service.convert import Misfit, Reader, brief, cut, is_map, show
from rpc.service.schema import Node, alternatives, parts, title

__all__ = ["explain"]

_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_MOST_PATH = 200
_MOST_TEXT = 256


def explain(error: msgspec.ValidationError, value: Any, root: Node, convert: Reader) -> Misfit:
    """Say what is wrong with a value that `convert` refused with this error. Maps inside the value may lose items."""
    message = str(error)
    place = _PLACE.search(message)
    text = message[: place.start()] if place else message
    rest, is_key = (place["path"], place["key"] is not None) if place else ("", False)

    def fails_so() -> bool:
        try:
            convert(value)
        except Exception as other:  # a validator, now that it is reached, may raise anything
            return str(other) == message
        return False

    path, node, inner = "", root, value
    while rest:
        candidates = [part for part in parts(node, inner) if rest.startswith(part.step)]
        if not candidates:
            return Misfit(cut(path + rest, _MOST_PATH), _plain(text))
        longest = max(len(part.step) for part in candidates)
        candidates = [part for part in candidates if len(part.step) == longest]
        if len(candidates) > 1 and is_map(inner):
            candidates = candidates[: _failing(inner, fails_so)]
        part = candidates[-1]
        path, node, inner, rest = path + part.place, part.node, part.value, rest[longest:]
    if is_key and is_map(inner):
        key = list(inner)[_failing(inner, fails_so) - 1]
        return Misfit(cut(path, _MOST_PATH), f"has a key that does not fit: {_plain(text)} {brief(key)}")
    return Misfit(cut(path, _MOST_PATH), _describe(text, node, inner, refused=error.__cause__ is not None))


def _failing(items: dict[Any, Any], fails: Callable[[], bool]) -> int:
    """How many of the first items of a map fail as the whole of it does; the others are taken away.

    Msgspec's paths do not tell the keys of maps, and a second walk in Python over all of a large map would be slow.
    """
    everything = list(items.items())
    low, high = 1, len(everything)
    while low < high:
        middle = (low + high) // 2
        _keep(items, everything[:middle])
        if fails():
            high = middle
        else:
            low = middle + 1
    _keep(items, everything[:low])
    return low


def _keep(items: dict[Any, Any], some: list[tuple[Any, Any]]) -> None:
    items.clear()
    items.update(some)


def _describe(text: str, node: Node, value: Any, *, refused: bool) -> str:
    custom = any(isinstance(member, inspect.CustomType) for member in alternatives(node))
    if refused and not custom:
        return f"was refused by {title(node)}: {_plain(text)}"
    if custom or "`, got `" in text or text.startswith("Invalid "):
        return f"expected {title(node)}, got {show(value)}"
    missing = _MISSING.fullmatch(text)
    if missing:
        return f"lacks the field '{missing['name']}' of {title(node)}"
    plain = _plain(text)
    return plain if ", got " in plain else f"{plain}, got {show(value)}"


def _plain(text: str) -> str:
    """A text of msgspec's or of a validator, which may quote what the peer sent: escaped and cut, in Python's words."""
    words = text[:1].lower() + text[1:].replace("`array`", "list").replace("`object`", "map").replace("`", "")
    return cut(repr(words)[1:-1], _MOST_TEXT)
