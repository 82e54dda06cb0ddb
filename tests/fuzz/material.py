"""What is sent: frames and conversations, from the golden vectors or made at random, and mutations of both."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

import attrs

from rpc.wire import frames
from rpc.wire.frames import Flag
from rpc.wire.payload import encode
from tests import pairs
from tests.raw_peer import HELLO
from tests.vector_files import Vector, load, octets

__all__ = ["Spoken", "cuts_of", "fitting_frame", "known_frames", "known_sessions", "mutated", "mutated_session"]
__all__ += ["random_frame", "random_session"]

_LARGEST = 20_000
"""Bytes of what is taken from the vectors: larger ones would only be slow."""


@attrs.frozen
class Spoken:
    """What one peer says, in pieces that are mostly a frame each.

    Attributes:
        by_connector: whether it opened the connection.
        frames: the first is mostly its HELLO.
    """

    by_connector: bool
    frames: tuple[bytes, ...]


# --- What is known ---------------------------------------------------------------------------------------------------


@cache
def known_sessions() -> list[Spoken]:
    """All that a peer says in the conversations of the vectors."""
    vectors = load("malformed.json", "connections", "calls") + load("receivable.json", "conversations")
    talk = load("conversation.json", "frames")
    sessions = [Spoken(vector["peer"] == "connector", _steps(vector)) for vector in vectors]
    for role in ("connector", "acceptor"):
        said = tuple(octets(frame["hex"]) for frame in talk if frame["from"] == role)
        sessions.append(Spoken(role == "connector", said))
    return [session for session in sessions if 0 < sum(map(len, session.frames)) <= _LARGEST]


def _steps(vector: Vector) -> tuple[bytes, ...]:
    return tuple(octets(step["hex"]) for step in vector["steps"] if "hex" in step)


@cache
def known_frames() -> list[bytes]:
    """All frames of the vectors, good and bad; they are never the first of a connection, so HELLO is a bad one."""
    alone = load("frames.json", "frames") + load("receivable.json", "frames")
    found = [octets(vector["hex"]) for vector in alone]
    found += [frame for session in known_sessions() for frame in session.frames[1:]]
    return [frame for frame in dict.fromkeys(found) if len(frame) <= _LARGEST]


# --- What is made at random ------------------------------------------------------------------------------------------

_METHODS = ("add", "echo", "pour", "gather", "wait", "note", "told", "of.none")
_VALUES: tuple[object, ...] = (
    None, True, 0, -1, 7, 2**63, 1.5, "", "text", b"", bytes(300), [], [1, 2], {}, {"a": [1]}, {1: b"x"}, [[[[]]]],
)  # fmt: skip
_TOTALS = (0, 1, 65_535, 65_536, 70_000, 262_144, 2**31, 2**64 - 1)


def random_frame(chance: random.Random, ids: Sequence[int] = range(1, 12)) -> bytes:
    """A frame whose form is right; whether it fits what went before is another question."""
    return chance.choice(_MAKERS)(chance, chance.choice(ids))


def fitting_frame(
    chance: random.Random, next_id: int, called: Sequence[int], answered: Sequence[int], streams: Sequence[int]
) -> bytes:
    """A frame that the session most likely takes.

    Args:
        chance: the dice.
        next_id: of the peer's next CALL.
        called: ids of the calls that the peer has made.
        answered: of those that it may answer.
        streams: of those, of either sort, on which it may send items.
    """
    kind = chance.randrange(16)
    if streams and kind < 6:
        return pairs.data(chance.choice(streams), _payload(chance) or b"\0", 0)
    if kind == 6 and called:
        return _cancel(chance, chance.choice(called))
    if kind == 7 and answered:
        return pairs.reply(chance.choice(answered), _payload(chance), 0)
    if kind == 8 and answered:
        return frames.error(chance.choice(answered), encode({0: chance.randrange(20), 1: "failed"}))
    if kind == 9 and streams:
        return _credit(chance, chance.choice(streams))
    if kind == 10:
        return _notify(chance, 0)
    if kind == 11:
        return _ping(chance, 0)
    flags = chance.choice((0, Flag.NAMED, Flag.SENDS, Flag.TAKES, Flag.SENDS | Flag.TAKES))
    return pairs.call(next_id, _payload(chance), flags=int(flags), method=f"target.{chance.choice(_METHODS)}")


def _payload(chance: random.Random) -> bytes:
    kind = chance.randrange(8)
    if kind < 5:
        return encode([chance.choice(_VALUES) for _ in range(chance.randrange(4))])
    if kind == 5:
        return encode([[chance.choice(_VALUES)], {"a": chance.choice(_VALUES)}])
    return chance.randbytes(chance.choice((0, 1, 20, 4096, 5000)))


def _call(chance: random.Random, id: int) -> bytes:
    flags = chance.choice((0, 0, 0, 0, Flag.NAMED, Flag.SENDS, Flag.TAKES, Flag.SENDS | Flag.TAKES, Flag.MORE, 31))
    timeout = chance.choice((None, None, None, 0, 1, 5000, 2**53, 2**64 - 1))
    return pairs.call(
        id, _payload(chance), flags=int(flags), timeout=timeout, method=f"target.{chance.choice(_METHODS)}"
    )


def _data(chance: random.Random, id: int) -> bytes:
    return pairs.data(id, _payload(chance), chance.choice((0, 0, 0, 1, 2, 3)))


def _reply(chance: random.Random, id: int) -> bytes:
    return pairs.reply(id, _payload(chance), chance.choice((0, 0, 0, 1)))


def _error(chance: random.Random, id: int) -> bytes:
    return frames.error(id, encode({0: chance.randrange(20), 1: "failed", chance.randrange(9): chance.choice(_VALUES)}))


def _credit(chance: random.Random, id: int) -> bytes:
    return frames.credit(id, chance.choice(_TOTALS))


def _cancel(chance: random.Random, id: int) -> bytes:
    return frames.cancel(id)


def _ping(chance: random.Random, id: int) -> bytes:
    return chance.choice((frames.ping, frames.pong))(chance.randrange(2**32))


def _goaway(chance: random.Random, id: int) -> bytes:
    return frames.goaway(chance.choice((None, None, 0, id)), chance.choice((0, 0, 0, 1, 7, 99)), "bye")


def _notify(chance: random.Random, id: int) -> bytes:
    payload = _payload(chance)
    return frames.notify(frames.method_item(f"target.{chance.choice(_METHODS)}"), b"\xf6", len(payload)) + payload


def _unknown(chance: random.Random, id: int) -> bytes:
    return _framed(encode([chance.randrange(70), id, chance.choice(_VALUES)]))


def _noise(chance: random.Random, id: int) -> bytes:
    return _framed(chance.randbytes(chance.randrange(1, 40)))


_MAKERS: tuple[Callable[[random.Random, int], bytes], ...] = (
    *[_call] * 6, *[_data] * 6, *[_reply] * 3, *[_error] * 2, *[_cancel] * 3, *[_credit] * 2, *[_notify] * 2,
    *[_ping] * 2, _goaway, _unknown, _noise,
)  # fmt: skip


def random_session(chance: random.Random, *, by_connector: bool) -> Spoken:
    """A greeting, and then frames whose ids rise as they should, mostly."""
    said, opened = [HELLO], 1 if by_connector else 2
    for _ in range(chance.choice((1, 3, 10, 30))):
        if chance.randrange(3) == 0:
            said.append(_call(chance, opened))
            opened += 2
        else:
            said.append(random_frame(chance, range(max(1, opened - 6), opened + 1)))
    return Spoken(by_connector, tuple(said))


# --- Mutations -------------------------------------------------------------------------------------------------------


_HEADS = b"\0\1\x18\x1b\x40\x5f\x7f\x80\x9f\xbf\xc2\xf6\xff"
"""Bytes with which items of CBOR begin."""


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def mutated(chance: random.Random, frame: bytes) -> bytes:
    """A frame with something changed in its body, and mostly a length that is right again."""
    body = bytearray(frame[4:])
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, size = chance.randrange(len(body) + 1), chance.choice((1, 1, 2, 8))
        match chance.randrange(6):
            case 0 if body:
                body[at % len(body)] ^= 1 << chance.randrange(8)
            case 1 if body:
                body[at % len(body)] = chance.choice(_HEADS)
            case 2:
                body[at:at] = chance.randbytes(size)
            case 3:
                del body[at : at + size]
            case 4:
                body[at:at] = body[at : at + size]
            case _:
                del body[at:]
    if chance.randrange(8):
        return _framed(bytes(body))
    return chance.choice((frame[:4], b"\0\0\0\0", b"\xff\xff\xff\xff", b"GET ", chance.randbytes(4))) + bytes(body)


def mutated_session(chance: random.Random, session: Spoken) -> Spoken:
    """What a peer says, with frames that are changed, doubled, swapped, left out, or of another conversation."""
    said = list(session.frames)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = chance.randrange(len(said)), chance.randrange(len(said))
        match chance.randrange(7):
            case 0 | 1:
                said[at] = mutated(chance, said[at])
            case 2:
                said.insert(at, said[other])
            case 3:
                said[at], said[other] = said[other], said[at]
            case 4 if len(said) > 1:
                del said[at]
            case 5:
                said[at + 1 :] = chance.choice(known_sessions()).frames[1:]
            case _:
                said.insert(at + 1, random_frame(chance))
    return Spoken(session.by_connector, tuple(said))


def cuts_of(chance: random.Random, data: bytes) -> list[bytes]:
    """The pieces in which bytes arrive: mostly few."""
    size = chance.choice((len(data), len(data), 1000, 100, 7))
    size = max(1, size, len(data) // 200)
    return [data[at : at + size] for at in range(0, len(data), size)]
