"""Marks: what is said of a method inside a contract, or of one that implements it. They change nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

import attrs

from rpc.service.declared import declared
from rpc.service.permission import Allow

__all__ = ["Marks", "marks_of", "method", "notification"]

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "_rpc_marks"


@attrs.frozen(kw_only=True)
class Marks:
    """What a mark says; see `method` and `notification`."""

    kind: Literal["method", "notification"] = "method"
    raises: tuple[type[Exception], ...] = ()
    idempotent: bool = False
    thread: bool = False
    concurrent: bool = False
    allow: Allow | None = None
    name: str | None = None


_NONE = Marks()


def marks_of(function: object) -> Marks:
    """What is marked on a function; where nothing is, it is an ordinary method."""
    marks: Marks = getattr(function, _ATTRIBUTE, _NONE)
    return marks


@overload
def method(function: F, /) -> F: ...
@overload
def method(
    *,
    raises: Sequence[type[Exception]] = (),
    idempotent: bool = False,
    thread: bool = False,
    allow: Allow | None = None,
    name: str | None = None,
) -> Callable[[F], F]: ...
def method(
    function: Any = None,
    /,
    *,
    raises: Sequence[type[Exception]] = (),
    idempotent: bool = False,
    thread: bool = False,
    allow: Allow | None = None,
    name: str | None = None,
) -> Any:
    """Say more of a method, stream or context inside a contract: a decorator, with or without arguments.

    Args:
        function: the function, where the decorator stands without arguments.
        raises: the exception classes that travel as themselves.
        idempotent: a call that may have run may be made again.
        thread: a ``def`` that implements it runs in a worker thread. Who implements it may say so as well, and that
            is the better place where another implementation need not.
        allow: who may call it, as in `rpc.Service.method`. Only who implements it says so.
        name: its name on the wire, where it is not the function's own.

    Raises:
        TypeError: it is no function.
    """
    marks = Marks(raises=declared(raises, "rpc.method"), idempotent=idempotent, thread=thread, allow=allow, name=name)
    return _marking(marks) if function is None else _marking(marks)(function)


@overload
def notification(function: F, /) -> F: ...
@overload
def notification(
    *, thread: bool = False, concurrent: bool = False, allow: Allow | None = None, name: str | None = None
) -> Callable[[F], F]: ...
def notification(
    function: Any = None,
    /,
    *,
    thread: bool = False,
    concurrent: bool = False,
    allow: Allow | None = None,
    name: str | None = None,
) -> Any:
    """Make a method of a contract a notification, which is never answered: a decorator, with or without arguments.

    Args:
        function: the function, where the decorator stands without arguments; an ``async def`` that gives None.
        thread: a ``def`` that implements it runs in a worker thread; who implements it may say so as well.
        concurrent: let several of one connection run at once, and in any order; who implements it may say so as well.
        allow: whose notifications are taken. Only who implements it says so.
        name: its name on the wire, where it is not the function's own.

    Raises:
        TypeError: it is no function.
    """
    marks = Marks(kind="notification", thread=thread, concurrent=concurrent, allow=allow, name=name)
    return _marking(marks) if function is None else _marking(marks)(function)


def _marking(marks: Marks) -> Callable[[F], F]:
    def mark(function: F) -> F:
        try:
            setattr(function, _ATTRIBUTE, marks)
        except AttributeError:
            raise TypeError(f"{function!r} is no function that can be marked: let the mark stand on a def") from None
        return function

    return mark
