"""`register_type`: classes that are neither plain data nor have fields, made to travel."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast

from msgspec import inspect

from rpc.service.forms import FROM_TEXT
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.registry import Registration, enter
from rpc.wire import values

__all__ = ["register_type"]

T = TypeVar("T")


def register_type(cls: type[T], to: Callable[[T], Any], from_: Callable[[Any], T], *, wire: Any = None) -> None:
    """Let the values of a class travel, as arguments, results and items, and inside of them.

    Both sides need it, once, and before a service has a handler that is annotated with the class::

        rpc.register_type(Money, to=str, from_=Money.parse)
        rpc.register_type(complex, to=lambda z: (z.real, z.imag), from_=lambda z: complex(*z), wire=tuple[float, float])

    A value of a subclass travels as
    one of the class, and arrives as one; a handler that is annotated with a subclass needs a registration of that.

    Args:
        cls: a class that is neither plain data nor an attrs class, a dataclass or a Struct: those travel as they are.
        to: makes what is sent of a value; anything that can travel itself.
        from_: makes a value of what was sent. What it raises is told to the sender as an argument that does not fit:
            the text of a ValueError or TypeError, of others the name of their class.
        wire: the annotation of what is sent, by which it is checked before `from_` sees it. Where it is left out, it
            is `to` itself, if that is a class, or else the annotation of its result, if it has one.

    Raises:
        TypeError: the class travels without this, or `wire` cannot travel.
        ValueError: it is registered already.
    """
    if not isinstance(cast("object", cls), type):
        raise TypeError(f"{cls!r} is no class: register what it is made of")
    if cls in FROM_TEXT or cls is object or not isinstance(inspect.type_info(cls), inspect.CustomType):
        raise TypeError(f"{cls.__name__} travels without being registered")
    annotation = _result_of(to) if wire is None else wire
    try:
        read = MsgspecConverter().reader(annotation)
    except TypeError as error:
        raise TypeError(f"{cls.__name__}: what it travels as: {error}; say what it is with wire=") from error
    enter(Registration(cls=cls, wire=annotation, read=read, from_=from_))
    values.register(cls, to)


def _result_of(to: Callable[..., Any]) -> Any:
    if isinstance(to, type):
        return to
    try:
        return typing.get_type_hints(to, include_extras=True).get("return", Any)
    except Exception:  # a builtin has none, and evaluating an annotation may raise anything
        return Any
