"""Workers: the tasks that run `async def` handlers, and `def` handlers in threads.

A worker keeps its task and its cancel scope from job to job, since a new task and scope are most of what a short
`async def` handler costs; a scope that was cancelled is left and replaced. It runs the jobs that are there one behind
the other, so one that ends without having waited for anything, as many do, costs no turn of a task: with 64 calls in
flight a call takes 14 us in place of 34 (measured). A job that waits holds up nobody: before it began another worker
was woken for those behind it.
"""

from __future__ import annotations

import contextvars
import math
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

import trio

__all__ = ["Job", "Run", "Workers"]

_FEW = 2
"""Idle workers of a connection that stay for good; each is three KiB of memory."""

_MOMENT = 1.0
"""Seconds for which more of them stay, since the next calls may be as many: a call that waits takes 24 us in place of
36 where a worker is there for it (measured)."""


class Job(Protocol):
    """One call of a handler; `run` to its end, `cut_short` or `never_started` finishes it."""

    deadline: float

    async def run(self) -> None:
        """Run the handler and answer its caller; only cancellation may escape."""
        ...

    def cut_short(self) -> None:
        """The handler was cancelled, and ended with that."""
        ...

    def never_started(self) -> None:
        """Cancelled before the handler began."""
        ...


class Run:
    """A job that was started."""

    __slots__ = ("_is_cancelled", "_scope", "job")

    def __init__(self, job: Job) -> None:
        self.job = job
        self._scope: trio.CancelScope | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """Cancel the job, which may not have begun; does nothing where it has ended."""
        self._is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def perform(self, scope: trio.CancelScope, context: contextvars.Context) -> None:
        """Run the job in a context; what cancels it is `scope`.

        Cancelled, it keeps the scope: the worker leaves that one behind, so to cancel it once more reaches nobody else.
        """
        job = self.job
        if job.deadline != math.inf:
            self._is_cancelled |= trio.current_time() >= job.deadline
            scope.deadline = job.deadline
        if self._is_cancelled:
            job.never_started()
        else:
            self._scope = scope
            await _in_context(context, job.run())
            self._scope = None
        if job.deadline != math.inf:
            # One that strikes between the end of the handler and here belongs to no one.
            scope.deadline = math.inf


class Workers:
    """The workers of one connection.

    How many share the jobs that wait is found out from turn to turn. `_woken` are on their way to their first job. A
    worker that takes a job has others woken for those behind it, up to `_share` of them at a time; that is one where
    jobs have begun to come, and doubles whenever a worker finds jobs left, since then those before it wait for
    something. `_least_idle` is how many workers were idle all through the last moment: nobody has needed those.

    Args:
        nursery: owns their tasks.
        context: what each job starts with a fresh copy of, so that nobody sees another call's variables.
    """

    __slots__ = ("_context", "_idle", "_is_trimming", "_least_idle", "_nursery", "_queue", "_share", "_woken")

    def __init__(self, nursery: trio.Nursery, context: contextvars.Context) -> None:
        self._nursery = nursery
        self._context = context
        self._queue: deque[Run] | None = None
        self._idle: list[trio.lowlevel.Task] = []
        self._woken = 0
        self._share = 0
        self._least_idle = 0
        self._is_trimming = False

    def start(self, job: Job) -> Run:
        """Have a job run behind those that were started before; what is given back can cancel it at once."""
        run = Run(job)
        if self._queue is None:
            self._queue = deque()
        self._queue.append(run)
        if not self._woken:
            self._share = 0
            self._wake(self._queue)
        return run

    # --- Waking --------------------------------------------------------------------------------------------------

    def _wake(self, queue: deque[Run]) -> None:
        """Wake a worker, or make one."""
        self._woken += 1
        if not self._idle:
            self._context.copy().run(self._nursery.start_soon, self._work, queue)
            return
        trio.lowlevel.reschedule(self._idle.pop())
        self._least_idle = min(self._least_idle, len(self._idle))

    def _begin(self, queue: deque[Run]) -> None:
        """A worker that was woken has its turn."""
        self._woken -= 1
        # The first wakes one other. If that finds jobs left, those that have begun wait for something; the others may
        # wait too, so from turn to turn twice as many workers share them.
        self._share = min(2 * self._share, len(queue)) or 1

    # --- Working -------------------------------------------------------------------------------------------------

    async def _work(self, queue: deque[Run]) -> None:
        """The life of a worker."""
        self._begin(queue)
        is_wanted = True
        while is_wanted:
            at_hand: list[Run] = []
            with trio.CancelScope() as scope:
                is_wanted = await self._run_jobs(queue, scope, at_hand)
            for run in at_hand:
                run.job.cut_short()

    async def _run_jobs(self, queue: deque[Run], scope: trio.CancelScope, at_hand: list[Run]) -> bool:
        """Run jobs inside one scope until it is cancelled (True) or this worker is one too many (False)."""
        while True:
            while queue:
                run = queue.popleft()
                while self._woken < min(self._share, len(queue)):
                    self._wake(queue)
                at_hand.append(run)
                await run.perform(scope, self._context.copy())
                at_hand.clear()
                if scope.cancel_called:
                    return True
            if not await self._rest():
                return False
            self._begin(queue)

    async def _rest(self) -> bool:
        """Wait for the next job; False where there are enough who do."""
        task = trio.lowlevel.current_task()
        task.context = self._context.copy()  # what the last job has set is let go
        self._idle.append(task)
        if len(self._idle) > _FEW and not self._is_trimming:
            self._is_trimming = True
            self._nursery.start_soon(self._trim)

        def forget(_: Callable[[], Any]) -> trio.lowlevel.Abort:
            self._idle.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(forget) is not _ENOUGH

    async def _trim(self) -> None:
        """End the idle workers that nobody has needed for a moment, until few are left."""
        while len(self._idle) > _FEW:
            self._least_idle = len(self._idle)
            await trio.sleep(_MOMENT)
            for _ in range(min(self._least_idle, len(self._idle)) - _FEW):
                trio.lowlevel.reschedule(self._idle.pop(0), _ENDING)
        self._is_trimming = False


_ENOUGH = object()


class _Ending:
    """What a worker is woken with that is one too many; see `rpc.net.waiting` for what it stands for."""

    def unwrap(self) -> object:
        return _ENOUGH


_ENDING: Any = _Ending()


@types.coroutine
def _in_context(context: contextvars.Context, coroutine: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Run a coroutine in a context of its own, without a turn of the task for that."""
    try:
        message = context.run(coroutine.send, None)
    except StopIteration:
        return
    # It waits: all steps of the task that follow are taken in its context.
    trio.lowlevel.current_task().context = context
    step: Callable[[Any], Any]
    while True:
        try:
            step, answer = coroutine.send, (yield message)
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            step, answer = coroutine.throw, error
        try:
            message = step(answer)
        except StopIteration:
            return
