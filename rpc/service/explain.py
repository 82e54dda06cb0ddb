"""What msgspec found wrong, so that the caller finds it: the place, what was expected there, and what came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs
import msgspec
from msgspec import inspect

from rpc.service.convert import Misfit, Reader, cut, show
from rpc.service.schema import Node, Part, alternatives, choice, part_at, parts, title
from rpc.wire.shapes import is_list, is_map

__all__ = ["explain"]

_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_INDEX = re.compile(r"\[(\d+)\]")
_SOME_KEY = "[...]"
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")

_MOST_ITEMS = 1024
_MOST_SEARCHES = 8
"""Msgspec does not tell which key of a map it means. Trying takes a conversion of the whole value for each bit of the
number of keys, so it is done for small values only: a bad argument must not cost much more than a good one."""

_MOST_PATH = 200
_MOST_TEXT = 256
"""Characters of a message."""


def explain(error: msgspec.ValidationError, value: Any, root: Node, convert: Reader) -> Misfit:
    """Say what is wrong with a value that `convert` refused with this error. The maps in it may lose items."""
    message = str(error)
    place = _PLACE.search(message)
    text = message[: place.start()] if place else message
    path, of_key = (place["path"], place["key"] is not None) if place else ("", False)

    def fails_so() -> bool:
        try:
            convert(value)
        except Exception as other:  # a validator, now that it is reached, may raise anything
            return str(other) == message
        return False

    fails = fails_so if _is_small(value) else None
    found = _find(path, root, value, fails)
    cause = error.__cause__
    if isinstance(cause, Misfit):
        return Misfit(cut(found.place + found.left + cause.path, _MOST_PATH), cause.text)
    if of_key:
        text = _describe_key(text, found, fails)
    elif found.left:
        text = _describe_tag(found) or _plain(text)
    else:
        text = _describe(text, found.node, found.value, refused=cause is not None)
    return Misfit(cut(found.place + found.left, _MOST_PATH), text)


@attrs.frozen
class _Found:
    place: str
    node: Node
    value: Any
    left: str
    """What is left of the path where it cannot be followed: inside a map of which the key is not known."""


def _find(path: str, node: Node, value: Any, fails: Callable[[], bool] | None) -> _Found:
    place, searches = "", 0
    while path:
        part: Part | None = None
        step = path
        if path.startswith(_SOME_KEY) and is_map(value) and fails is not None and searches < _MOST_SEARCHES:
            step, searches = _SOME_KEY, searches + 1
            part = list(parts(node, value))[_first_failing(value, fails)]
        elif index := _INDEX.match(path):
            step = index[0]
            part = part_at(node, value, int(index[1]))
        elif path.startswith("."):
            fields = [part for part in parts(node, value) if part.is_field and path.startswith(part.place)]
            part = max(fields, key=lambda part: len(part.place), default=None)
            step = part.place if part else path
        if part is None:
            break
        place, node, value, path = place + part.place, part.node, part.value, path.removeprefix(step)
    return _Found(place, node, value, path)


def _first_failing(items: dict[Any, Any], fails: Callable[[], bool]) -> int:
    """The index of the first item because of which the whole fails as it does; those after it are taken away."""
    everything = list(items.items())
    low, high = 0, len(everything) - 1
    while low < high:
        middle = (low + high) // 2
        _keep(items, everything[: middle + 1])
        if fails():
            high = middle
        else:
            low = middle + 1
    _keep(items, everything[: low + 1])
    return low


def _keep(items: dict[Any, Any], some: list[tuple[Any, Any]]) -> None:
    items.clear()
    items.update(some)


def _is_small(value: Any) -> bool:
    waiting, count = [value], 0
    while waiting and count <= _MOST_ITEMS:
        inner = waiting.pop()
        count += 1
        if is_map(inner):
            waiting += inner.values()
        elif is_list(inner):
            waiting += inner
    return count <= _MOST_ITEMS


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


def _describe_tag(found: _Found) -> str | None:
    """What is wrong with the tag of a Struct, which is no field of it; None where what is left is no tag."""
    structs = [member for member in alternatives(found.node) if isinstance(member, inspect.StructType)]
    tags = [struct.tag for struct in structs if found.left == f".{struct.tag_field}"]
    tag = found.value.get(found.left[1:]) if is_map(found.value) else None
    return f"expected {choice(tags)}, got {show(tag)}" if tags else None


def _describe_key(text: str, found: _Found, fails: Callable[[], bool] | None) -> str:
    for member in alternatives(found.node):
        if isinstance(member, inspect.DictType) and is_map(found.value) and fails is not None and not found.left:
            key = list(found.value)[_first_failing(found.value, fails)]
            return f"has a key that does not fit: expected {title(member.key_type)}, got {show(key)}"
    return f"has a key that does not fit: {_plain(text)}"


def _plain(text: str) -> str:
    """A text of msgspec's or of a validator, which may quote what the peer sent: escaped and cut, in Python's words."""
    words = text[:1].lower() + text[1:].replace("`array`", "list").replace("`object`", "map").replace("`", "")
    return cut(repr(words)[1:-1], _MOST_TEXT)
