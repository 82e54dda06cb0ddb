"""A client that calls every 10 ms, whatever else happens, and tells how that went."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial

import trio

import rpc

INTERVAL, BOUND = 0.01, 10.0
"""Seconds: between two calls, and for one."""


def sing(ready: Callable[[list[str]], None], *, address: str, report: str) -> None:
    """Call until SIGTERM, and write the report then."""
    trio.run(partial(_sing, ready, address, report))


async def _sing(ready: Callable[[list[str]], None], address: str, report: str) -> None:
    took: list[float] = []
    late: list[float] = [0.0]
    errors: list[str] = []
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with rpc.connect(address) as client, trio.open_nursery() as nursery:
            ready([address])
            nursery.start_soon(_call, client, took, late, errors)
            async for _ in signals:
                nursery.cancel_scope.cancel()
    with open(f"{report}.new", "w") as file:  # noqa: ASYNC230 - nothing else runs any more
        json.dump({"took": sorted(took), "late": max(late), "errors": errors}, file)
    os.rename(f"{report}.new", report)


async def _call(client: rpc.Client, took: list[float], late: list[float], errors: list[str]) -> None:
    number = 0
    while True:
        start = trio.current_time()
        number += 1
        try:
            with trio.fail_after(BOUND):
                answer = await client.call("target.add", number, 1)
            if answer != number + 1:
                errors.append(f"{number} + 1 = {answer!r}")
        except (rpc.Error, trio.TooSlowError) as error:
            errors.append(repr(error))
        took.append(trio.current_time() - start)
        due = max(start + INTERVAL, trio.current_time())
        await trio.sleep_until(due)
        late.append(trio.current_time() - due)
