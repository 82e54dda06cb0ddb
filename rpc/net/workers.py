"""Workers: the tasks that run `async def` handlers, and `def` handlers in threads.

A worker keeps its task and its cancel scope from call to call, since a new task and scope are most of what a short
`async def` handler costs. A scope that was cancelled is left and replaced.
"""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable
from typing import Any, Protocol

import trio

__all__ = ["Job", "Worker", "Workers"]

_MOST_IDLE = 8
"""Workers of a connection that wait for their next call; more end when their call has ended."""


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


class Worker:
    """One task and the scope around the job it runs."""

    __slots__ = ("_pool", "job", "scope", "task")

    def __init__(self, pool: Workers, job: Job) -> None:
        self._pool = pool
        self.job: Job | None = job
        self.task: trio.lowlevel.Task | None = None
        self.scope = trio.CancelScope(deadline=job.deadline)

    def cancel(self) -> None:
        """Cancel the job at hand; it may not have begun."""
        self.scope.cancel()

    async def run(self) -> None:
        """Run one job after the other, until the pool has enough idle workers."""
        is_wanted = True
        while is_wanted:
            with self.scope:
                is_wanted = await self._run_jobs()
            if self.job is not None:
                self.job.cut_short()
                self.job = None
            if self.scope.cancel_called:
                self.scope = trio.CancelScope()
                is_wanted = await self._pool.rest(self)

    async def _run_jobs(self) -> bool:
        """Run jobs inside one scope until it is cancelled (True) or this worker is one too many (False)."""
        while True:
            assert self.job is not None
            if self.scope.cancel_called:
                self.job.never_started()
            else:
                await self.job.run()
            if self.scope.deadline != math.inf:
                # A deadline that strikes between the end of the handler and here belongs to no one.
                self.scope.deadline = math.inf
            if self.scope.cancel_called:
                self.job = None
                return True
            if not await self._pool.rest(self):
                return False


class Workers:
    """The workers of one connection.

    Args:
        nursery: owns their tasks.
        context: what each handler starts with a fresh copy of, so that nobody sees another call's variables.
    """

    __slots__ = ("_context", "_idle", "_nursery")

    def __init__(self, nursery: trio.Nursery, context: contextvars.Context) -> None:
        self._nursery = nursery
        self._context = context
        self._idle: list[Worker] = []

    def start(self, job: Job) -> Worker:
        """Have a job run; what is given back can cancel it at once."""
        if not self._idle:
            worker = Worker(self, job)
            self._context.run(self._nursery.start_soon, worker.run)
            return worker
        worker = self._idle.pop()
        assert worker.task is not None
        worker.job = job
        if job.deadline != math.inf:
            worker.scope.deadline = job.deadline
        worker.task.context = self._context.copy()
        task, worker.task = worker.task, None
        trio.lowlevel.reschedule(task)
        return worker

    async def rest(self, worker: Worker) -> bool:
        """Park a worker until `start` has a job for it; False where enough are parked."""
        worker.job = None
        if len(self._idle) >= _MOST_IDLE:
            return False
        worker.task = trio.lowlevel.current_task()
        self._idle.append(worker)

        def forget(_: Callable[[], Any]) -> trio.lowlevel.Abort:
            self._idle.remove(worker)
            worker.task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(forget)
        return True
