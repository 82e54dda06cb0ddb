from __future__ import annotations

import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError, Reason
from rpc.limits import MAX_ERROR, MAX_ID, MAX_METADATA
from rpc.wire import frames
from rpc.wire import metadata as metadata_rows
from rpc.wire.frames import Flag, Frame


def call(id: int, flags: int, method: str, timeout: int | None, metadata: dict[Any, Any] | None, load: bytes) -> bytes:
    head = frames.call(id, frames.method_item(method), timeout, metadata_rows.encode(metadata), flags, len(load))
    return head + load


def notify(method: str, metadata: dict[Any, Any] | None, load: bytes) -> bytes:
    return frames.notify(frames.method_item(method), metadata_rows.encode(metadata), len(load)) + load


def data(id: int, flags: int, load: bytes) -> bytes:
    return frames.data(id, flags, len(load)) + load


def reply(id: int, flags: int, load: bytes) -> bytes:
    return frames.reply(id, flags, len(load)) + load


def error(id: int, failure: dict[int, Any]) -> bytes:
    return frames.error(id, cbor2.dumps(failure))


ENCODERS = {
    Frame.CALL: call,
    Frame.DATA: data,
    Frame.REPLY: reply,
    Frame.ERROR: error,
    Frame.CANCEL: frames.cancel,
    Frame.CREDIT: frames.credit,
    Frame.NOTIFY: notify,
    Frame.PING: frames.ping,
    Frame.PONG: frames.pong,
    Frame.GOAWAY: frames.goaway,
}


def encode(kind: Frame, *fields: Any) -> bytes:
    encoder: Any = ENCODERS[kind]
    encoded: bytes = encoder(*fields)
    return encoded


# --- There and back ------------------------------------------------------------------------------------------------

IDS = st.integers(1, MAX_ID) | st.sampled_from([1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, MAX_ID])
UINTS = st.integers(0, 2**64 - 1)
LOADS = st.binary(max_size=30) | st.sampled_from([b"", b"x" * 23, b"x" * 24, b"x" * 256, b"x" * 65536])
METHODS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=63)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=3),
    max_leaves=5,
)
METADATA = st.none() | st.dictionaries(st.text() | UINTS, VALUES, min_size=1, max_size=4)

ANY_FRAME = st.one_of(
    st.tuples(
        st.just(Frame.CALL),
        IDS,
        st.lists(st.sampled_from([1, 4, 8, 16]), unique=True).map(sum),
        METHODS,
        st.none() | UINTS,
        METADATA,
        LOADS,
    ),
    st.tuples(st.just(Frame.DATA), IDS, st.sampled_from([0, 1, 2]), LOADS),
    st.tuples(st.just(Frame.REPLY), IDS, st.sampled_from([0, 1]), LOADS),
    st.tuples(st.just(Frame.ERROR), IDS, st.just({0: 2, 1: "no"})),
    st.tuples(st.just(Frame.CANCEL), IDS),
    st.tuples(st.just(Frame.CREDIT), IDS, UINTS),
    st.tuples(st.just(Frame.NOTIFY), METHODS, METADATA, LOADS),
    st.tuples(st.sampled_from([Frame.PING, Frame.PONG]), UINTS),
    st.tuples(st.just(Frame.GOAWAY), st.none() | IDS | st.just(0), UINTS, st.text(st.characters(codec="utf-8"))),
)


@given(ANY_FRAME)
def test_a_frame_is_its_fields_with_a_length_in_front(fields: tuple[Any, ...]) -> None:
    encoded = encode(*fields)
    assert int.from_bytes(encoded[:4], "big") == len(encoded) - 4
    assert frames.decode(encoded[4:]) == list(fields)
    assert frames.decode(memoryview(encoded)[4:]) == list(fields)
    assert encoded[4:] == cbor2.dumps(list(fields))  # which writes the shortest heads


@pytest.mark.parametrize("flags", range(32))
def test_every_flag_has_its_shortest_head(flags: int) -> None:
    assert frames.data(1, flags, 0)[4:] == cbor2.dumps([2, 1, flags, b""])


def test_types_and_flags_have_the_numbers_of_the_protocol() -> None:
    names = ["HELLO", "CALL", "DATA", "REPLY", "ERROR", "CANCEL", "CREDIT", "NOTIFY", "PING", "PONG", "GOAWAY"]
    assert [kind.name for kind in Frame] == names
    assert list(Frame) == list(range(11))
    assert {flag.name: flag.value for flag in Flag} == {"MORE": 1, "END": 2, "NAMED": 4, "SENDS": 8, "TAKES": 16}


# --- What breaks its row -------------------------------------------------------------------------------------------

GOOD: dict[Frame, list[Any]] = {
    Frame.CALL: [1, 0, "a.b", None, None, b"\x80"],
    Frame.DATA: [1, 0, b"\x80"],
    Frame.REPLY: [1, 0, b"\x80"],
    Frame.ERROR: [1, {0: 2, 1: "no"}],
    Frame.CANCEL: [1],
    Frame.CREDIT: [1, 65536],
    Frame.NOTIFY: ["a.b", None, b"\x80"],
    Frame.PING: [1],
    Frame.PONG: [1],
    Frame.GOAWAY: [1, 0, "bye"],
}
NO_UINT = [-1, True, 1.0, None, "1", b"1", [1]]
NO_ID = [*NO_UINT, 0, MAX_ID + 1]
NO_FLAGS = [*NO_UINT, 32, 64, 2**64 - 1]
NO_TEXT = [None, 1, b"a.b", ["a.b"]]
NO_METHOD = [*NO_TEXT, "", "m" * 256, "é" * 128, "\N{SNAKE}" * 64]
NO_BYTES = [None, 1, "text", [b""]]
NO_METADATA = [[], "text", 1, {-1: 1}, {b"a": 1}, {"a": b"x" * MAX_METADATA}]

BAD: dict[Frame, list[list[Any]]] = {
    Frame.CALL: [NO_ID, [*NO_FLAGS, 2, 3], NO_METHOD, [-1, True, 1.0, "1", b"1", [1]], NO_METADATA, NO_BYTES],
    Frame.DATA: [NO_ID, [*NO_FLAGS, 3, 4, 8, 16], NO_BYTES],
    Frame.REPLY: [NO_ID, [*NO_FLAGS, 2, 3, 4, 8, 16], NO_BYTES],
    Frame.ERROR: [NO_ID, [None, 2, "no", [2, "no"], {1: "x" * MAX_ERROR}]],
    Frame.CANCEL: [NO_ID],
    Frame.CREDIT: [NO_ID, NO_UINT],
    Frame.NOTIFY: [NO_METHOD, NO_METADATA, NO_BYTES],
    Frame.PING: [NO_UINT],
    Frame.PONG: [NO_UINT],
    Frame.GOAWAY: [[-1, True, 1.0, "1", MAX_ID + 1], NO_UINT, [*NO_TEXT, "x" * MAX_ERROR]],
}


@pytest.mark.parametrize("kind", GOOD)
def test_the_good_frame_is_good(kind: Frame) -> None:
    assert frames.decode(cbor2.dumps([kind.value, *GOOD[kind]])) == [kind, *GOOD[kind]]


@pytest.mark.parametrize(
    ("kind", "place", "bad"),
    [(kind, place, bad) for kind, places in BAD.items() for place, listed in enumerate(places) for bad in listed],
    ids=lambda part: part.name if isinstance(part, Frame) else str(part)[:12],
)
def test_one_bad_field_breaks_a_frame(kind: Frame, place: int, bad: Any) -> None:
    fields = [kind.value, *GOOD[kind]]
    fields[1 + place] = bad
    with pytest.raises(ProtocolError) as caught:
        frames.decode(cbor2.dumps(fields))
    assert caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_field_more_or_less_breaks_a_frame(kind: Frame, change: int) -> None:
    fields = [kind.value, *GOOD[kind], 0][: len(GOOD[kind]) + 1 + change]
    with pytest.raises(ProtocolError, match=rf"^{kind.name}: {len(fields) - 1} fields are the wrong count"):
        frames.decode(cbor2.dumps(fields))


@pytest.mark.parametrize("item", [{}, 1, "text", b"", None, [], [None], ["1"], [True], [1.0], [[1]]], ids=str)
def test_a_frame_is_an_array_that_begins_with_its_type(item: Any) -> None:
    with pytest.raises(ProtocolError, match="an array that begins with its type"):
        frames.decode(cbor2.dumps(item))


@pytest.mark.parametrize("kind", range(32, 64))
def test_a_type_kept_for_later_is_ignored(kind: int) -> None:
    assert frames.decode(cbor2.dumps([kind, "anything", {1: [2.5]}])) is None


@pytest.mark.parametrize("kind", [-1, *range(11, 32), 64, 65, 2**32, 2**64 - 1])
def test_an_unknown_type_breaks(kind: int) -> None:
    with pytest.raises(ProtocolError, match=f"unknown frame type {kind}"):
        frames.decode(cbor2.dumps([kind, 1]))


def test_a_hello_is_none_of_these() -> None:
    with pytest.raises(ProtocolError, match="a second HELLO"):
        frames.decode(cbor2.dumps([0, 1, {}]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x82\x08",  # cut
        b"\x82\x08\x01\x00",  # trailed
        b"\x9f\x08\x01\xff",  # indefinite
        b"\xd9\xd9\xf7\x82\x08\x01",  # tagged
        b"\x82\xc1\x08\x01",
        b"\x82\x08\xc2\x41\x01",  # a bignum
        b"\x84\x07\x61\xff\xf6\x40",  # not UTF-8
        b"\x98\x28\x18\x28" + b"\x81" * 65,  # too deep, in a type that is ignored
    ],
    ids=bytes.hex,
)
def test_what_breaks_the_profile_breaks_a_frame(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="a frame breaks the CBOR profile: "):
        frames.decode(body)


@given(st.binary(max_size=40), st.sampled_from([b"", b"\x87\x01\x01\x00\x61a\xf6", b"\x84\x02", b"\x83\x04\x01\xa1"]))
def test_any_bytes_are_a_frame_or_an_error_of_the_peer(tail: bytes, start: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        frames.decode(start + tail)


# --- Sizes ---------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([frames.data, frames.reply]),
    st.integers(1, MAX_ID) | st.integers(1, 70_000),
    st.integers(0, 2),
    st.binary(max_size=300),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255)), max_size=2),
)
def test_the_short_way_comes_to_the_same(
    write: Any, id: int, flags: int, payload: bytes, changes: list[tuple[int, int]]
) -> None:
    body = bytearray((write(id, flags, len(payload)) + payload)[4:])
    for place, byte in changes:
        if place < len(body):
            body[place] = byte

    def outcome(body: bytes | bytearray) -> Any:
        try:
            return frames.decode(body)
        except ProtocolError as error:
            return error.message

    assert outcome(bytes(body)) == outcome(body)  # only bytes go the short way


@pytest.mark.parametrize("write", [frames.data, frames.reply])
@pytest.mark.parametrize("id", [1, 23, 24, 300, 70_000, 2**32, MAX_ID])
@pytest.mark.parametrize("flags", [0, 1, 2, 3, 24])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_long_way_of_a_payload_comes_to_the_same(write: Any, id: int, flags: int, more: int) -> None:
    size = 65_536 + more
    head = bytearray(write(id, 0, size)[4:])
    head[-6 if size > 65_535 else -4] = flags
    body = bytes(head) + bytes(size)
    known = (0, Flag.MORE) if write is frames.reply else (0, Flag.MORE, Flag.END)
    if flags in known:
        for form in (body, bytearray(body), memoryview(body)):
            fields = frames.decode(form)
            assert fields == [Frame.REPLY if write is frames.reply else Frame.DATA, id, flags, bytes(size)]
        for broken in (body[:-1], body + b"x"):
            with pytest.raises(ProtocolError):
                frames.decode(broken)
    else:
        with pytest.raises(ProtocolError):
            frames.decode(body)


def test_a_method_name_has_1_to_255_bytes() -> None:
    for name in ("m", "m" * 23, "m" * 24, "m" * 255, "é" * 127, "\N{SNAKE}" * 63):
        assert frames.method_item(name) == cbor2.dumps(name)
        assert frames.decode(cbor2.dumps([7, name, None, b""])) == [7, name, None, b""]
    for name in ("", "m" * 256, "é" * 128):
        with pytest.raises(ValueError, match="a method name has 1 to 255 bytes"):
            frames.method_item(name)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        frames.method_item("\ud800")


@pytest.mark.parametrize("kind", [Frame.CALL, Frame.NOTIFY])
def test_metadata_has_at_most_8192_bytes_wherever_it_stands(kind: Frame) -> None:
    def frame(size: int) -> bytes:
        fields = [kind.value, *GOOD[kind]]
        fields[-2:] = [{"a": "x" * (size - 6)}, bytes(100_000)]
        return cbor2.dumps(fields)

    assert frames.decode(frame(MAX_METADATA)) is not None
    with pytest.raises(ProtocolError, match="metadata of 8193 bytes"):
        frames.decode(frame(MAX_METADATA + 1))


def test_an_error_has_at_most_16384_bytes() -> None:
    failure = b"\xa1\x01\x79" + (MAX_ERROR - 8).to_bytes(2, "big") + b"x" * (MAX_ERROR - 8)
    assert frames.decode(frames.error(1, failure)[4:]) is not None
    with pytest.raises(ProtocolError, match="ERROR: 16385 bytes; at most 16384 are accepted") as caught:
        frames.decode(frames.error(24, failure)[4:])
    assert caught.value.reason is Reason.SIZE


def test_a_goaway_has_at_most_16384_bytes() -> None:
    text = "x" * (MAX_ERROR - 7)
    assert frames.decode(cbor2.dumps([10, None, 0, text])) is not None
    with pytest.raises(ProtocolError, match="GOAWAY: 16385 bytes; at most 16384 are accepted") as caught:
        frames.decode(cbor2.dumps([10, None, 0, text + "x"]))
    assert caught.value.reason is Reason.SIZE


@pytest.mark.parametrize("letter", ["x", "é", "€", "\N{SNAKE}", "\ud800"])
def test_the_text_of_a_goaway_is_made_to_fit(letter: str) -> None:
    body = frames.goaway(MAX_ID, 2**64 - 1, letter * 20_000)[4:]
    assert 16_000 < len(body) <= MAX_ERROR
    fields = frames.decode(body)
    assert fields is not None
    kind, last_id, reason, text = fields
    assert (kind, last_id, reason, set(text)) == (Frame.GOAWAY, MAX_ID, 2**64 - 1, {letter.replace("\ud800", "?")})


@pytest.mark.parametrize("metadata", [None, {"note": "x" * 8000}], ids=["bare", "metadata"])
@pytest.mark.parametrize("timeout", [None, 0, 100_000])
@pytest.mark.parametrize("method", ["m", "calc.add", "m" * 255])
def test_a_long_call_ends_with_a_view(method: str, timeout: int | None, metadata: dict[Any, Any] | None) -> None:
    load = bytes(range(256)) * 300
    for form in (bytes, bytearray, memoryview):
        fields = frames.decode(form(call(7, Flag.MORE, method, timeout, metadata, load)[4:]))
        assert fields == [Frame.CALL, 7, Flag.MORE, method, timeout, metadata, load]
        assert fields is not None
        assert isinstance(fields[-1], memoryview)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x87\x01\x01\x00\x61m\xf6\xf6\x5a\x00\x01\x11\x70" + bytes(69_999), "profile"),
        (b"\x87\x01\x01\x00\x61m\xf6\xf6\x5a\x00\x01\x11\x70" + bytes(70_001), "profile"),
        (b"\x87\x01\x01\x00\x61m\xf6\xf6\x81\x5a\x00\x01\x11\x70" + bytes(70_000), "byte string"),
        (b"\x86\x01\x01\x00\x61m\xf6\x5a\x00\x01\x11\x70" + bytes(70_000), "count"),
        (b"\x87\x01\x00\x00\x61m\xf6\xf6\x5a\x00\x01\x11\x70" + bytes(70_000), "call id"),
        (b"\x87\x01\x01\x00\x61m\xf6\x5a\x00\x01\x11\x70" + bytes(70_000) + b"\x40", "metadata"),
        (b"\x87\x0c\x01\x00\x61m\xf6\xf6\x5a\x00\x01\x11\x70" + bytes(70_000), "type 12"),
    ],
    ids=["short", "long", "no string", "fields", "id", "metadata", "type"],
)
def test_what_is_wrong_with_a_long_call_is_said(body: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        frames.decode(body)


def test_a_head_over_all_measure_is_no_long_call() -> None:
    body = b"\x87\x01\x01\x00\x61m\xf6\x78\x00" + b"\x60" * 65_000 + b"\x5a\x00\x01\x11\x70" + bytes(70_000)
    with pytest.raises(ProtocolError):
        frames.decode(body)
