"""Frames and whole sessions, random and mutated, on the pure session: it takes them or breaks, and keeps nothing."""

from __future__ import annotations

import gc
import time

import pytest

from rpc.session.budget import Budget
from tests.fuzz.amounts import chance_of, report, tenth_of
from tests.fuzz.material import (
    Spoken,
    cuts_of,
    known_frames,
    known_sessions,
    mutated,
    mutated_session,
    random_frame,
    random_session,
)
from tests.fuzz.victim import LIMITS, Victim, blocks

MORE_BLOCKS = 2000
"""What may be held in the end and was not after the first half: heads of frames that are kept for the next ones."""


@pytest.mark.parametrize("is_connector", [True, False], ids=["connector", "acceptor"])
def test_frames(is_connector: bool) -> None:
    """Each frame meets an open session, which goes on for as long as it takes them, for 50 at most."""
    count, chance = tenth_of(1_000_000) // 2, chance_of(f"frames {is_connector}")
    budget, known = Budget(LIMITS), known_frames()
    start, before, broken, sessions = time.process_time(), 0, 0, 0
    tried = 0
    while tried < count:
        victim = Victim(budget, is_connector=is_connector, greeted=True)
        for _ in range(50):
            kind = chance.randrange(32)
            frame = chance.choice(known) if kind == 0 else victim.fitting(chance)
            if kind == 1:
                frame = random_frame(chance)
            if kind in (0, 2, 3):
                frame = mutated(chance, frame)
            victim.receive(frame)
            tried += 1
            if not victim.session.is_open:
                broken += 1
                break
            if not chance.randrange(3):
                victim.use(chance)
        victim.end()
        sessions += 1
        if before == 0 and tried >= count // 2:
            before = _blocks()
    _judge("frames", before, frames=tried, sessions=sessions, broken=broken, seconds=time.process_time() - start)


def test_whole_sessions() -> None:
    """From the first byte to the end of the stream, in pieces."""
    count, chance, budget = tenth_of(200_000), chance_of("sessions"), Budget(LIMITS)
    start, before, broken, size = time.process_time(), 0, 0, 0
    for number in range(count):
        spoken = _spoken(number)
        victim = Victim(budget, is_connector=not spoken.by_connector, greeted=False)
        data = b"".join(spoken.frames)
        size += len(data)
        for piece in cuts_of(chance, data):
            victim.receive(piece)
            if not chance.randrange(3):
                victim.use(chance)
        broken += not victim.session.is_open
        victim.end()
        if number == count // 2:
            before = _blocks()
    seconds = time.process_time() - start
    _judge("sessions", before, sessions=count, broken_or_silent=broken, mib=size / 2**20, seconds=seconds)


def _spoken(number: int) -> Spoken:
    """The session of that number: it can be made again by itself."""
    chance = chance_of(f"session {number}")
    if chance.randrange(2):
        return mutated_session(chance, chance.choice(known_sessions()))
    session = random_session(chance, by_connector=chance.random() < 0.5)
    return mutated_session(chance, session) if chance.randrange(2) else session


def _blocks() -> int:
    gc.collect()
    return blocks()


def _judge(what: str, before: int, **figures: float) -> None:
    more = _blocks() - before
    report(what, **figures, more_blocks=more)
    assert more < MORE_BLOCKS, "something is kept of what is over"
