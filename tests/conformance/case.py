"""What a case is made of: bytes that the peer sends, what it hears, and what happens at the side under test."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from tests.conformance.cbor import read

__all__ = [
    "CREDENTIAL",
    "CREDIT",
    "LEAVES",
    "PROTOCOL",
    "PULSE",
    "SELF_DESCRIBED",
    "SIZE",
    "SLOW",
    "TOO_MANY",
    "VERSION",
    "Case",
    "Cut",
    "Do",
    "Ends",
    "Frame",
    "Heard",
    "Hears",
    "Leaves",
    "Pattern",
    "Pulse",
    "Step",
    "Told",
    "answered",
    "broken",
    "called",
    "case",
    "do",
    "ended",
    "failed",
    "going_away",
    "granted",
    "hears",
    "may_be_told",
    "replied",
    "told",
]

PROTOCOL, CREDIT, SIZE, VERSION, CREDENTIAL, TOO_MANY, SLOW = 1, 3, 4, 5, 6, 7, 8
"""Reasons of a GOAWAY."""

SELF_DESCRIBED = b"\xd9\xd9\xf7"


@attrs.frozen
class Heard:
    """A frame that came from the side under test: its bytes with their length, and its decoded array."""

    octets: bytes
    fields: list[Any]

    @classmethod
    def of(cls, octets: bytes, *, is_first: bool) -> Heard:
        """The first frame is wrapped in tag 55799, and no other."""
        start = 7 if is_first and octets[4:7] == SELF_DESCRIBED else 4
        return cls(octets, read(octets[start:]))


# --- What is heard -----------------------------------------------------------------------------------------------


@attrs.frozen
class Pattern:
    """What a frame must be: for each of its fields the values that may be there, None for any.

    Attributes:
        words: what it is, for a person.
        fields: of the frame; those that it has beyond them are wrong.
        error: keys of the map of an ERROR with the values that they must have.
        says: what is contained in the text of a GOAWAY.
        hides: what is not contained in the message of an ERROR.
    """

    words: str
    fields: tuple[Any, ...]
    error: dict[int, Any] = attrs.field(factory=dict[int, Any])
    says: str = ""
    hides: str | None = None

    def misfit(self, heard: Heard) -> str | None:
        """Why a frame does not fit; None where it does."""
        fields = heard.fields
        if len(fields) != len(self.fields):
            return "it has another count of fields"
        for index, (field, allowed) in enumerate(zip(fields, self.fields, strict=True)):
            if allowed is not None and (field not in allowed or type(field) in (bool, float)):
                return f"field {index} is {field!r}, and should be of {allowed!r}"
        if fields[0] == 4:
            return self._misfit_of_error(fields[2])
        if fields[0] == 10 and (type(fields[3]) is not str or self.says not in fields[3]):
            return f"its text should say {self.says!r}"
        return None

    def _misfit_of_error(self, error: dict[int, Any]) -> str | None:
        if type(error.get(1)) is not str:
            return "its message is no text"
        if self.hides is not None and self.hides in error[1]:
            return f"its message tells {self.hides!r}"
        for key, value in self.error.items():
            if error.get(key, 0 if key == 2 else None) != value:
                return f"key {key} of the error is {error.get(key)!r}, and should be {value!r}"
        return None


@attrs.frozen
class Exactly:
    """A frame to the byte."""

    octets: bytes

    @property
    def words(self) -> str:
        return self.octets.hex()

    def misfit(self, heard: Heard) -> str | None:
        return None if heard.octets == self.octets else "other bytes were expected"


Frame: TypeAlias = Pattern | Exactly


def called(id: int, method: str, flags: int, payload: bytes, *, timeout: range) -> Pattern:
    """A CALL whose timeout is not fixed to the millisecond."""
    return Pattern(f"CALL {id}", ([1], [id], [flags], [f"suite.{method}"], timeout, [None], [payload]))


def replied(id: int, *payloads: bytes) -> Pattern:
    """REPLY with one of these payloads, where the protocol leaves a choice."""
    return Pattern(f"REPLY {id}", ([3], [id], [0], payloads))


def failed(id: int, code: int | None, processed: int = 0, *, hides: str | None = None, **more: Any) -> Pattern:
    """ERROR with this code, None for any, and this promise; `message`, `type`, `details` where they are fixed too."""
    keys = {"message": 1, "retry_after": 3, "type": 4, "details": 5}
    told = {2: processed} | {keys[name]: value for name, value in more.items()}
    if code is not None:
        told[0] = code
    return Pattern(f"ERROR {id} with code {code}, processed {processed}", ([4], [id], None), told, hides=hides)


def granted(id: int, least: int) -> Pattern:
    """CREDIT of so many bytes at least."""
    return Pattern(f"CREDIT {id} of {least} at least", ([6], [id], range(least, 2**53)))


def going_away(last_id: int | None, reason: int = 0) -> Pattern:
    """GOAWAY after which the connection stays."""
    return Pattern(f"GOAWAY({last_id}, {reason})", ([10], [last_id], [reason], None))


# --- Steps -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Hears:
    """Frames that come next, in this order.

    Attributes:
        waits: whether the peer sends nothing before they are there, even where it sends all at once.
        any_order: whether their order is open.
    """

    frames: tuple[Frame, ...]
    waits: bool = True
    any_order: bool = False


@attrs.frozen
class Cut:
    """A payload that comes in fragments: the first frame is of this type, the others are DATA."""

    kind: int
    id: int
    payload: bytes


@attrs.frozen
class Ends:
    """The side under test ends the connection.

    Attributes:
        goaway: what it says before; None for nothing.
        behind: types of frames that may still come before that.
    """

    goaway: Pattern | None
    behind: tuple[int, ...] = ()


@attrs.frozen
class Leaves:
    """The peer ends its stream."""


@attrs.frozen
class Pulse:
    """The side under test asks for a sign of life, and gets it."""


@attrs.frozen
class Do:
    """What the application of the side under test is told to do: a line of its protocol."""

    what: dict[str, Any]


@attrs.frozen
class Told:
    """What the application tells next of one of its parts; where it is not certain, it may as well tell nothing."""

    what: dict[str, Any]
    is_certain: bool = True


Step: TypeAlias = bytes | Hears | Cut | Ends | Leaves | Pulse | Do | Told

LEAVES, PULSE = Leaves(), Pulse()


def hears(*expected: Frame | bytes, any_order: bool = False) -> Hears:
    """The peer waits for these frames."""
    return Hears(_frames(expected), any_order=any_order)


def answered(*expected: Frame | bytes, any_order: bool = False) -> Hears:
    """These frames come; what the peer sends next does not depend on them."""
    return Hears(_frames(expected), waits=False, any_order=any_order)


def _frames(expected: tuple[Frame | bytes, ...]) -> tuple[Frame, ...]:
    return tuple(Exactly(frame) if isinstance(frame, bytes) else frame for frame in expected)


def broken(
    reason: int = PROTOCOL, *others: int, last_id: int = 0, says: str = "", behind: tuple[int, ...] = ()
) -> Ends:
    """The connection ends with a GOAWAY for this reason, or one of the others."""
    fields = ([10], [last_id], [reason, *others], None)
    return Ends(Pattern(f"GOAWAY({last_id}, {reason})", fields, says=says), behind)


def ended() -> Ends:
    """The connection ends, and nothing is said before."""
    return Ends(None)


def do(what: str, name: str, **more: Any) -> Do:
    return Do({"what": what, "name": name, **more})


def told(name: str, what: str, **more: Any) -> Told:
    return Told({"as": name, "is": what, **more})


def may_be_told(name: str, what: str) -> Told:
    """This happens or not, as both sides are quick."""
    return Told({"as": name, "is": what}, is_certain=False)


# --- Cases -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Case:
    """One conversation.

    Attributes:
        number: its name, for good: S and digits where an acceptor is under test, C where a connector is.
        section: of the protocol.
        asks: what is asked of the side under test, in a sentence.
        steps: in order; an acceptor's HELLO is heard before them, a connector's as well.
        under: the name of the server under test, or the limits of a connector, by which the application knows what is
            particular about it; "usual" for nothing.
    """

    number: str
    section: int
    asks: str
    steps: tuple[Step, ...]
    under: str = "usual"

    @property
    def is_of_acceptor(self) -> bool:
        return self.number.startswith("S")


def case(number: str, section: int, asks: str, *steps: Step, under: str = "usual") -> Case:
    return Case(number, section, asks, steps, under)
