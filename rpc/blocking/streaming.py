"""Streams and remote context managers of a blocking client: blocks around a call whose items come and go."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rpc.blocking.calls import OpenCall
from rpc.blocking.feeding import Feed
from rpc.client.terms import Terms
from rpc.errors import Error, Internal, Processed, RemoteError
from rpc.wire import failures
from rpc.wire.payload import decode
from rpc.wire.profile import ProfileError

__all__ = ["Block", "Received", "entered", "streamed"]

T = TypeVar("T")


class Block(AbstractContextManager[T]):
    """What is used by ``with`` alone: other uses are told so, where Python's own message would not say how."""

    __slots__ = ("_block", "_usage")

    def __init__(self, block: AbstractContextManager[T], usage: str) -> None:
        self._block = block
        self._usage = usage

    def __enter__(self) -> T:
        return self._block.__enter__()

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._block.__exit__(cls, error, traceback)

    if not TYPE_CHECKING:  # to type checkers these uses are errors, as they should be

        def __iter__(self) -> None:
            raise TypeError(f"this alone opens nothing; use: {self._usage}")

        __next__ = __iter__


class Received(Generic[T]):
    """The items of a call, as the caller iterates over them; what the caller sends leaves meanwhile.

    Attributes:
        told: the exception that iterating has raised, if it has.
    """

    def __init__(self, call: OpenCall, terms: Terms, feed: Feed | None = None) -> None:
        self._call = call
        self._terms = terms
        self._feed = feed
        self._index = 0
        self.told: BaseException | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            if self._feed is not None and not self._feed.is_done:
                self._send_until_news(self._feed)
            payload = self._call.receive()
            if payload is None:
                raise StopIteration
            index = self._index
            self._index = index + 1
            try:
                value = decode(payload)
            except ProfileError as problem:
                raise self._terms.refuse(problem, index) from None
            item: T = self._terms.convert(value, index)
            return item
        except StopIteration:
            raise
        except Error as error:
            self.told = self._terms.translate(error)
            raise self.told from self.told.__cause__
        except BaseException as error:
            self.told = error
            raise

    def _send_until_news(self, feed: Feed) -> None:
        """Send what may be sent, as long as nothing has come."""
        call = self._call
        while not (feed.is_done or call.look()):
            if not call.wait_to_send(or_news=True) or call.has_news:
                return
            feed.step()


@contextmanager
def streamed(call: OpenCall, terms: Terms, feed: Feed | None) -> Generator[Received[Any]]:
    """The block of ``client.stream``: at its end the callee has stopped, and no item can arrive any more."""
    received = Received[Any](call, terms, feed)
    try:
        yield received
    except (KeyboardInterrupt, GeneratorExit):
        call.give_up()
        raise
    except BaseException:
        _stop(call, terms)
        raise
    else:
        failure = _stop(call, terms)
        if failure is not None and received.told is None:
            raise failure
    finally:
        if feed is not None:
            feed.close()


def _stop(call: OpenCall, terms: Terms) -> Exception | None:
    """End a call and wait until its callee has; gives what it failed with."""
    try:
        if call.is_done:
            call.result()
        else:
            call.stop()
    except Error as error:
        return terms.translate(error)
    except TimeoutError as error:
        return error
    return None


@contextmanager
def entered(call: OpenCall, terms: Terms, feed: Feed | None) -> Generator[Any]:
    """The block of ``client.enter``: the callee's context manager is entered before it and left behind it.

    A context takes no stream: its caller's one item, if any, is what the block raised.
    """
    if feed is not None:
        call.give_up()
        raise TypeError(f"{terms.name} is a context, which takes no stream")
    try:
        value = _first(call, terms)
    except BaseException:
        call.give_up()
        raise
    try:
        yield value
    except (KeyboardInterrupt, GeneratorExit):
        call.give_up()
        raise
    except BaseException as error:
        failure = _leave(call, terms, error)
        if failure is not None:
            error.add_note(f"and {terms.name} failed as it was left: {failure}")
        raise
    call.end_items()
    try:
        call.result()
    except Error as error:
        told = terms.translate(error)
        raise told from told.__cause__


def _first(call: OpenCall, terms: Terms) -> Any:
    """The value of a context manager that was entered: the one item of its call."""
    for value in Received[Any](call, terms):
        return value
    raise Internal(f"{terms.name} ended before it gave its value", processed=Processed.DO_NOT_RETRY)


def _leave(call: OpenCall, terms: Terms, error: BaseException) -> Exception | None:
    """Have the callee's context manager see what the block raised; gives what it failed with besides."""
    told = failures.encode(error if isinstance(error, Error) else RemoteError(str(error), type=type(error).__name__))
    try:
        call.send(told, end=True)
        call.result()
    except Error as answer:
        # It let through what it was told, as most do: that is no failure of its own.
        seen = failures.decode(decode(told))
        if (answer.code, answer.message) != (seen.code, seen.message):
            return terms.translate(answer)
    except TimeoutError as late:
        return late
    return None
