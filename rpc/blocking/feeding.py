"""The caller's items: found among the arguments, and sent one by one by the thread that waits for the call anyway.

By name, an argument that is an iterator (a generator, ``iter(...)``, an open file) is the stream of the call; a list is
a value. By handle, whatever ``for`` can iterate is the stream in the place where the handler takes one. An `rpc.each`
is taken too: it is what type checkers expect there.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from rpc.blocking.calls import OpenCall
from rpc.errors import Error
from rpc.service.convert import Writer
from rpc.service.handle import Handle
from rpc.service.outgoing import pack_call, placed
from rpc.wire.payload import EncodeError, Payload, pack

__all__ = ["Feed", "pack_blocking"]

_READY = frozenset(map(type, ([], (), range(0), iter([]), iter(()), iter(range(0)), iter(range(2**70)))))
"""Whose next item is there at once, so that items may leave many at a time. What may take its time must not keep those
waiting that it has given."""

_LOOK = 64
"""Items of such that are sent before it is looked whether the callee has ended the call."""


class _Stream(AsyncIterable[Any]):
    """An iterable, dressed as what the arguments of a call may have for a stream."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items

    def __aiter__(self) -> AsyncIterator[Any]:
        raise AssertionError

    def __repr__(self) -> str:
        return repr(self.items)


def pack_blocking(
    target: Handle | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Payload, int, Iterable[Any] | None]:
    """Encode the arguments of a call; gives the flags that go with them too, and the stream that was among them.

    Raises:
        EncodeError: an argument cannot travel; it names the method, and the path from the argument.
        TypeError: there are two streams, one where none is taken, or one that needs an event loop.
    """
    if isinstance(target, str):
        if any(map(_is_iterator, (*args, *kwargs.values()))):
            args = tuple(map(_dressed, args))
            kwargs = {name: _dressed(value) for name, value in kwargs.items()}
    elif target.signature.stream is not None:
        place, name = target.signature.stream.index, target.signature.stream.name
        if place is not None and place < len(args):
            args = (*args[:place], _dressed(args[place], always=True), *args[place + 1 :])
        elif name in kwargs:
            kwargs = {**kwargs, name: _dressed(kwargs[name], always=True)}
    payload, flags, stream = pack_call(target, args, kwargs)
    if stream is None:
        return payload, flags, None
    return payload, flags, stream.items if isinstance(stream, _Stream) else _stepped(stream)


def _is_iterator(value: object) -> bool:
    return hasattr(type(value), "__next__")


def _is_iterable(value: object) -> bool:
    return hasattr(type(value), "__iter__") and not isinstance(value, str | bytes | Mapping)


def _dressed(value: Any, always: bool = False) -> Any:
    """A value, as a stream if it is one: `always` says that it stands where a stream is taken."""
    is_stream = _is_iterable(value) if always else _is_iterator(value)
    return _Stream(value) if is_stream else value


def _stepped(items: AsyncIterable[Any]) -> Iterator[Any]:
    """The items of an async iterable that waits for nothing, as `rpc.each` gives it."""
    iterator = aiter(items)
    while True:
        try:
            anext(iterator).__await__().send(None)
        except StopIteration as item:
            yield item.value
        except StopAsyncIteration:
            return
        else:
            raise TypeError(f"{items!r} waits for something, which takes an event loop: give what `for` can iterate")


class Feed:
    """The items of one call on their way out.

    Attributes:
        is_done: whether nothing is left to be sent.
    """

    def __init__(self, call: OpenCall, items: Iterable[Any], write: Writer | None = None) -> None:
        self._call = call
        self._items = items
        self._iterator: Iterator[Any] | None = None
        self._write = write
        self._is_ready = type(items) in _READY
        self._sent = 0
        self.is_done = False

    def all(self) -> None:
        """Send every item, then the end; stops where the call has ended.

        Raises:
            TimeoutError: the deadline has passed.
            Exception: what iterating raised; the callee was told to stop, and has stopped.
        """
        try:
            while not (self.is_done or self._call.is_done):
                self.step()
        finally:
            self.close()

    def step(self) -> None:
        """Send the next item, or the end; there is credit for it. Raises as `all`."""
        call = self._call
        try:
            if self._iterator is None:
                self._iterator = iter(self._items)
            payload = self._next(self._iterator)
        except Exception:
            self.is_done = True
            try:
                call.stop()
            except (Error, TimeoutError):
                pass  # the call is known to have failed, and why
            raise
        self._sent += 1
        if payload is None:
            self.is_done = True
            call.end_items()
        elif not call.send(payload, waits=self._is_ready) or self._has_ended():
            self.is_done = True

    def close(self) -> None:
        """Close a generator that has not ended: it was given to this call alone."""
        self.is_done = True
        if inspect.isgenerator(self._items):
            self._items.close()

    def _next(self, iterator: Iterator[Any]) -> Payload | None:
        for item in iterator:
            try:
                return pack(item if self._write is None else self._write(item))
            except EncodeError as error:
                raise placed(error, "item") from error.__cause__
        return None

    def _has_ended(self) -> bool:
        """Whether the callee has ended the call, looked for now and then."""
        if not self._is_ready or self._sent % _LOOK == 0:
            self._call.look()
        return self._call.is_done
