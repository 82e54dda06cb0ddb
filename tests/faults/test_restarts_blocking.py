"""Servers that are stopped, or killed, and started again, under threads that share a blocking client."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

import rpc
from rpc import blocking
from tests.faults import target
from tests.faults.harness import Nest, Process, report, sized, until

ROUNDS = sized(4, 100)
THREADS = 8

_PATIENCE = 20.0
"""Seconds that a client waits for the next server."""


@attrs.define
class Account:
    """What the threads were told."""

    answered: set[int] = attrs.field(factory=set)
    unknown: set[int] = attrs.field(factory=set)
    ended: Counter[int] = attrs.field(factory=Counter[int])
    is_over: threading.Event = attrs.field(factory=threading.Event)

    def call_on(self, call: Callable[[int], Any], thread: int) -> None:
        """Call until it is over, with numbers of this thread's own; every call has an end that is no refusal."""
        number = thread
        while not self.is_over.is_set():
            try:
                assert call(number) == number
                self.answered.add(number)
            except rpc.Unavailable as error:
                if error.processed is not rpc.Processed.UNKNOWN:
                    raise
                self.unknown.add(number)
            self.ended[thread] += 1
            number += THREADS

    async def settled(self) -> None:
        """Wait until what is open now has ended: a call is made anew once, and its server must live for that."""
        before = self.ended.copy()
        await until(lambda: all(self.ended[thread] > before[thread] for thread in before), 30, "calls have ended")


def _is_gone(server: Process) -> bool:
    return not Path(f"/proc/{server.pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_threads_call_on(nest: Nest, number: signal.Signals) -> None:
    journal = nest.path("journal")
    strict, lax = Account(), Account()
    address = f"unix:{nest.path('socket')}"
    options: dict[str, Any] = {"bind": [address], "journal": str(journal), "limits": {}}
    server = await nest.start("serve", **options)
    with blocking.connect(address, wait=_PATIENCE) as client, trio.fail_after(60 + ROUNDS):
        async with trio.open_nursery() as nursery:
            for thread in range(THREADS):
                record = partial(client.call, "target.record_slowly")
                recall = partial(client.call, target.recall)
                for account, call in ((strict, record), (lax, recall)):
                    account.ended[thread] = 0
                    nursery.start_soon(trio.to_thread.run_sync, account.call_on, call, thread)
            try:
                for _ in range(ROUNDS):
                    await strict.settled()
                    await lax.settled()
                    server.send(number)
                    await until(partial(_is_gone, server), 10, "the server has ended")
                    server = await nest.start("serve", **options)
                await strict.settled()
            finally:
                strict.is_over.set()
                lax.is_over.set()
    server.kill()
    lines = [line.split() for line in journal.read_text().splitlines()]
    begun = Counter(int(value) for word, value in lines if word == "begun")
    assert set(begun.values()) == {1}, "nothing ran twice that is not declared idempotent"
    assert set(begun) <= strict.answered | strict.unknown
    assert not lax.unknown
    if number is signal.SIGTERM:
        assert set(begun) == strict.answered
    report(f"{number.name} under threads", rounds=ROUNDS, calls=len(strict.answered), unknown=len(strict.unknown))
