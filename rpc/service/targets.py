"""What is called by handle, as type checkers see it; nothing here does anything when it runs.

The overloads of a client take `Answering`, `Streamable`, `Enterable` and `Notifiable`, each as it is, and with a
leading `rpc.Context` stripped. Their form is the one that type checkers of every make infer exactly:

- A handle is generic in one function, not in parameters and result: functions alone are compared as functions, where
  a parameter by position or by name may stand for one by position only.
- `Function`, and no ``Callable``, is what overloads see in it: mypy would infer the parameters of a ``Callable`` within
  another type from the arguments of the call.
- No handle is matched by a protocol: pyright remembers such matches, without regard to defaults.
- What is awaited and what is not are two classes, told apart as a method is registered: where an argument holds
  ``Any``, a checker gives up on overloads of different results, and on unions.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

__all__ = [
    "Answering",
    "Answers",
    "AnswersLater",
    "Enterable",
    "Enters",
    "Function",
    "Notifiable",
    "Notified",
    "Streamable",
    "Streams",
]

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
F_co = TypeVar("F_co", bound=Callable[..., Any], covariant=True)


class Function(Protocol[P, T_co]):
    """A function that takes P and gives T."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co: ...


class Answers(Generic[F_co]):
    """A handle whose function gives the answer itself."""


class AnswersLater(Generic[F_co]):
    """A handle whose function gives the answer to who awaits it."""


class Streams(Generic[F_co]):
    """A handle whose function gives something to iterate."""


class Enters(Generic[F_co]):
    """A handle whose function gives something to enter."""


class Notified(Generic[F_co]):
    """A handle that is never answered."""


# A handle whose function takes P, and gives T once that is unwrapped.
Answering: TypeAlias = AnswersLater[Function[P, Awaitable[T]]] | Answers[Function[P, T]]
Streamable: TypeAlias = Streams[Function[P, AsyncIterable[T] | Iterator[T]]]
Enterable: TypeAlias = Enters[Function[P, AbstractAsyncContextManager[T]]]
Notifiable: TypeAlias = Notified[Function[P, object]]
