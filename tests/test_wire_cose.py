"""COSE_Mac0 by hand: vectors made with nothing of ours, and another library at the other end."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycose.algorithms import HMAC256
from pycose.headers import KID, Algorithm
from pycose.keys.symmetric import SymmetricKey
from pycose.messages.mac0message import Mac0Message

from rpc.wire import cose
from rpc.wire.cose import Key, Keys
from rpc.wire.heads import ProfileError

SECRET = bytes(range(32))
KEY = Key(b"k1", SECRET)
PROTECTED = b"\xa1\x01\x05"


def made(content: bytes, kid: bytes = b"k1", secret: bytes = SECRET, **other: Any) -> bytes:
    """A message as the codec makes it; `other` has parts that are to be wrong."""
    protected = other.get("protected", PROTECTED)
    covered = cbor2.dumps(["MAC0", protected, b"", content])
    mac = other.get("mac", hmac.new(secret, covered, hashlib.sha256).digest())
    parts = other.get("parts", [protected, other.get("unprotected", {4: kid}), content, mac])
    return cbor2.dumps(cbor2.CBORTag(other.get("tag", 17), parts))


def opened(message: bytes, secret: bytes = SECRET) -> tuple[bytes, bytes, bool]:
    kid, content, mac = cose.unseal(message)
    return kid, content, cose.is_genuine(content, mac, secret)


# --- Vectors -------------------------------------------------------------------------------------------------------


def test_a_message_byte_for_byte() -> None:

    expected = (
        "d1 84 43a10105 a1 04 426b31 40 5820"
        + hmac.new(SECRET, bytes.fromhex("84 64 4d414330 43 a10105 40 40"), hashlib.sha256).hexdigest()
    )
    assert cose.seal(b"", KEY) == bytes.fromhex(expected)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize("kid", [b"", b"k1", bytes(23), bytes(24), bytes(256)])
def test_a_message_is_what_the_codec_makes(size: int, kid: bytes) -> None:
    content = bytes(size)
    message = cose.seal(content, Key(kid, SECRET))
    assert message == made(content, kid)
    assert cose.is_sealed(message)
    assert opened(message) == (kid, content, True)


@given(st.binary(max_size=300), st.binary(max_size=30), st.binary(min_size=16, max_size=100))
def test_what_was_sealed_is_unsealed(content: bytes, kid: bytes, secret: bytes) -> None:
    assert opened(cose.seal(content, Key(kid, secret)), secret) == (kid, content, True)


def test_heads_may_be_wider_than_they_need_be() -> None:
    mac = cose.seal(b"content", KEY)[-32:]
    wide = bytes.fromhex("d811 9804 5803a10105 b801 1804 58026b31 5a00000007") + b"content" + b"\x59\x00\x20" + mac
    assert cose.is_sealed(wide)
    assert opened(wide) == (b"k1", b"content", True)


# --- Another library -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"content", bytes(1000)])
def test_another_library_takes_what_we_seal(content: bytes) -> None:
    message = cbor2.loads(cose.seal(content, KEY))
    # Its own outermost step knows only the lists and dicts of an older codec, not what a tag holds today.
    protected, unprotected, *rest = message.value
    theirs: Any = Mac0Message.from_cose_obj([protected, dict(unprotected), *rest], False)
    theirs.key = SymmetricKey(k=SECRET)
    assert (message.tag, theirs.payload) == (Mac0Message.cbor_tag, content)
    assert (theirs.phdr, theirs.uhdr) == ({Algorithm: HMAC256}, {KID: b"k1"})
    assert theirs.verify_tag()
    theirs.key = SymmetricKey(k=bytes(32))
    assert not theirs.verify_tag()


@pytest.mark.parametrize("content", [b"content", bytes(1000)])
def test_we_take_what_another_library_seals(content: bytes) -> None:
    theirs: Any = Mac0Message(phdr={Algorithm: HMAC256}, uhdr={KID: b"k1"}, payload=content)
    theirs.key = SymmetricKey(k=SECRET)
    message = theirs.encode()
    assert message == cose.seal(content, KEY)
    assert opened(message) == (b"k1", content, True)


# --- What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": 18},
        {"protected": b""},
        {"protected": b"\xa1\x01\x04"},  # HMAC 256/64
        {"protected": b"\xa1\x01\x06"},  # HMAC 384/384
        {"protected": b"\xa2\x01\x05\x02\x80"},
        {"protected": b"\xa1\x01\x18\x05"},
        {"unprotected": {}},
        {"unprotected": {1: 5}},
        {"unprotected": {4: b"k1", 1: 5}},
        {"unprotected": {4: "k1"}},
        {"unprotected": [4, b"k1"]},
        {"mac": bytes(31)},
        {"mac": bytes(33)},
        {"mac": "text"},
        {"parts": []},
        {"parts": [PROTECTED, {4: b"k1"}, b"content"]},
        {"parts": [PROTECTED, {4: b"k1"}, None, bytes(32)]},
        {"parts": [PROTECTED, {4: b"k1"}, b"content", bytes(32), b""]},
    ],
)
def test_another_form_is_no_message(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProfileError):
        cose.unseal(made(b"content", **wrong))


def test_no_part_of_a_message_and_none_with_a_tail_is_one() -> None:
    for whole in (made(b"content"), b"\xd8\x11" + made(b"content")[1:]):
        for size in range(len(whole)):
            with pytest.raises(ProfileError):
                cose.unseal(whole[:size])
        with pytest.raises(ProfileError, match="ends with a code of 32 bytes"):
            cose.unseal(whole + b"\x00")


def test_no_flipped_bit_passes() -> None:
    whole = cose.seal(b"content", KEY)
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            kid, _, is_genuine = opened(bytes(flipped))
        except ProfileError:
            continue
        assert kid != b"k1" or not is_genuine


def test_the_code_covers_the_length_of_the_content() -> None:
    message = cose.seal(b"content", KEY)
    _, content, mac = cose.unseal(message)
    assert not cose.is_genuine(content[:-1], mac, SECRET)
    assert not cose.is_genuine(content, mac, SECRET[:-1])


@given(st.binary(max_size=80))
def test_garbage_is_told_apart_from_messages(garbage: bytes) -> None:
    for data in (garbage, made(b"")[:8] + garbage):
        cose.is_sealed(data)
        with pytest.raises(ProfileError):
            cose.unseal(data)


@pytest.mark.parametrize(
    ("data", "is_sealed"),
    [
        (b"\xd1", True),
        (b"\xd8\x11", True),
        (b"\xd9\x00\x11", True),
        (b"", False),
        (b"\xd8", False),
        (b"\xd2", False),
        (b"\xd8\x12", False),
        (b"\x84\x07", False),
        (b"\x11", False),
        (b"\xdf", False),
    ],
)
def test_the_tag_is_what_tells(data: bytes, is_sealed: bool) -> None:
    assert cose.is_sealed(data) is is_sealed


# --- Keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_short_secret_is_refused_and_not_shown(size: int) -> None:
    with pytest.raises(ValueError, match=rf"key b'k1' has {size} bytes; at least 16 are needed") as caught:
        Key(b"k1", b"s" * size)
    with pytest.raises(ValueError, match="at least 16"):
        Keys({b"good": bytes(16), b"k1": b"s" * size})
    assert "ss" not in str(caught.value)


def test_both_parts_are_bytes() -> None:
    with pytest.raises(TypeError, match="the id of a key is bytes, not str"):
        Key("k1", SECRET)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="the secret of a key is bytes, not str"):
        Keys({b"k1": "0" * 32})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


def test_a_receiver_has_a_key_at_least() -> None:
    with pytest.raises(ValueError, match="give at least one id and secret"):
        Keys({})


def test_keys_are_a_dict() -> None:
    pair: Any = (b"k1", SECRET)
    with pytest.raises(TypeError, match="keys are a dict of ids and secrets"):
        Keys(pair)


def test_keys_are_found_by_their_id_and_hide_their_secrets() -> None:
    keys = Keys({b"k1": SECRET, b"k2": bytes(16)})
    assert keys.secret(b"k1") == SECRET
    assert keys.secret(b"k3") is None
    assert repr(keys) == "<Keys b'k1', b'k2'>"
    assert repr(KEY) == "<Key b'k1'>"
