from __future__ import annotations

import math
import threading

import pytest

from rpc.blocking.waiting import NEVER, Deadline, Gate, Waiter, reacquire
from tests.cli_tools import PATIENCE


def test_deadlines() -> None:
    assert Deadline.after(None, "x") is Deadline.after(math.inf, "x") is NEVER
    assert (NEVER.left(), NEVER.milliseconds(), NEVER.is_within(1e9)) == (None, None, False)
    later = Deadline.after(100, "x")
    left = later.left()
    assert left is not None
    assert 99 < left <= 100
    assert later.milliseconds() in (99_999, 100_000)
    assert later.is_within(101)
    assert not later.is_within(50)
    with pytest.raises(TimeoutError, match=r"^calc\.slow: no answer within 0 s$"):
        Deadline.after(0, "calc.slow").left()


def test_a_gate_that_was_opened_before_its_sleep() -> None:
    gate = Gate()
    gate.open()  # nobody has shut it
    for _ in range(2):
        gate.shut()
        gate.open()
        gate.open()
        gate.sleep(None)


def test_a_gate_that_nobody_opens() -> None:
    gate = Gate()
    gate.shut()
    gate.sleep(0)
    gate.open()  # too late
    gate.shut()
    gate.sleep(0.001)


def test_a_gate_wakes_another_thread() -> None:
    waiter = Waiter()
    waiter.shut()
    thread = threading.Thread(target=waiter.sleep, args=(PATIENCE,))
    thread.start()
    waiter.succeed(b"x")
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert (waiter.is_done, waiter.payload, waiter.error) == (True, b"x", None)


def test_a_lock_is_taken_back_whatever_strikes() -> None:
    class Struck:
        """A lock whose first waits are interrupted."""

        strikes = 2

        def acquire(self) -> None:
            self.strikes -= 1
            if self.strikes >= 0:
                raise KeyboardInterrupt

    lock = Struck()
    with pytest.raises(KeyboardInterrupt):
        reacquire(lock)  # type: ignore[arg-type]
    assert lock.strikes == -1
