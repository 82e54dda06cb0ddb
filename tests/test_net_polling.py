from __future__ import annotations

import attrs
import pytest

from rpc.net.polling import Polling


@attrs.define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@attrs.define
class Peer:
    """A peer whose next bytes come after so many seconds, by the way in which they are awaited."""

    polled: float
    waited: float
    clock: Clock = attrs.field(factory=Clock)
    polling: Polling = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.polling = Polling(clock=self.clock)

    def read(self) -> bool:
        """Await the next bytes once; tells whether it was by polling."""
        is_polled = self.polling.starts()
        self.clock.now += self.polled if is_polled else self.waited
        self.polling.arrived()
        return is_polled


def polls_in(peer: Peer, reads: int) -> int:
    return sum(peer.read() for _ in range(reads))


def test_the_quicker_way_is_kept_and_the_other_tried_now_and_then() -> None:
    peer = Peer(polled=20e-6, waited=80e-6)
    polls_in(peer, 4096)
    assert polls_in(peer, 1024) == 1020


def test_waiting_is_kept_where_polling_keeps_the_peer_from_running() -> None:
    peer = Peer(polled=150e-6, waited=80e-6)
    polls_in(peer, 4096)
    assert polls_in(peer, 1024) == 4


def test_what_stays_slower_is_tried_less_and_less() -> None:
    peer = Peer(polled=150e-6, waited=80e-6)
    polls_in(peer, 64)
    counts = [polls_in(peer, 256) for _ in range(8)]
    assert counts[0] > counts[-1]
    assert sum(counts) <= 32


@pytest.mark.parametrize("reads", [640, 8192])
def test_polling_that_has_become_slower_is_left_soon(reads: int) -> None:
    peer = Peer(polled=20e-6, waited=80e-6)
    polls_in(peer, reads)
    peer.polled = 300e-6
    assert polls_in(peer, 64) <= 16


def test_polling_that_has_become_quicker_is_found_within_two_of_the_longest_rounds() -> None:
    peer = Peer(polled=150e-6, waited=80e-6)
    polls_in(peer, 8192)
    peer.polled = 20e-6
    polls_in(peer, 2048)
    assert polls_in(peer, 64) >= 60


@pytest.mark.parametrize("seconds", [0.0011, 5.0])
def test_an_idle_connection_is_waited_for(seconds: float) -> None:
    peer = Peer(polled=20e-6, waited=80e-6)
    polls_in(peer, 640)
    peer.polled = peer.waited = seconds
    peer.read()
    assert polls_in(peer, 640) == 0
    peer.polled, peer.waited = 20e-6, 80e-6
    assert not peer.read()
    assert polls_in(peer, 64) >= 58


def test_a_new_connection_is_waited_for_first() -> None:
    assert not Peer(polled=1e-6, waited=1e-6).read()


def test_a_poll_is_short() -> None:
    clock = Clock()
    polling = Polling(clock=clock)
    polling.starts()
    assert polling.goes_on()
    clock.now = 99e-6
    assert polling.goes_on()
    clock.now = 101e-6
    assert not polling.goes_on()


def test_where_polling_is_not_allowed_the_clock_is_not_even_asked() -> None:
    def clock() -> float:
        raise AssertionError("the clock was asked")

    polling = Polling(is_allowed=False, clock=clock)
    for _ in range(200):
        assert not polling.starts()
        polling.arrived()
