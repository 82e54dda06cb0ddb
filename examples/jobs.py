"""A job runner: shell commands that another process starts, follows and cancels.

In two terminals, in the same directory::

    python examples/jobs.py
    python examples/jobs.py 'for n in 1 2 3 4 5; do echo "step $n"; sleep 1; done'

Ctrl-C in the second terminal cancels the job; in the first it ends the runner with all its jobs. Whoever can call this
service can run anything, so it is served on a Unix socket and nowhere else: only the same user and root connect there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator

import attrs
import trio

import rpc

ADDRESS = "unix:jobs.sock"

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

jobs = rpc.Service("jobs")


@attrs.frozen
class Finished:
    output: str
    exit_code: int


class Job:
    """One command, its output so far, and the scope that it runs in."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.lines: list[str] = []
        self.exit_code: int | None = None
        self.scope = trio.CancelScope()
        self._changed = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> int:
        """Run the command to its end, or until `scope` is cancelled, and give its exit code."""
        exit_code = -signal.SIGTERM
        with self.scope:
            async with open_shell(self.command) as process:
                task_status.started()
                await self._read(process)
                exit_code = await process.wait()
        self.exit_code = exit_code
        self._tell()
        return exit_code

    async def has_line(self, index: int) -> bool:
        """Whether there is such a line of output; waits until there is, or the command has ended."""
        while len(self.lines) <= index and self.exit_code is None:
            await self._changed.wait()
        return len(self.lines) > index

    async def wait(self) -> int:
        """Wait for the end of the command, and give its exit code."""
        while self.exit_code is None:
            await self._changed.wait()
        return self.exit_code

    async def _read(self, process: trio.Process) -> None:
        assert process.stdout is not None
        rest = b""
        async for data in process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            self.lines += [line.decode(errors="replace") for line in lines]
            self._tell()
        if rest:
            self.lines.append(rest.decode(errors="replace"))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@attrs.define
class Runner:
    """All jobs by their numbers, those that have ended too, and the nursery of those that run."""

    nursery: trio.Nursery
    jobs: dict[int, Job] = attrs.field(factory=dict[int, Job])

    def find(self, number: int) -> Job:
        if number not in self.jobs:
            raise rpc.NotFound(f"there is no job {number}")
        return self.jobs[number]


@jobs.lifespan
async def open_runner() -> AsyncGenerator[Runner]:
    """Jobs live as long as the service, and no longer."""
    async with trio.open_nursery() as nursery:
        yield Runner(nursery)
        nursery.cancel_scope.cancel()


@jobs.method
async def start(context: rpc.Context[Runner], command: str) -> int:
    """Start a command and give the number of its job, which goes on when the caller has left."""
    runner, job = context.state, Job(command)
    await runner.nursery.start(job.run)
    number = len(runner.jobs) + 1
    runner.jobs[number] = job
    return number


@jobs.method
async def output(context: rpc.Context[Runner], number: int, since: int = 0) -> AsyncGenerator[str]:
    """The output of a job from line `since` on: what there is, then each line as it comes, until the job has ended."""
    job = context.state.find(number)
    while await job.has_line(since):
        yield job.lines[since]
        since += 1


@jobs.method
async def wait(context: rpc.Context[Runner], number: int) -> int:
    """Wait for the end of a job, and give its exit code."""
    return await context.state.find(number).wait()


@jobs.method
def cancel(context: rpc.Context[Runner], number: int) -> None:
    """End a job and all that it has started; one that has ended stays as it is."""
    context.state.find(number).scope.cancel()


@jobs.method
async def run(command: str) -> Finished:
    """Run a command while the caller waits: when that gives up, dies, or its time is over, the command ends too."""
    job = Job(command)
    exit_code = await job.run()
    return Finished("\n".join(job.lines), exit_code)


@contextlib.asynccontextmanager
async def open_shell(command: str) -> AsyncGenerator[trio.Process]:
    """A shell command; a block that is left by an exception, or cancelled, takes the command with it."""
    process = await trio.lowlevel.open_process(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    async with process.stdout:
        try:
            yield process
        except BaseException:
            with trio.CancelScope(shield=True):
                await end(process)
            raise


async def end(process: trio.Process) -> None:
    """End a command and all that it has started, which is its process group: kindly first, then for certain."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with trio.move_on_after(GRACE):
            await process.wait()
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def follow(command: str, address: str = ADDRESS) -> int:
    """Run a command as a job, print its output as it comes, and give its exit code; left early, the job ends too."""
    async with rpc.connect(address, wait=5) as client:
        with trio.fail_after(5, shield=True):  # a job whose number is lost could not be ended
            number = await client.call(start, command)
        try:
            async with client.stream(output, number) as lines:
                async for line in lines:
                    print(line, flush=True)
            return await client.call(wait, number)
        finally:
            with trio.move_on_after(1, shield=True):
                await client.call(cancel, number)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(trio.run(follow, " ".join(sys.argv[1:])))
    else:
        rpc.run(jobs, ADDRESS)
