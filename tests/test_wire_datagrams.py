from __future__ import annotations

import contextlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import Processed, ResourceExhausted
from rpc.limits import MAX_DATAGRAM, MAX_SENDERS, REPLAY_WINDOW
from rpc.wire import cose, datagrams
from rpc.wire.cose import Key, Keys
from rpc.wire.datagrams import Datagram, DatagramError, Drop, Senders, decode, encode

SENDER = bytes(range(1, 9))
OTHER = b"other..."
PAYLOAD = bytes.fromhex("82820102a0")  # [[1, 2], {}]


def test_a_datagram_is_a_notify_without_a_length() -> None:
    datagram = encode("calc.observe", PAYLOAD, SENDER, 1)
    assert (
        datagram.hex()
        == (
            "84"  # an array of 4
            "07"  # NOTIFY
            "6c" + b"calc.observe".hex() + "a2"  # metadata
            "0548" + SENDER.hex() + "0601"  # the first of this sender
            "45" + PAYLOAD.hex()
        )
    )
    assert cbor2.loads(datagram) == [7, "calc.observe", {5: SENDER, 6: 1}, PAYLOAD]


@pytest.mark.parametrize("sequence", [1, 23, 24, 255, 256, 65536, 2**32, 2**64 - 1])
def test_what_was_encoded_is_decoded(sequence: int) -> None:
    datagram = decode(encode("calc.observe", PAYLOAD, SENDER, sequence))
    assert datagram == Datagram("calc.observe", PAYLOAD, {5: SENDER, 6: sequence}, SENDER, sequence)


def test_the_largest_datagram_fits_and_one_byte_more_raises() -> None:
    room = MAX_DATAGRAM - (len(encode("a.b", bytes(1000), SENDER, 1)) - 1000)
    assert len(encode("a.b", bytes(room), SENDER, 1)) == MAX_DATAGRAM == 1200
    with pytest.raises(ResourceExhausted, match=r"a\.b: a datagram of 1201 bytes; the limit is 1200") as caught:
        encode("a.b", bytes(room + 1), SENDER, 1)
    assert caught.value.processed is Processed.DO_NOT_RETRY
    assert len(encode("a.b", bytes(room + 1), SENDER, 1, max_size=1201)) == 1201


def test_a_method_needs_a_name() -> None:
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        encode("", PAYLOAD, SENDER, 1)


GOOD = {5: SENDER, 6: 1}


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ([7, "a.b", None, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {}, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {6: 1}, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {5: SENDER[:7], 6: 1}, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {5: SENDER + b"9", 6: 1}, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {5: "12345678", 6: 1}, PAYLOAD], "metadata 5, the sender"),
        ([7, "a.b", {5: SENDER}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: 0}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: -1}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: True}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: 1.0}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: "1"}, PAYLOAD], "metadata 6, the sequence"),
        ([7, "a.b", {5: SENDER, 6: 2**64}, PAYLOAD], "profile"),
        ([7, "a.b", {5: SENDER, 6: 1, 1.5: 1}, PAYLOAD], "key|profile"),
        ([7, "", GOOD, PAYLOAD], "1 to 255 bytes"),
        ([7, b"a.b", GOOD, PAYLOAD], "1 to 255 bytes"),
        ([7, "a.b", GOOD, "text"], "byte string"),
        ([7, "a.b", GOOD], "wrong count"),
        ([7, "a.b", GOOD, PAYLOAD, 0], "wrong count"),
        ([8, 1], "no NOTIFY"),
        ([40, "ignored on a connection"], "no NOTIFY"),
        ([5, 1], "no NOTIFY"),
        ([99], "unknown frame type"),
        ([], "array that begins with its type"),
        ({7: 1}, "array that begins with its type"),
        (7, "array that begins with its type"),
        (cbor2.CBORTag(55799, [7, "a.b", GOOD, PAYLOAD]), "profile"),
        (cbor2.CBORTag(18, [7, "a.b", GOOD, PAYLOAD]), "profile"),
    ],
)
def test_what_is_no_good_notify_is_malformed(item: object, why: str) -> None:
    with pytest.raises(DatagramError, match=why) as caught:
        decode(cbor2.dumps(item))
    assert caught.value.reason is Drop.MALFORMED


def test_every_cut_and_every_tail_is_malformed() -> None:
    whole = encode("a.b", PAYLOAD, SENDER, 1)
    for broken in (*(whole[:size] for size in range(len(whole))), whole + b"\x00", b"\x00" + whole, whole + whole):
        with pytest.raises(DatagramError) as caught:
            decode(broken)
        assert caught.value.reason is Drop.MALFORMED


# --- Keys ------------------------------------------------------------------------------------------------------

SECRET = b"sixteen bytes..."
KEY = Key(b"k1", SECRET)
KEYS = Keys({b"k1": SECRET, b"k2": b"another secret, and longer"})


def test_a_sealed_datagram_is_the_plain_one_in_an_envelope() -> None:
    plain = encode("calc.observe", PAYLOAD, SENDER, 7)
    sealed = encode("calc.observe", PAYLOAD, SENDER, 7, key=KEY)
    assert sealed == cose.seal(plain, KEY)
    assert decode(sealed, KEYS) == decode(plain) == Datagram("calc.observe", PAYLOAD, {5: SENDER, 6: 7}, SENDER, 7)


def test_the_envelope_counts_as_well() -> None:
    room = MAX_DATAGRAM - (len(encode("a.b", bytes(1000), SENDER, 1, key=KEY)) - 1000)
    assert len(encode("a.b", bytes(room), SENDER, 1, key=KEY)) == 1200
    with pytest.raises(ResourceExhausted, match="1201 bytes; the limit is 1200"):
        encode("a.b", bytes(room + 1), SENDER, 1, key=KEY)


def test_several_keys_are_taken() -> None:
    for key in (KEY, Key(b"k2", b"another secret, and longer")):
        assert decode(encode("a.b", PAYLOAD, SENDER, 1, key=key), KEYS).sequence == 1


def sealed(content: bytes = b"", key: Key = KEY) -> bytes:
    return cose.seal(content or encode("a.b", PAYLOAD, SENDER, 1), key)


@pytest.mark.parametrize(
    ("datagram", "keys", "reason"),
    [
        (sealed(), None, Drop.KEYED),
        (b"\xd8\x11" + sealed()[1:], None, Drop.KEYED),
        (sealed()[:3], None, Drop.KEYED),
        (encode("a.b", PAYLOAD, SENDER, 1), KEYS, Drop.UNKEYED),
        (b"\x84\x07 and what nobody will read", KEYS, Drop.UNKEYED),
        (b"", KEYS, Drop.MALFORMED),
        (b"GET / HTTP/1.1", KEYS, Drop.MALFORMED),
        (cbor2.dumps(cbor2.CBORTag(18, [1])), KEYS, Drop.MALFORMED),
        (sealed()[:-1], KEYS, Drop.MALFORMED),
        (sealed() + b"\x00", KEYS, Drop.MALFORMED),
        (sealed(key=Key(b"k3", SECRET)), KEYS, Drop.UNKNOWN_KEY),
        (sealed(key=Key(b"", SECRET)), KEYS, Drop.UNKNOWN_KEY),
        (sealed(key=Key(b"k2", SECRET)), KEYS, Drop.BAD_MAC),
        (sealed()[:-1] + b"\xff", KEYS, Drop.BAD_MAC),
        (sealed(b"\x81\x07"), KEYS, Drop.MALFORMED),
        (sealed(sealed()), KEYS, Drop.MALFORMED),
    ],
)
def test_what_is_not_sealed_as_it_must_be_is_dropped(datagram: bytes, keys: Keys | None, reason: Drop) -> None:
    with pytest.raises(DatagramError) as caught:
        decode(datagram, keys)
    assert caught.value.reason is reason
    assert SECRET.decode() not in str(caught.value)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_datagram_or_an_error_of_ours(data: bytes) -> None:
    for start in (b"", b"\x84\x07\x63a.b", b"\x84\x07\x63a.b\xa2\x05\x48"):
        with contextlib.suppress(DatagramError):
            decode(start + data)


@given(st.data())
def test_the_short_way_agrees_with_the_codec(data: st.DataObject) -> None:
    method = data.draw(st.text(min_size=1, max_size=40))
    datagrams._read(encode(method, b"", SENDER, 1))  # from now on it is known
    whole = bytearray(encode(method, data.draw(st.binary(max_size=30)), SENDER, data.draw(st.integers(1, 2**64 - 1))))
    for _ in range(data.draw(st.integers(0, 2))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    datagram = bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    short = datagrams._read_own(datagram)
    if short is not None:
        assert short == datagrams._read(datagram)
        assert type(short.payload) is type(short.sender) is bytes


@pytest.mark.parametrize("method", ["a", "a" * 23, "a" * 24, "ä" * 60, "a" * 255])
@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 900])
def test_what_we_encode_takes_the_short_way(method: str, size: int) -> None:
    datagram = encode(method, bytes(size), SENDER, 70_000)
    expected = Datagram(method, bytes(size), {5: SENDER, 6: 70_000}, SENDER, 70_000)
    assert datagrams._read(datagram) == datagrams._read_own(datagram) == expected


# --- The replay window -----------------------------------------------------------------------------------------


def test_a_number_passes_once() -> None:
    senders = Senders()
    assert senders.accept(SENDER, 1)
    assert not senders.accept(SENDER, 1)
    assert senders.accept(SENDER, 2)
    assert not senders.accept(SENDER, 2)
    assert not senders.accept(SENDER, 1)
    assert len(senders) == 1


@pytest.mark.parametrize("highest", [1024, 1025, 5000, 2**64 - 1])
def test_the_window_ends_exactly_1023_behind_the_highest(highest: int) -> None:
    senders = Senders()
    assert senders.accept(SENDER, highest)
    assert not senders.accept(SENDER, highest - 1024)
    assert senders.accept(SENDER, highest - 1023)
    assert not senders.accept(SENDER, highest - 1023)
    assert senders.accept(SENDER, highest - 1)
    assert not senders.accept(SENDER, highest - 1)
    assert not senders.accept(SENDER, highest)


def test_the_edge_moves_with_the_highest() -> None:
    senders = Senders()
    assert senders.accept(SENDER, 5000)
    assert senders.accept(SENDER, 5001)
    assert not senders.accept(SENDER, 5001 - 1024)
    assert senders.accept(SENDER, 5001 - 1023)


@pytest.mark.parametrize("leap", [1, 1022, 1023])
def test_what_passed_is_remembered_while_it_is_in_the_window(leap: int) -> None:
    senders = Senders()
    assert senders.accept(SENDER, 5000)
    assert senders.accept(SENDER, 5000 + leap)
    assert not senders.accept(SENDER, 5000)


@pytest.mark.parametrize("leap", [1024, 1025, 2**63])
def test_a_leap_over_the_window_leaves_nothing_of_it(leap: int) -> None:
    senders = Senders()
    assert senders.accept(SENDER, 5000)
    highest = 5000 + leap
    assert senders.accept(SENDER, highest)
    assert not senders.accept(SENDER, 5000)
    assert senders.accept(SENDER, highest - 1023)
    assert senders.accept(SENDER, highest - 1)


def test_a_refused_number_moves_nothing() -> None:
    senders = Senders()
    senders.accept(SENDER, 5000)
    for _ in range(3):
        assert not senders.accept(SENDER, 5000)
        assert not senders.accept(SENDER, 1)
    assert senders.accept(SENDER, 5000 - 1023)
    assert senders.lost == 1022


@given(st.lists(st.integers(1, 40), max_size=60))
def test_the_window_agrees_with_a_plain_set(numbers: list[int]) -> None:
    senders = Senders(window=8)
    seen: set[int] = set()
    for number in numbers:
        fresh = number not in seen and (not seen or number > max(seen) - 8)
        assert senders.accept(SENDER, number) is fresh
        if fresh:
            seen.add(number)
    assert senders.lost == (max(seen) - min(seen) + 1 - len(seen) if seen else 0)


# --- Losses ----------------------------------------------------------------------------------------------------


def test_gaps_are_lost_until_the_late_one_comes() -> None:
    senders = Senders()
    assert senders.lost == 0
    for number, lost in ((1, 0), (2, 0), (5, 2), (4, 1), (3, 0), (3, 0), (7, 1)):
        senders.accept(SENDER, number)
        assert senders.lost == lost


def test_what_was_sent_before_the_receiver_began_is_not_lost() -> None:
    senders = Senders()
    senders.accept(SENDER, 1_000_000)
    assert senders.lost == 0
    assert senders.accept(SENDER, 999_998)  # it was only overtaken, but 999,999 is missing
    assert senders.lost == 1


# --- The memory of senders -------------------------------------------------------------------------------------


def name(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_of_too_many_senders_the_one_silent_longest_is_forgotten() -> None:
    senders = Senders(limit=2)
    assert senders.accept(name(1), 1)
    assert senders.accept(name(2), 1)
    assert senders.accept(name(1), 2)
    assert not senders.accept(name(2), 1)  # a replay is no sign of life
    assert senders.accept(name(3), 1)  # in place of the second
    assert len(senders) == 2
    assert not senders.accept(name(1), 2)
    assert not senders.accept(name(3), 1)
    assert senders.accept(name(2), 1)  # what was forgotten begins anew, in place of the first
    assert senders.accept(name(1), 2)


def test_losses_of_a_forgotten_sender_still_count() -> None:
    senders = Senders(limit=1)
    senders.accept(name(1), 1)
    senders.accept(name(1), 4)
    senders.accept(name(2), 1)
    senders.accept(name(2), 3)
    assert senders.lost == 3


def test_senders_do_not_share_a_window() -> None:
    senders = Senders()
    assert senders.accept(SENDER, 5000)
    assert senders.accept(OTHER, 1)
    assert senders.accept(OTHER, 5000)


def test_the_limits_are_those_of_the_protocol() -> None:
    assert (MAX_SENDERS, REPLAY_WINDOW, datagrams.LARGEST, datagrams.SENDER_SIZE) == (1024, 1024, 65507, 8)
    senders = Senders()
    for number in range(1025):
        assert senders.accept(name(number), 1)
    assert len(senders) == 1024
    assert not senders.accept(name(1), 1)
    assert senders.accept(name(0), 1)
