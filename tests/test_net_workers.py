from __future__ import annotations

import contextvars
import math
from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from rpc.net.workers import Run, Workers

variable = contextvars.ContextVar("variable", default="nothing")


@attrs.define(eq=False)
class Task:
    """A job that does what it is given, and tells how it ended."""

    act: Callable[[], Awaitable[object]]
    deadline: float = math.inf
    ended: str = ""
    task: trio.lowlevel.Task | None = None

    async def run(self) -> None:
        self.task = trio.lowlevel.current_task()
        await self.act()
        self.ended = "ran"

    def cut_short(self) -> None:
        self.ended = "cut short"

    def never_started(self) -> None:
        self.ended = "never started"


async def quick() -> None:
    await trio.lowlevel.checkpoint()


async def nap() -> None:
    await trio.sleep(0.1)


async def finish(worker: Workers, *jobs: Task) -> None:
    for job in jobs:
        worker.start(job)
    await trio.testing.wait_all_tasks_blocked()


async def count_tasks(nursery: trio.Nursery) -> int:
    await trio.testing.wait_all_tasks_blocked()
    return len(nursery.child_tasks)


async def test_one_task_runs_one_job_after_the_other() -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        jobs = [Task(quick) for _ in range(3)]
        for job in jobs:
            await finish(workers, job)
        assert [job.ended for job in jobs] == ["ran"] * 3
        assert len({job.task for job in jobs}) == 1
        nursery.cancel_scope.cancel()


async def test_jobs_that_wait_for_nothing_are_run_in_order_in_one_turn() -> None:
    order: list[int] = []

    def note(number: int) -> Callable[[], Awaitable[object]]:
        async def act() -> None:
            order.append(number)

        return act

    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        jobs = [Task(note(number)) for number in range(20)]
        for job in jobs:
            workers.start(job)
        await trio.testing.wait_all_tasks_blocked()
        assert order == list(range(20))
        assert len({job.task for job in jobs}) == 1
        assert await count_tasks(nursery) == 2  # one was woken in case that the first job would wait
        nursery.cancel_scope.cancel()


async def test_jobs_that_wait_have_tasks_of_their_own_and_wait_for_nobody() -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        jobs = [Task(trio.sleep_forever) for _ in range(128)]
        for job in jobs:
            workers.start(job)
        turns = 0
        while any(job.task is None for job in jobs):
            await trio.lowlevel.checkpoint()
            turns += 1
        assert turns <= 8
        assert len({job.task for job in jobs}) == 128
        nursery.cancel_scope.cancel()


async def test_many_idle_workers_stay_for_a_moment_and_two_for_good(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        for _ in range(3):
            await finish(workers, *(Task(nap) for _ in range(20)))
            await trio.sleep(0.2)
        assert await count_tasks(nursery) == 21  # and the one that ends them
        await trio.sleep(2)
        assert await count_tasks(nursery) == 2
        job = Task(quick)
        await finish(workers, job)
        assert job.ended == "ran"
        nursery.cancel_scope.cancel()


async def test_those_that_are_needed_all_the_time_stay(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        await finish(workers, *(Task(nap) for _ in range(40)))
        await trio.sleep(0.2)
        for _ in range(50):
            await finish(workers, *(Task(nap) for _ in range(20)))
            await trio.sleep(0.2)
        assert await count_tasks(nursery) == 20 + 2 + 1
        nursery.cancel_scope.cancel()


async def test_one_that_is_cancelled_in_the_line_does_not_begin_and_those_behind_it_do() -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        jobs = [Task(quick) for _ in range(3)]
        first, second, third = map(workers.start, jobs)
        second.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert [job.ended for job in jobs] == ["ran", "never started", "ran"]
        for run in (first, second, third):
            run.cancel()  # which comes too late, and strikes nobody
        following = Task(quick)
        await finish(workers, following)
        assert following.ended == "ran"
        nursery.cancel_scope.cancel()


async def test_a_job_that_is_cancelled_before_it_begins_does_not_begin() -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        fresh = Task(quick)
        workers.start(fresh).cancel()
        await trio.testing.wait_all_tasks_blocked()
        pooled, following = Task(quick), Task(quick)
        workers.start(pooled).cancel()
        await trio.testing.wait_all_tasks_blocked()
        await finish(workers, following)
        assert [fresh.ended, pooled.ended, following.ended] == ["never started", "never started", "ran"]
        assert await count_tasks(nursery) == 1
        nursery.cancel_scope.cancel()


async def test_a_cancelled_job_is_cut_short_and_the_next_is_not() -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        for _ in range(3):
            job, following = Task(trio.sleep_forever), Task(quick)
            worker = workers.start(job)
            await trio.testing.wait_all_tasks_blocked()
            worker.cancel()
            await finish(workers)
            assert job.ended == "cut short"
            await finish(workers, following)
            assert following.ended == "ran"
            assert following.task is job.task
        nursery.cancel_scope.cancel()


async def test_a_job_may_finish_although_it_was_cancelled() -> None:
    may_end = trio.Event()

    async def finish_anyway() -> None:
        with trio.CancelScope(shield=True):
            await may_end.wait()

    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        job, following = Task(finish_anyway), Task(quick)
        worker = workers.start(job)
        await trio.testing.wait_all_tasks_blocked()
        worker.cancel()
        may_end.set()
        await trio.testing.wait_all_tasks_blocked()
        assert job.ended == "ran"
        await finish(workers, following)
        assert following.ended == "ran"
        nursery.cancel_scope.cancel()


async def test_a_deadline_belongs_to_its_job_alone(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())

        async def sleep(seconds: float) -> None:
            await trio.sleep(seconds)

        late = Task(lambda: sleep(10), deadline=trio.current_time() + 1)
        workers.start(late)
        await trio.sleep(2)
        assert late.ended == "cut short"

        in_time = Task(lambda: sleep(1), deadline=trio.current_time() + 2)
        workers.start(in_time)
        await trio.sleep(5)
        assert in_time.ended == "ran"

        following = Task(lambda: sleep(10))
        workers.start(following)
        await trio.sleep(11)
        assert following.ended == "ran"
        assert late.task is in_time.task is following.task
        nursery.cancel_scope.cancel()


async def test_a_deadline_that_has_passed_already(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        for _ in range(2):  # in a new task, and in a kept one
            job = Task(quick, deadline=trio.current_time() - 1)
            workers.start(job)
            await trio.sleep(1)
            assert job.ended == "never started"
        nursery.cancel_scope.cancel()


async def test_a_deadline_that_strikes_as_the_job_ends_strikes_nobody(mock_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())

        async def end_late() -> None:
            await trio.lowlevel.checkpoint()
            mock_clock.jump(5)

        job, following = Task(end_late, deadline=trio.current_time() + 1), Task(quick)
        await finish(workers, job)
        await finish(workers, following)
        assert [job.ended, following.ended] == ["ran", "ran"]
        nursery.cancel_scope.cancel()


async def test_each_job_starts_with_the_variables_of_the_connection() -> None:
    variable.set("of the connection")
    seen = []

    async def change() -> None:
        seen.append(variable.get())
        variable.set("of a job")
        await trio.lowlevel.checkpoint()
        seen.append(variable.get())

    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        variable.set("of whoever reads")
        for _ in range(3):
            await finish(workers, Task(change))
        nursery.cancel_scope.cancel()
    assert seen == ["of the connection", "of a job"] * 3


async def test_all_end_with_their_nursery() -> None:
    running, waiting = Task(trio.sleep_forever), Task(quick)
    async with trio.open_nursery() as nursery:
        workers = Workers(nursery, contextvars.copy_context())
        await finish(workers, running, waiting)
        nursery.cancel_scope.cancel()
    assert [running.ended, waiting.ended] == ["", "ran"]


async def test_what_a_job_raises_is_a_fault_of_ours_and_comes_out() -> None:
    async def fail() -> None:
        raise RuntimeError("a bug of ours")

    with pytest.RaisesGroup(RuntimeError):
        async with trio.open_nursery() as nursery:
            worker = Workers(nursery, contextvars.copy_context()).start(Task(fail))
            assert isinstance(worker, Run)
