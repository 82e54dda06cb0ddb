"""Servers that are stopped, or killed, and started again, under clients that call on."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

import rpc
from tests.faults import target
from tests.faults.harness import Nest, Process, lasting_port, report, sized, until

ROUNDS = sized(5, 100)
CALLERS = 20

_PATIENCE = 20.0
"""Seconds that a client waits for the next server."""


@attrs.define
class Account:
    """What callers were told."""

    answered: set[int] = attrs.field(factory=set)
    unknown: set[int] = attrs.field(factory=set)
    open: set[int] = attrs.field(factory=set)
    last: int = 0
    is_over: bool = False

    def number(self) -> int:
        self.last += 1
        self.open.add(self.last)
        return self.last

    async def settled(self) -> None:
        """Wait until what is open now has ended: a call is made anew once, and its server must live for that."""
        waiting = set(self.open)
        await until(lambda: not waiting & self.open, 30, "what was asked of the last server has ended")


async def _call_on(client: rpc.Client, method: str, account: Account) -> None:
    """Call until it is over; every call has an end that is no refusal."""
    while not account.is_over:
        number = account.number()
        try:
            assert await client.call(method, number) == number
            account.answered.add(number)
        except rpc.Unavailable as error:
            if error.processed is not rpc.Processed.UNKNOWN:
                raise
            account.unknown.add(number)
        account.open.discard(number)


async def _recall(client: rpc.Client, account: Account) -> None:
    """Call what may run twice; nothing of it fails."""
    while not account.is_over:
        number = account.number()
        assert await client.call(target.recall, number) == number
        account.answered.add(number)
        account.open.discard(number)


def _written(journal: Path, word: str) -> Counter[int]:
    """How often each number stands behind a word in the journal."""
    lines = [line.split() for line in journal.read_text().splitlines()]
    return Counter(int(number) for written, number in lines if written == word)


async def _gone(server: Process) -> None:
    await until(lambda: not Path(f"/proc/{server.pid}").exists(), 10, "the server has ended")


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_a_server_that_is_stopped_under_load_loses_nothing(nest: Nest, scheme: str) -> None:
    journal = nest.path("journal")
    account = Account()
    address = f"tcp://127.0.0.1:{lasting_port()}" if scheme == "tcp" else f"unix:{nest.path('socket')}"
    options: dict[str, Any] = {"journal": str(journal), "limits": {}}
    server = await nest.start("serve", bind=[address], **options)
    async with rpc.connect(server.bound[0], wait=_PATIENCE) as client:
        with trio.fail_after(30 + ROUNDS):
            async with trio.open_nursery() as nursery:
                for index in range(CALLERS):
                    method = "target.record" if index % 2 else "target.record_slowly"
                    nursery.start_soon(_call_on, client, method, account)
                for _ in range(ROUNDS):
                    await trio.sleep(0.1)
                    server.send(signal.SIGTERM)
                    await _gone(server)
                    server = await nest.start("serve", bind=server.bound, **options)
                    await account.settled()
                await trio.sleep(0.1)
                account.is_over = True
    server.kill()
    assert not account.unknown
    assert len(account.answered) == account.last
    assert _written(journal, "done") == Counter(account.answered), "each has run, and once"
    report(f"SIGTERM under load, {scheme}", rounds=ROUNDS, calls=account.last, failed=0)


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_a_server_that_is_killed_under_load_is_found_again(nest: Nest, scheme: str) -> None:
    journal = nest.path("journal")
    strict, lax = Account(), Account()
    address = f"tcp://127.0.0.1:{lasting_port()}" if scheme == "tcp" else f"unix:{nest.path('socket')}"
    options: dict[str, Any] = {"journal": str(journal), "limits": {}}
    server = await nest.start("serve", bind=[address], **options)
    async with rpc.connect(server.bound[0], wait=_PATIENCE, reconnect=True) as client:
        with trio.fail_after(60 + 3 * ROUNDS):
            async with trio.open_nursery() as nursery:
                for _ in range(CALLERS // 2):
                    nursery.start_soon(_call_on, client, "target.record_slowly", strict)
                    nursery.start_soon(_recall, client, lax)
                for _ in range(ROUNDS):
                    await trio.sleep(0.1)
                    server.kill()
                    await _gone(server)
                    server = await nest.start("serve", bind=server.bound, **options)
                    await lax.settled()
                await trio.sleep(0.1)
                strict.is_over = lax.is_over = True
    server.kill()
    begun = _written(journal, "begun")
    assert set(begun.values()) == {1}, "nothing ran twice that is not declared idempotent"
    assert strict.answered <= set(_written(journal, "done"))
    assert set(begun) <= strict.answered | strict.unknown
    assert len(strict.answered) + len(strict.unknown) == strict.last
    assert len(lax.answered) == lax.last, "what is declared idempotent never fails"
    assert set(_written(journal, "recalled").values()) <= {1, 2}
    report(
        f"kill -9 and start again, {scheme}",
        rounds=ROUNDS,
        calls=strict.last + lax.last,
        unknown=len(strict.unknown),
    )
