from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rpc.limits import MAX_DEPTH, MAX_ITEMS
from rpc.wire import profile
from rpc.wire.heads import ARRAY, BYTES, MAP, TEXT, write_head
from rpc.wire.profile import ProfileError, decode, decode_envelope, decode_hello
from tests.cbor_reference import items, mangled, reference_outcome
from tests.cbor_vectors import APPENDIX_A, NOT_WELL_FORMED, REFUSED_OF_APPENDIX_A

BROKEN = {
    "": "ends too early",
    "0000": "byte 1: bytes follow",
    "8001": "byte 1: bytes follow",
    "a1f600": "map key",
    "a1f500": "map key",
    "a1f93c0000": "map key",
    "a1800000": "map key",
    "a1810000": "map key",
    "a1a000": "map key",
    "a1c2410100": "map key",
    "81a1c24101f6": "map key",
    "a1d9010280f6": "map key",
    "a201000101": "duplicate map key 1",
    "a201001801f6": "duplicate map key 1",
    "a2616100616101": "duplicate map key 'a'",
    "a2416100416101": "duplicate map key b'a'",
    "81a220002000": "duplicate map key -1",
    "d901028101" + "00": "bytes follow",
    "d90102820101": "a member twice",
    "d9010281c24101": "set member",
    "c25841" + "00" * 65: "at most 64 bytes",
    "c48219180101": "exponent",
    "c074323031332d30322d33305432303a30343a30305a": "outside what can be held",
}


def encoded_text(text: str) -> bytes:
    return write_head(TEXT, len(text)) + text.encode()


@pytest.mark.parametrize(("encoded", "value"), APPENDIX_A)
def test_good_vectors_of_the_rfc(encoded: str, value: object) -> None:
    data = bytes.fromhex(encoded)
    for kind in (bytes, bytearray, memoryview):
        assert repr(decode(kind(data))) == repr(value)
    if not isinstance(value, datetime) and data[0] not in (0xC2, 0xC3):
        assert repr(decode_envelope(data)) == repr(value)


def test_not_a_number_is_a_number() -> None:
    for encoded in ("f97e00", "fa7fc00000", "fb7ff8000000000000"):
        assert math.isnan(decode(bytes.fromhex(encoded)))


@pytest.mark.parametrize(("encoded", "reason"), (REFUSED_OF_APPENDIX_A | NOT_WELL_FORMED | BROKEN).items())
def test_bad_vectors(encoded: str, reason: str) -> None:
    with pytest.raises(ProfileError, match=reason):
        decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("encoded", [encoded for encoded, _ in APPENDIX_A])
def test_what_is_cut_off_is_refused(encoded: str) -> None:
    data = bytes.fromhex(encoded)
    for end in range(len(data)):
        with pytest.raises(ProfileError, match="ends too early"):
            decode(data[:end])


def test_every_single_byte_is_judged() -> None:
    for byte in range(256):
        data = bytes((byte,))
        for decoder in (decode, decode_envelope):
            assert outcome(decoder, data) == reference_outcome(data, tags=False)


def test_heads_of_any_width_are_taken() -> None:
    assert decode(bytes.fromhex("9b0000000000000002" + "1b0000000000000001" + "590001ff")) == [1, b"\xff"]
    assert decode(bytes.fromhex("db000000000000000100")) == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_envelope_has_no_tags() -> None:
    for encoded in ("c11a514b67b0", "8201c24101", "d9d9f780", "a101c24101"):
        with pytest.raises(ProfileError, match="is not allowed here"):
            decode_envelope(bytes.fromhex(encoded))


@pytest.mark.parametrize("decoder", [decode, decode_envelope])
def test_integer_keys_are_taken_at_any_size(decoder: Callable[[bytes], Any]) -> None:
    for count in (1, 3000, 20_000):
        wanted = dict.fromkeys(range(-1, count - 1))
        encoded = write_head(MAP, count) + b"".join(
            (write_head(0, key) if key >= 0 else b"\x20") + b"\xf6" for key in wanted
        )
        assert decoder(encoded) == wanted
        with pytest.raises(ProfileError, match="a map key that is no text"):
            decoder(write_head(MAP, count + 1) + encoded[len(write_head(MAP, count)) :] + b"\x80\x00")


@pytest.mark.parametrize("innermost", ["01", "80", "a0", "8101", "a10101", "40"])
def test_the_last_level_is_the_64th(innermost: str) -> None:
    end = bytes.fromhex(innermost)
    own = int(end[0] >> 5 in (ARRAY, MAP))
    for decoder in (decode, decode_envelope):
        value = decoder(b"\x81" * (MAX_DEPTH - own) + end)
        for _ in range(MAX_DEPTH - own):
            [value] = value
        assert value == decode(end)
        with pytest.raises(ProfileError, match="more than 64 levels"):
            decoder(b"\x81" * (MAX_DEPTH - own + 1) + end)


def test_a_tag_is_a_level() -> None:
    assert decode(b"\x81" * 63 + b"\xc1\x00")
    with pytest.raises(ProfileError, match="more than 64 levels"):
        decode(b"\x81" * 64 + b"\xc1\x00")
    assert decode(b"\x81" * 62 + b"\xd9\x01\x02\x80")
    with pytest.raises(ProfileError, match="more than 64 levels"):
        decode(b"\x81" * 63 + b"\xd9\x01\x02\x80")


def test_the_last_level_of_large_data() -> None:
    large = write_head(BYTES, 70_000) + bytes(70_000) + b"\x80"
    for depth, fits in ((61, True), (62, True), (63, False)):
        data = b"\x81" * depth + b"\x82" + large
        if fits:
            assert decode(data)
        else:
            with pytest.raises(ProfileError, match="more than 64 levels"):
                decode(data)


def test_items_are_limited() -> None:
    most = write_head(ARRAY, MAX_ITEMS - 1) + b"\x80" * (MAX_ITEMS - 1)
    assert len(decode(most)) == MAX_ITEMS - 1
    assert len(decode_envelope(most)) == MAX_ITEMS - 1
    more = write_head(ARRAY, MAX_ITEMS) + b"\x80" * MAX_ITEMS
    for decoder in (decode, decode_envelope):
        with pytest.raises(ProfileError, match="more than 65536 items"):
            decoder(more)
    assert len(decode(more, max_items=MAX_ITEMS + 1)) == MAX_ITEMS


def test_the_limit_of_items_may_be_small() -> None:
    data = bytes.fromhex("83010203")
    assert decode(data, max_items=4) == [1, 2, 3]
    with pytest.raises(ProfileError, match="more than 3 items"):
        decode(data, max_items=3)


def test_large_data_of_few_items() -> None:
    blob = bytes(range(256)) * 300
    head = write_head(BYTES, len(blob))
    for before, after, value in (
        (b"", b"", blob),
        (b"\x82\x01", b"", [1, blob]),
        (b"\x82", b"\x01", [blob, 1]),
        (b"\x82\x81\x01\xa1\x61k", b"", [[1], {"k": blob}]),
        (b"\x82\x80\xa2\x61j\xa1\x01\x80\x61k", b"", [[], {"j": {1: []}, "k": blob}]),
    ):
        data = before + head + blob + after
        for kind in (bytes, bytearray, memoryview):
            decoded = decode(kind(data))
            assert decoded == value
            assert decode_envelope(kind(data)) == value
        with pytest.raises(ProfileError, match="ends too early"):
            decode(data[:-1])
        with pytest.raises(ProfileError, match="bytes follow"):
            decode(data + b"\x00")
    text = "a" * len(blob)
    assert decode(b"\x81" + encoded_text(text)) == [text]
    with pytest.raises(ProfileError, match="not UTF-8"):
        decode(b"\x81" + write_head(TEXT, len(blob)) + blob)


def test_large_data_is_copied_out() -> None:
    data = bytearray(write_head(BYTES, 70_000) + bytes(70_000))
    value = decode(data)
    data[:] = b"\xff" * len(data)
    assert type(value) is bytes
    assert value == bytes(70_000)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (b"\xc2", "at most 64 bytes"),
        (b"\x81\xd8\x25", "16 bytes"),
        (b"\xd9\x01\x02\x81", None),
        (b"\xa2\x61a\x01\x61a", "duplicate map key 'a'"),
        (b"\xa1\x80", "a map key"),
        (b"\x82\xf7", "undefined"),
        (b"\xd8\x1e\x82\x01", "tag 30"),
    ],
)
def test_large_data_keeps_the_rules(before: bytes, reason: str | None) -> None:
    data = before + write_head(BYTES, 70_000) + bytes(70_000)
    if reason is None:
        assert decode(data) == {bytes(70_000)}
    else:
        with pytest.raises(ProfileError, match=reason):
            decode(data)


def test_a_hello_is_tagged() -> None:
    assert decode_hello(bytes.fromhex("d9d9f7830001a10019ffff")) == [0, 1, {0: 65535}]
    assert decode_hello(memoryview(bytes.fromhex("d9d9f780"))) == []
    for encoded in ("", "d9d9", "830001a0", "d9d9f883000100", "da0000d9f780"):
        with pytest.raises(ProfileError, match="tag 55799 is missing"):
            decode_hello(bytes.fromhex(encoded))
    with pytest.raises(ProfileError, match="tag 55799 is not allowed"):
        decode_hello(bytes.fromhex("d9d9f7d9d9f780"))
    with pytest.raises(ProfileError, match="more than 63 levels"):
        decode_hello(bytes.fromhex("d9d9f7") + b"\x81" * 63 + b"\x80")


def test_the_first_head_has_a_size() -> None:
    assert profile.head_size(b"\x87\x01") == 1
    assert profile.head_size(bytes.fromhex("9b0000000000000007")) == 9


def test_messages_are_escaped_and_cut() -> None:
    for key in ("\x1b[31m", "\u202e", "\n", "\x00", "\U0001f600"):
        item = write_head(TEXT, len(key.encode())) + key.encode() + b"\x00"
        with pytest.raises(ProfileError) as caught:
            decode(b"\xa2" + item * 2)
        assert str(caught.value).isascii()
        assert str(caught.value).isprintable()
        assert ascii(key)[1:-1] in str(caught.value)
    item = encoded_text("a" * 10_000) + b"\x00"
    with pytest.raises(ProfileError, match="duplicate map key 'aaa") as caught:
        decode(b"\xa2" + item * 2)
    assert len(str(caught.value)) == 128


@pytest.mark.parametrize("raised", [MemoryError(), RecursionError(), OverflowError(), BaseException("panic")])
def test_whatever_the_decoder_raises_is_a_profile_error(raised: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*_args: object, **_kwargs: object) -> None:
        raise raised

    monkeypatch.setattr(profile, "_loads", loads)
    monkeypatch.setattr(cbor2, "CBORDecoder", loads)
    for decoder in (decode, decode_envelope):
        for data in (b"\x80", b"\x82" + write_head(TEXT, 70_000) + b"a" * 70_000 + b"\x00"):
            with pytest.raises(ProfileError, match=f"cannot be decoded: {type(raised).__name__}"):
                decoder(data)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_program_passes(raised: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*_args: object, **_kwargs: object) -> None:
        raise raised

    monkeypatch.setattr(profile, "_loads", loads)
    with pytest.raises(raised):
        decode(b"\x80")


def outcome(decoder: Callable[[bytes], Any], data: bytes) -> str:
    """The value as text, or "refused"."""
    try:
        return repr(decoder(data))
    except ProfileError as error:
        message = str(error)
    assert len(message) <= 128
    assert message.isascii()
    assert message.isprintable()
    return "refused"


@given(items() | mangled() | st.binary(max_size=64))
@example(b"")
@example(b"\x81" * 64 + b"\x80")
def test_all_bytes_give_the_value_of_the_reference_or_a_profile_error(data: bytes) -> None:
    assert outcome(decode_envelope, data) == reference_outcome(data, tags=False)
    assert outcome(decode, data) == (reference_outcome(data, tags=True) or outcome(decode, data))
    outcome(decode_hello, b"\xd9\xd9\xf7" + data)
    outcome(decode_hello, data)


@given(items() | mangled())
def test_large_data_is_judged_like_small(data: bytes) -> None:
    padding = write_head(TEXT, 70_000) + b"a" * 70_000
    blob = write_head(BYTES, 70_000) + bytes(70_000)
    for tail in (padding, blob):
        small = outcome(decode, b"\x82" + data + b"\x00")
        large = outcome(decode, b"\x82" + data + tail)
        assert (small == "refused") == (large == "refused")
        if small != "refused":
            assert large.startswith(small.removesuffix("0]"))
