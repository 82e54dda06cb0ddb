"""Jobs: one call in a worker, from the start of its handler to its answer; one class for each kind of handler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any, Protocol

import attrs
import trio

from rpc.errors import Cancelled, DeadlineExceeded, Error, Internal, InvalidArgument, Processed
from rpc.net.handlers import is_failure, raise_unmixed, run_async
from rpc.service.handle import Handle, Kind
from rpc.service.outgoing import placed
from rpc.session.calls import Incoming
from rpc.wire import failures
from rpc.wire.gathering import Arrived
from rpc.wire.payload import EncodeError, Payload, decode, pack
from rpc.wire.profile import ProfileError

__all__ = ["JOBS", "Answers", "Job", "encoded"]


class Answers(Protocol):
    """Where a job gives what its handler gave: the dispatcher."""

    def answer(self, record: Incoming, payload: Payload) -> None:
        """Send the result."""
        ...

    def fail(self, record: Incoming, handle: Handle, exception: BaseException) -> None:
        """Answer with what the handler raised."""
        ...

    def refuse(self, record: Incoming, error: Error) -> None:
        """Answer with an error of ours."""
        ...


@attrs.define(eq=False)
class Job:
    """A call of an `async def` handler, or of one in a thread."""

    answers: Answers
    record: Incoming
    handle: Handle
    args: Any
    kwargs: dict[str, Any]
    deadline: float

    async def run(self) -> None:
        """Run the handler and answer its caller; only cancellation escapes."""
        try:
            payload = await self._serve()
        except BaseException as error:
            if not is_failure(error):
                raise
            self.record.owner = None
            self.answers.fail(self.record, self.handle, error)
        else:
            # A late CANCEL must not reach whatever this worker runs next.
            self.record.owner = None
            self.answers.answer(self.record, payload)

    async def _serve(self) -> Payload:
        return encoded(await run_async(self.handle, self.args, self.kwargs), self.handle)

    def cut_short(self) -> None:
        """The handler was cancelled, and ended with that."""
        self._refuse(Processed.UNKNOWN)

    def never_started(self) -> None:
        """Cancelled before the handler began."""
        self._refuse(Processed.NOT_PROCESSED)

    def _refuse(self, processed: Processed) -> None:
        self.record.owner = None
        if trio.current_time() >= self.deadline:
            error: Error = DeadlineExceeded("the caller's deadline has passed", processed=processed)
        else:
            error = Cancelled("cancelled by its caller", processed=processed)
        self.answers.refuse(self.record, error)


class StreamingJob(Job):
    """A call of a generator: each value that it yields is an item.

    The generator runs from start to end in this one task, with no scope opened around a step of it (PEP 789), and
    is closed inside the worker's scope: its `finally` is reached promptly when the caller leaves.
    """

    async def _serve(self) -> Payload:
        generator = self.handle.function(*self.args, **self.kwargs)
        try:
            if self.handle.is_async or self.handle.thread:
                async with aclosing(generator if self.handle.is_async else _in_threads(generator)) as items:
                    async for item in items:
                        if not await self._send(item):
                            break
            else:
                with closing(generator):
                    for item in generator:
                        if not await self._send(item):
                            break
        except BaseExceptionGroup as group:
            raise_unmixed(group)
        return pack(None)

    async def _send(self, item: object) -> bool:
        payload = encoded_item(item, self.handle, "an item")
        sent: bool = await self.record.stream.send(payload)
        return sent


_END = object()


async def _in_threads(generator: Generator[Any, None, Any]) -> AsyncGenerator[Any]:
    """The items of a `def` generator that blocks: each step of it, and its closing, runs in a worker thread."""
    try:
        while (item := await trio.to_thread.run_sync(next, generator, _END)) is not _END:
            yield item
    finally:
        # A thread is never abandoned: the step at hand has ended, and what is left is the generator's `finally`.
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(generator.close)


class EnteringJob(Job):
    """A call of a context manager: it is entered, its value is the one item, and the caller's end leaves it.

    What the caller's body raised is raised inside it, as the `Error` that it travelled as.
    """

    async def _serve(self) -> Payload:
        stream = self.record.stream
        try:
            async with self.handle.function(*self.args, **self.kwargs) as value:
                await stream.send(encoded_item(value, self.handle, "the value"))
                failure = await stream.receive()
                if failure is not None:
                    raise self._failure_of_body(failure)
        except BaseExceptionGroup as group:
            raise_unmixed(group)
        return pack(None)

    def _failure_of_body(self, payload: Arrived) -> Error:
        try:
            return failures.decode(decode(payload))
        except (ProfileError, ValueError, AttributeError) as problem:
            return InvalidArgument(f"{self.handle.name}: what ended the block is no error: {problem}")


JOBS: dict[Kind, type[Job]] = {Kind.METHOD: Job, Kind.STREAMING: StreamingJob, Kind.CONTEXT: EnteringJob}
"""The job of each kind of handler."""


def encoded(value: object, handle: Handle) -> Payload:
    """The payload of the result of a handler.

    Raises:
        Internal: (do not retry) it cannot travel.
    """
    write = handle.signature.write_result
    try:
        return pack(value if write is None else write(value))
    except EncodeError as error:
        raise _unfit("the result", handle, error) from error


def encoded_item(value: object, handle: Handle, what: str) -> Payload:
    """The payload of an item of a handler, or of the value of a context, as `what` says.

    Raises:
        Internal: (do not retry) it cannot travel.
    """
    write = handle.signature.write_item_out
    try:
        return pack(value if write is None else write(value))
    except EncodeError as error:
        raise _unfit(what, handle, error) from error


def _unfit(what: str, handle: Handle, error: EncodeError) -> Internal:
    """What the caller is told of a value that cannot travel, and of the path to it: ``result.items[3].owner``."""
    named = placed(error, what.rpartition(" ")[2])
    return Internal(f"{what} of {handle.name} cannot travel: {named}", processed=Processed.DO_NOT_RETRY)
