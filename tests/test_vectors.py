"""The golden vectors of the protocol, see ``tests/vectors/README.md``, against the wire and the session."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rpc.wire import datagrams, failures, frames, hello, payload, profile
from rpc.wire import metadata as metadata_rows
from rpc.wire.frames import Frame
from tests.vector_files import Vector, each, load, needs, octets, same, value
from tests.vector_session import expected, outcome

PROTOCOL = Path(__file__).parent.parent / "docs" / "protocol.md"


# --- Frames ------------------------------------------------------------------------------------------------------

SENT = load("frames.json", "frames") + load("conversation.json", "frames")


@each(SENT + load("receivable.json", "frames"))
def test_a_frame_is_decoded(vector: Vector) -> None:
    frame, fields = octets(vector["hex"]), [value(field) for field in vector["fields"].values()]
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    if vector["type"] == "HELLO":
        version, settings = fields
        assert hello.decode(frame[4:]) == (version, expected_settings(settings))
    else:
        decoded = frames.decode(frame[4:])
        assert decoded is not None
        whole = [bytes(field) if isinstance(field, memoryview) else field for field in decoded]  # of a long payload
        assert same(whole, [int(Frame[vector["type"]]), *fields])


@each(SENT)
def test_a_frame_is_encoded(vector: Vector) -> None:
    fields = [value(field) for field in vector["fields"].values()]
    assert _ENCODERS[vector["type"]](*fields) == octets(vector["hex"])


SETTINGS = ("max_frame", "max_message", "max_calls", "window", "features", "agent", "credential", "min_ping")


def expected_settings(settings: dict[int, Any]) -> hello.Settings:
    named = {SETTINGS[key]: setting for key, setting in settings.items() if key < len(SETTINGS)}
    if "features" in named:
        named["features"] = tuple(named["features"])
    return hello.Settings(**named)


def encode_hello(version: int, settings: dict[int, Any]) -> bytes:
    body = b"\xd9\xd9\xf7" + payload.encode([0, version, settings])
    return len(body).to_bytes(4, "big") + body


def encode_call(id: int, flags: int, method: str, timeout: int | None, meta: Any, arguments: bytes) -> bytes:
    items = frames.method_item(method), timeout, metadata_rows.encode(meta)
    return frames.call(id, *items, flags=flags, size=len(arguments)) + arguments


def encode_notify(method: str, meta: Any, arguments: bytes) -> bytes:
    return frames.notify(frames.method_item(method), metadata_rows.encode(meta), len(arguments)) + arguments


def encode_part(encode: Callable[[int, int, int], bytes], id: int, flags: int, part: bytes) -> bytes:
    return encode(id, flags, len(part)) + part


def encode_error(id: int, error: dict[int, Any]) -> bytes:
    return frames.error(id, payload.encode(error))


_ENCODERS: dict[str, Callable[..., bytes]] = {
    "HELLO": encode_hello,
    "CALL": encode_call,
    "DATA": partial(encode_part, frames.data),
    "REPLY": partial(encode_part, frames.reply),
    "ERROR": encode_error,
    "CANCEL": frames.cancel,
    "CREDIT": frames.credit,
    "NOTIFY": encode_notify,
    "PING": frames.ping,
    "PONG": frames.pong,
    "GOAWAY": frames.goaway,
}


@each(vector for vector in SENT if vector["type"] == "ERROR")
def test_an_error_is_the_same_after_it_was_raised(vector: Vector) -> None:
    fields = value(vector["fields"]["error"])
    again = payload.decode(failures.encode(failures.decode(fields)))
    if vector["name"] == "error-largest":  # nothing tells how close to the limit a sender goes
        assert fields[1].startswith(again[1])
    else:
        assert again == without_defaults(fields)


def without_defaults(fields: dict[int, Any]) -> dict[int, Any]:
    """An error map without what says nothing: processed 0, details that are null, no causes."""
    empty: dict[int, Any] = {2: 0, 5: b"\xf6", 7: []}
    left = {key: field for key, field in fields.items() if key not in empty or field != empty[key]}
    return left | ({7: [without_defaults(cause) for cause in left[7]]} if 7 in left else {})


def test_the_protocol_explains_these_very_bytes() -> None:
    lines = ["".join(line.split()) for line in PROTOCOL.read_text().splitlines()]
    for vector in load("conversation.json", "frames"):
        speaker = "C" if vector["from"] == "connector" else "A"
        assert speaker + octets(vector["hex"]).hex() in lines


def test_the_protocol_shows_the_smallest_bodies() -> None:
    rows = re.findall(r"^\| \d+ \| ([A-Z]+) \|.*\| `([0-9a-f ]+)` \|$", PROTOCOL.read_text(), re.MULTILINE)
    assert [name for name, _ in rows] == list(Frame.__members__)
    for name, body in rows:
        if name == "HELLO":
            hello.decode(octets(body))
        else:
            assert frames.decode(octets(body)) is not None


# --- Conversations -----------------------------------------------------------------------------------------------


CONVERSATIONS = load("receivable.json", "conversations") + load("malformed.json", "calls")


@each(vector for vector in CONVERSATIONS if not needs("service", vector))
def test_a_conversation_goes_as_it_should(vector: Vector) -> None:
    assert outcome(vector) == expected(vector["expect"])


@each(vector for vector in load("malformed.json", "connections") if not needs("timer", vector))
def test_a_broken_peer_is_told_why(vector: Vector) -> None:
    happened = outcome(vector)
    goaway = happened["answers"].pop()
    reason = vector["expect"]["goaway"]
    assert goaway["type"] == "GOAWAY"
    assert goaway["reason"] in (reason if isinstance(reason, list) else [reason])
    assert goaway["last_id"] == vector["expect"].get("last_id", goaway["last_id"])
    assert goaway["text"]
    assert vector["expect"].get("text", "") in goaway["text"]
    assert all(frame["type"] != "GOAWAY" for frame in happened["answers"])


# --- Payloads ----------------------------------------------------------------------------------------------------


@each(load("profile.json", "accept"))
def test_a_payload_is_taken(vector: Vector) -> None:
    assert same(payload.decode(octets(vector["hex"])), value(vector["value"]))


@each(vector for vector in load("profile.json", "accept") if "sent" in vector)
def test_a_payload_is_encoded(vector: Vector) -> None:
    assert payload.encode(value(vector["value"])) == octets(vector["hex"])


@each(vector for vector in load("profile.json", "reject") if "unless" not in vector)
def test_a_payload_is_refused(vector: Vector) -> None:
    with pytest.raises(profile.ProfileError):
        payload.decode(octets(vector["hex"]))


def test_arrays_are_taken() -> None:
    vectors = [vector for vector in load("profile.json", "reject") if vector.get("unless") == "array support is on"]
    taken = [vector["name"] for vector in vectors if _is_taken(vector)]
    assert taken == ["tag-64-array", "tag-69-array", "tag-75-array", "tag-77-array"]
    # Tag 40 around anything but a typed array, and float128, are refused all the same.
    assert len(vectors) == len(taken) + 2


def _is_taken(vector: Vector) -> bool:
    try:
        payload.decode(octets(vector["hex"]))
    except profile.ProfileError:
        return False
    return True


# --- Datagrams ---------------------------------------------------------------------------------------------------


@each(load("datagrams.json", "accept"))
def test_a_datagram_is_taken(vector: Vector) -> None:
    taken = datagrams.decode(octets(vector["hex"]))
    assert taken.method == value(vector["method"])
    assert taken.sender.hex() == vector["sender"]
    assert taken.sequence == value(vector["sequence"])
    assert taken.payload == value(vector["payload"])


@each(vector for vector in load("datagrams.json", "accept") if "sent" in vector)
def test_a_datagram_is_encoded(vector: Vector) -> None:
    method, sequence = value(vector["method"]), value(vector["sequence"])
    encoded = datagrams.encode(method, value(vector["payload"]), bytes.fromhex(vector["sender"]), sequence)
    assert encoded == octets(vector["hex"])


@each(load("datagrams.json", "drop"))
def test_a_datagram_is_dropped(vector: Vector) -> None:
    with pytest.raises(datagrams.DatagramError) as caught:
        datagrams.decode(octets(vector["hex"]))
    assert caught.value.reason.value == vector["drop"]


@each(load("datagrams.json", "replay"))
def test_a_datagram_passes_once(vector: Vector) -> None:
    senders = datagrams.Senders()
    for step in vector["steps"]:
        taken = datagrams.decode(octets(step["hex"]))
        assert (taken.sender.hex(), taken.sequence) == (step["sender"], value(step["sequence"]))
        assert senders.accept(taken.sender, taken.sequence) is step["passes"]
