from __future__ import annotations

from types import SimpleNamespace

import pytest

from rpc.blocking import vigil as module
from rpc.blocking.vigil import Vigil
from rpc.limits import Limits
from rpc.peer import Peer
from rpc.session.session import Session
from tests.raw_peer import HELLO, reply

LIMITS = Limits(frame_timeout=5, stall_timeout=3, keepalive=30, keepalive_timeout=10)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


def watched(transport: str) -> tuple[Vigil, Session]:
    session = Session(is_connector=True, limits=LIMITS)
    session.receive(HELLO)
    session.take()
    session.sent()
    return Vigil(session, LIMITS, Peer(address="x", transport=transport)), session


def asks(session: Session) -> bool:
    return session.has_output


def test_the_kernel_tells_of_a_peer_on_this_host(clock: Clock) -> None:
    vigil, session = watched("unix")
    vigil.begin()
    clock.now += 1e6
    assert vigil.left(False) is None
    assert vigil.act(False) is None
    assert not asks(session)


def test_silence_is_asked_about_and_then_given_up(clock: Clock) -> None:
    vigil, session = watched("tcp")
    clock.now += 1000  # nobody waited
    vigil.begin()
    assert vigil.left(False) == 30
    assert vigil.act(False) is None
    assert not asks(session)
    clock.now += 30
    assert vigil.left(False) == 0
    assert vigil.act(False) is None
    assert asks(session)
    assert vigil.left(False) == 10
    clock.now += 9
    assert vigil.act(False) is None
    clock.now += 1
    assert vigil.act(False) == "no sign of life for 40 s"
    vigil.heard()
    assert vigil.act(False) is None
    assert vigil.left(False) == 30


def test_a_frame_that_is_not_whole(clock: Clock) -> None:
    vigil, session = watched("unix")
    frame = reply(1, "x")
    session.receive(frame[:5])
    vigil.heard()
    assert vigil.left(False) == 5
    clock.now += 4
    session.receive(frame[5:6])
    vigil.heard()
    assert vigil.left(False) == 1
    vigil.begin()  # somebody waits anew
    assert vigil.left(False) == 5
    clock.now += 5
    assert vigil.act(False) == "a frame was not whole within 5 s"


def test_a_peer_that_takes_nothing(clock: Clock) -> None:
    vigil, _ = watched("unix")
    vigil.stalled(100, is_new=True)
    assert vigil.left(True) == 3
    clock.now += 2
    vigil.stalled(100, is_new=False)
    assert vigil.left(True) == 1
    vigil.stalled(99, is_new=False)
    assert vigil.left(True) == 3
    clock.now += 3
    assert vigil.act(True) == "the peer read nothing for 3 s"
    assert vigil.act(False) is None
