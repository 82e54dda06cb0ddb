"""Playing cases: a raw peer, the program under test, and the steps between them."""

from __future__ import annotations

import socket
from typing import Any

from tests.conformance import frames
from tests.conformance.case import (
    SELF_DESCRIBED,
    Case,
    Cut,
    Do,
    Ends,
    Frame,
    Heard,
    Hears,
    Leaves,
    Pulse,
    Step,
    Told,
)
from tests.conformance.cbor import array, uint
from tests.conformance.peer import DELIVERIES, Peer, dial
from tests.conformance.under_test import PATIENCE, UnderTest

__all__ = ["play"]

OVER_TCP = "bytes"
"""The delivery that goes over TCP; the others go over Unix sockets."""

IN_PARTING = ("cancelled", "left")
"""What may be told at the end of a case though no step asks for it: what was open is over."""


def play(case: Case, delivery: str, under_test: UnderTest) -> None:
    """Play a case in one of the deliveries.

    Raises:
        AssertionError, TimeoutError, Unsendable: the side under test did not do what is asked of it.
    """
    peer = Peer(_connected(case, delivery, under_test), DELIVERIES[delivery])
    try:
        try:
            Player(case, peer, under_test, pipelines=delivery == "coalesced").play()
        finally:
            left = _parted(case, peer, under_test)
        unexpected = [line for line in left if not (line["is"] in IN_PARTING or _may_be(case, line))]
        assert not unexpected, f"nothing asks for this, and it has happened: {unexpected}"
    except (AssertionError, TimeoutError) as error:
        said = "\n".join(f"  {heard.octets.hex()[:200]}" for heard in peer.heard)
        error.add_note(f"{case.number}, section {case.section}: {case.asks}\nheard so far:\n{said}")
        raise


def _parted(case: Case, peer: Peer, under_test: UnderTest) -> list[dict[str, Any]]:
    """Close both ends; gives what the side under test told, and no step of the case has taken."""
    peer.close()
    if not case.is_of_acceptor:
        under_test.do("close", "client")
    return under_test.settle()


def _may_be(case: Case, line: dict[str, Any]) -> bool:
    allowed = [step.what for step in case.steps if isinstance(step, Told) and not step.is_certain]
    return any(what.items() <= line.items() for what in allowed)


def _connected(case: Case, delivery: str, under_test: UnderTest) -> socket.socket:
    """A socket whose other end is under test."""
    if case.is_of_acceptor:
        unix, tcp = under_test.serve(case.under)
        return dial(tcp if delivery == OVER_TCP else unix)
    family = socket.AF_INET if delivery == OVER_TCP else socket.AF_UNIX
    with socket.socket(family) as listener:
        listener.settimeout(PATIENCE)
        if delivery == OVER_TCP:
            listener.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        else:
            path = under_test.folder / f"{case.number}-{delivery}"
            listener.bind(str(path))
            address = f"unix:{path}"
        listener.listen()
        under_test.do("connect", "client", to=address, under=case.under)
        return listener.accept()[0]


class Player:
    """One run of a case."""

    def __init__(self, case: Case, peer: Peer, under_test: UnderTest, *, pipelines: bool) -> None:
        self._case = case
        self._peer = peer
        self._under_test = under_test
        self._pipelines = pipelines
        self._unsent: list[bytes] = []
        self._awaited: list[Hears] = []
        self._credits: dict[int, int] = {}

    def play(self) -> None:
        self._greeted()
        for step in self._case.steps:
            self._take(step)
        if not any(isinstance(step, Ends) for step in self._case.steps):
            self._part_in_peace()

    def _take(self, step: Step) -> None:
        if isinstance(step, bytes):
            self._unsent.append(step)
            return
        if isinstance(step, Hears) and self._pipelines and not step.waits:
            self._awaited.append(step)
            return
        if isinstance(step, Ends):
            self._add_what_follows(step)
        self._send()
        match step:
            case Hears():
                self._hear(step)
            case Cut():
                self._hear_pieces(step)
            case Ends():
                self._hear_the_end(step)
            case Leaves():
                self._peer.leave()
            case Pulse():
                self._answer_a_ping()
            case Do():
                self._under_test.do(**step.what)
            case Told(is_certain=False):
                pass
            case Told():
                happened = self._under_test.next(step.what["as"])
                assert step.what.items() <= happened.items(), f"{step.what} was expected, not {happened}"

    def _add_what_follows(self, end: Ends) -> None:
        """Where all comes at once, put good frames behind what breaks the connection: nobody may look at them.

        Not where the end comes of waiting, or when something was too much.
        """
        is_waited_for = self._case.under in ("short_handshake", "short_frame")
        if self._unsent and self._pipelines and not (is_waited_for or end.behind):
            id = 2**53 - (1 if self._case.is_of_acceptor else 2)
            self._unsent += [frames.ping(1), frames.call(id, "echo", array(uint(1)))]

    def _send(self) -> None:
        """Send what is to be sent, and hear what was put off."""
        if self._unsent:
            self._peer.send(self._unsent)
            self._unsent = []
        for step in self._awaited:
            self._hear(step)
        self._awaited = []

    def _part_in_peace(self) -> None:
        """What was asked for has come, and nothing else; the connection lives, and ends with its stream."""
        self._send()
        self._peer.send([frames.ping(frames.BEAT)])  # a PONG may overtake a REPLY
        heard = self._next(None)
        assert heard is not None, "the connection has ended"
        assert heard.octets == frames.pong(frames.BEAT), f"an answer to the last PING was expected, not {heard}"
        if self._case.is_of_acceptor:
            self._peer.leave()
        else:
            self._under_test.do("close", "client")
        while (heard := self._peer.hear()) is not None:
            assert heard.fields[0] == 5, f"nothing more was expected, least of all {heard}"

    # --- Hearing -----------------------------------------------------------------------------------------------------

    def _greeted(self) -> None:
        """HELLO comes at once, whatever the peer does."""
        heard = self._peer.hear()
        assert heard is not None, "no HELLO"
        assert heard.octets[4:7] == SELF_DESCRIBED, f"a HELLO under its tag was expected, not {heard}"
        kind, version, settings = heard.fields
        assert (kind, version) == (0, 1)
        least = {0: 16_384, 1: 16_384, 2: 16, 3: 65_536, 7: 1000}
        assert all(type(settings.get(key, low)) is int and settings.get(key, low) >= low for key, low in least.items())
        assert len(heard.octets) <= 4 + 16_384
        assert isinstance(settings.get(4, []), list)
        assert isinstance(settings.get(5, ""), str)
        assert not (self._case.is_of_acceptor and 6 in settings), "an acceptor shows no credential"

    def _next(self, expected: Frame | None) -> Heard | None:
        """The next frame but for a CREDIT that nobody waits for: those may come when they like."""
        while True:
            heard = self._peer.hear()
            assert heard is None or len(heard.octets) <= 4 + 16_384, f"more than a frame may have: {heard}"
            if heard is None or heard.fields[0] != 6:
                return heard
            _, id, total = heard.fields
            assert total >= self._credits.get(id, 65_536), f"the credit fell: {heard}"
            self._credits[id] = total
            if expected is not None and expected.misfit(heard) is None:
                return heard

    def _hear(self, step: Hears) -> None:
        left = list(step.frames)
        while left:
            heard = self._next(left[0])
            assert heard is not None, f"the connection ended before {left[0].words}"
            misfits = {frame.words: frame.misfit(heard) for frame in (left if step.any_order else left[:1])}
            fitting = [frame for frame in left if misfits.get(frame.words, "") is None]
            assert fitting, f"{heard} came, and is not what was expected: {misfits}"
            left.remove(fitting[0])

    def _hear_pieces(self, cut: Cut) -> None:
        """A payload in fragments, each as small as the peer asks and as large as the protocol does."""
        gathered = b""
        kind, more = cut.kind, True
        while more:
            heard = self._next(None)
            assert heard is not None, f"the connection ended before {cut}"
            assert heard.fields[:2] == [kind, cut.id], f"{cut} was expected, not {heard}"
            flags, piece = heard.fields[2], heard.fields[-1]
            more = flags == frames.MORE
            assert more or flags == 0
            assert not more or len(piece) >= 4096
            gathered += piece
            kind = 2
        assert gathered == cut.payload
        assert len(gathered) > 16_350, "this was not to be cut"

    def _answer_a_ping(self) -> None:
        heard = self._next(None)
        assert heard is not None, "the connection ended before a PING"
        kind, token = heard.fields
        assert kind == 8, f"a PING was expected, not {heard}"
        self._unsent.append(frames.pong(token))

    def _hear_the_end(self, end: Ends) -> None:
        heard = self._next(None)
        while heard is not None and heard.fields[0] in end.behind:
            heard = self._next(None)
        if end.goaway is not None:
            assert heard is not None, f"the connection ended without {end.goaway.words}"
            misfit = end.goaway.misfit(heard)
            assert misfit is None, f"{end.goaway.words} was expected, not {heard}: {misfit}"
            heard = self._next(None)
        assert heard is None, f"the end was expected, not {heard}"
