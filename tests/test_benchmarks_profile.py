"""The profile of a call: the stopwatch, and a table of both sides."""

from __future__ import annotations

import sys
from types import ModuleType

import attrs
import pytest
from click.testing import CliRunner

from benchmarks.profile import stopwatch
from benchmarks.profile.__main__ import main, table
from benchmarks.profile.sides import Profile, Side
from benchmarks.profile.steps import PLACES, REST, STEPS
from benchmarks.profile.stopwatch import Stopwatch


@attrs.define
class Clock:
    """A clock that functions put forward, by as long as they run; a look at it takes a while, too."""

    now: int = 0
    look: int = 0

    def __call__(self) -> int:
        self.now += self.look
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stopwatch, "thread_time_ns", clock)
    return clock


@pytest.fixture
def timed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of two functions, one of which calls the other, and of a class."""
    module = ModuleType("timed_module")

    def inner() -> str:
        clock.now += 1000
        return "inner"

    def outer() -> str:
        clock.now += 200
        said: str = module.inner() + module.inner()
        clock.now += 300
        return said

    class Thing:
        def act(self) -> None:
            clock.now += 50
            raise LookupError("acted")

    vars(module).update(inner=inner, outer=outer, Thing=Thing)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def nanoseconds(watch: Stopwatch) -> dict[str, float]:
    return {place.partition(":")[2]: round(seconds * 1e9) for place, seconds in watch.seconds().items()}


@pytest.mark.parametrize("look", [0, 100])
def test_each_function_is_timed_without_those_inside_it(timed: ModuleType, clock: Clock, look: int) -> None:
    clock.look = look
    watch = Stopwatch(["timed_module:inner", "timed_module:outer", "timed_module:Thing.act"])
    watch.start()
    assert timed.outer() == "innerinner"
    with pytest.raises(LookupError):
        timed.Thing().act()
    assert nanoseconds(watch) == {"inner": 2000, "outer": 500, "Thing.act": 50}
    watch.reset()
    timed.inner()
    assert nanoseconds(watch) == {"inner": 1000, "outer": 0, "Thing.act": 0}


def test_a_stopped_one_leaves_everything_as_it_was(timed: ModuleType) -> None:
    inner, act = timed.inner, timed.Thing.act
    watch = Stopwatch(["timed_module:inner", "timed_module:Thing.act"])
    watch.start()
    assert timed.inner is not inner
    watch.stop()
    watch.stop()
    assert (timed.inner, timed.Thing.act) == (inner, act)
    timed.inner()
    assert set(watch.seconds().values()) == {0.0}


def test_a_table() -> None:
    steps = {step.name: 0.0 for step in STEPS}
    client = Side(9e-6, {**steps, STEPS[0].name: 2.5e-6})
    text = table("one call", Profile(21e-6, client, Side(1e-6, steps)))
    lines = text.splitlines()
    assert lines[0] == "one call: 21 us each by the clock"
    assert [line.split("  ")[-1].strip() for line in lines[3:-1]] == [step.where for step in (*STEPS, REST)]
    assert lines[3].split()[-3:] == ["2.5", *STEPS[0].where.split()]
    assert lines[-2].split()[8:10] == ["6.5", "1.0"]
    assert lines[-1].split() == ["in", "all", "9.0", "1.0"]


def test_a_profile_of_two_processes() -> None:
    result = CliRunner().invoke(main, ["--rounds", "1", "--count", "64", "one call at a time, async def"])
    assert result.exit_code == 0, result.output
    rows = {line[:38].strip(): line[38:].split() for line in result.stdout.splitlines() if line}
    for name in ("sent, by the kernel", "the frame, taken apart", "in all"):
        client, server = rows[name][:2]
        assert float(client) > 0, name
        assert float(server) > 0, name
    assert len(rows) == len(STEPS) + 4


def test_every_place_is_of_one_step() -> None:
    assert len(set(PLACES)) == len(PLACES)
