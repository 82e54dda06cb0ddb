"""`Stream`: what a contract says of a method that streams its items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

__all__ = ["Stream"]

T_co = TypeVar("T_co", covariant=True)


class Stream(AsyncIterator[T_co], AbstractAsyncContextManager[AsyncIterator[T_co]]):
    """The result of a contract's method that streams its items: opened by ``async with``, iterated by ``async for``.

    A contract annotates with it what its stubs give, and who implements the contract writes a generator::

        def countdown(self, start: int) -> rpc.Stream[int]: ...

        async with calc.countdown(3) as numbers:
            async for number in numbers: ...

    Nothing is sent before the block begins, and its end tells the handler to stop. Without the block nobody would do
    that for an iteration that is given up in the midst of it: iterating without it raises RuntimeError, and so does
    a second block. Leaving the block is as leaving that of `rpc.Client.stream`, and raises what that raises.
    """

    __slots__ = ()
