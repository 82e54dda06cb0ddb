"""Waiters: a task that waits for the end of its call, woken with what the peer answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from rpc.wire.gathering import Arrived

__all__ = ["Lot", "Sleeper", "Sleepers", "Waiter"]


class _Woken:
    """What every task is woken with: nothing.

    It stands for an `outcome.Value`, which is good for one use and costs 4 % of a call to make and to unwrap
    (measured with 64 calls in flight).
    """

    def unwrap(self) -> None:
        return None


_WOKEN: Any = _Woken()


class Sleeper:
    """One task that sleeps until it is woken."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    def wake(self) -> None:
        """Wake the task, if it sleeps."""
        # A task must be rescheduled once only, so whoever wakes it takes it out first.
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task, _WOKEN)

    async def sleep(self) -> None:
        """Sleep until the next `wake`; a wake before this is not remembered."""
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._forget)

    def _forget(self, _: Callable[[], Any]) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Sleepers:
    """Tasks that sleep until they are woken, all at once; mostly there is one."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: list[trio.lowlevel.Task] = []

    def wake(self) -> None:
        """Wake the tasks that sleep."""
        tasks = self._tasks
        while tasks:
            trio.lowlevel.reschedule(tasks.pop(0), _WOKEN)

    async def sleep(self) -> None:
        """Sleep until the next `wake`; a wake before this is not remembered."""
        task = trio.lowlevel.current_task()
        self._tasks.append(task)

        def forget(_: Callable[[], Any]) -> trio.lowlevel.Abort:
            self._tasks.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(forget)


class Lot:
    """Tasks that wait in a line: a `trio.lowlevel.ParkingLot` that is made when the first one comes.

    Most connections never need it, and an empty one costs them 400 bytes.
    """

    __slots__ = ("_lot",)

    def __init__(self) -> None:
        self._lot: trio.lowlevel.ParkingLot | None = None

    def __bool__(self) -> bool:
        return bool(self._lot)

    async def park(self) -> None:
        """Wait in the line; a cancelled call has left it."""
        if self._lot is None:
            self._lot = trio.lowlevel.ParkingLot()
        await self._lot.park()

    def unpark(self, count: int = 1) -> None:
        """Wake as many of those who have waited longest."""
        if self._lot is not None:
            self._lot.unpark(count=count)

    def unpark_all(self) -> None:
        """Wake everybody."""
        if self._lot is not None:
            self._lot.unpark_all()


class Waiter(Sleeper):
    """The owner of an outgoing call.

    Attributes:
        is_done: whether the call has ended; then `payload` is its result, or `error` its failure.
    """

    __slots__ = ("error", "is_done", "payload")

    def __init__(self) -> None:
        super().__init__()
        self.is_done = False
        self.payload: Arrived = b""
        self.error: Exception | None = None

    def succeed(self, payload: Arrived) -> None:
        """The call has returned."""
        self.payload = payload
        self.is_done = True
        self.wake()

    def fail(self, error: Exception) -> None:
        """The call has failed."""
        self.error = error
        self.is_done = True
        self.wake()

    async def wait(self) -> None:
        """Sleep until the call has ended; a cancelled wait leaves the call as it is."""
        if self.is_done:
            await trio.lowlevel.checkpoint()
        else:
            await self.sleep()
