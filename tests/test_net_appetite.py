from __future__ import annotations

import pytest

from rpc.net.appetite import Appetite

SPACE = memoryview(bytearray(262_144))


class Clock:
    """Time that passes only while something is acted on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("rpc.net.appetite.time.perf_counter", lambda: self.now)

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_who_is_quickly_served_may_send_all_that_there_is_space_for(clock: Clock) -> None:
    hunger = Appetite()
    assert len(hunger.of(SPACE, is_shared=True)) == 262_144
    hunger.eat(clock.spend, 0.008, 262_144)
    assert len(hunger.of(SPACE, is_shared=True)) == 262_144


def test_who_takes_long_gets_what_fits_in_a_turn(clock: Clock) -> None:
    hunger = Appetite()
    hunger.eat(clock.spend, 0.1, 262_144)
    assert len(hunger.of(SPACE, is_shared=True)) == pytest.approx(26_214, abs=2)
    hunger.eat(clock.spend, 0.02, 26_214)
    assert len(hunger.of(SPACE, is_shared=True)) == pytest.approx(13_107, abs=2)


def test_later_it_may_be_more_again(clock: Clock) -> None:
    hunger = Appetite()
    hunger.eat(clock.spend, 0.2, 262_144)
    assert len(hunger.of(SPACE, is_shared=True)) == pytest.approx(13_107, abs=2)
    hunger.eat(clock.spend, 0.0001, 13_107)
    assert len(hunger.of(SPACE, is_shared=True)) == 262_144


@pytest.mark.parametrize(("least", "expected"), [(1, 4096), (16_384, 16_384)])
def test_some_is_always_read(least: int, expected: int, clock: Clock) -> None:
    hunger = Appetite(least)
    hunger.eat(clock.spend, 10.0, 262_144)
    assert len(hunger.of(SPACE, is_shared=True)) == expected


def test_one_call_that_takes_long_says_nothing(clock: Clock) -> None:
    hunger = Appetite()
    hunger.eat(clock.spend, 10.0, 100)
    assert len(hunger.of(SPACE, is_shared=True)) == 262_144


def test_who_is_alone_keeps_nobody_waiting(clock: Clock) -> None:
    hunger = Appetite()
    hunger.eat(clock.spend, 10.0, 262_144)
    assert hunger.of(SPACE, is_shared=False) is SPACE


@pytest.mark.parametrize(
    ("wanted", "least", "expected"), [(65_537, 1, 4096), (65_537, 16_384, 16_384), (65_536, 1, 262_144)]
)
def test_little_is_read_behind_much_of_a_frame(wanted: int, least: int, expected: int) -> None:
    assert len(Appetite(least).of(SPACE, wanted, is_shared=False)) == expected
