from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError, Reason
from rpc.wire.framing import PREFIX, FrameReader, Room, prefix
from rpc.wire.payload import Buffer

MAX_FRAME = 262_144
LARGE = 65_536
"""Body bytes from which the reader offers its own buffer."""


def body(size: int) -> bytes:
    """A body whose bytes tell where they belong."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def framed(*bodies: bytes) -> bytes:
    return b"".join(prefix(len(one)) + one for one in bodies)


# --- Ways to bring a stream to a reader ----------------------------------------------------------------------------

Read = Callable[[FrameReader, bytes], Iterator[bytes]]


def whole(reader: FrameReader, stream: bytes) -> Iterator[bytes]:
    yield from map(bytes, reader.bodies(stream))


def byte_by_byte(reader: FrameReader, stream: bytes) -> Iterator[bytes]:
    for at in range(len(stream)):
        yield from map(bytes, reader.bodies(stream[at : at + 1]))


def straight_into(reader: FrameReader, stream: bytes) -> Iterator[bytes]:
    """As a transport does: 5000 bytes at once, into the reader's own buffer where it offers one."""
    while stream:
        room = reader.want()
        count = min(len(stream), 5000 if room is None else len(room), 5000)
        if room is None:
            yield from map(bytes, reader.bodies(stream[:count]))
        else:
            room[:count] = stream[:count]
            yield from map(bytes, reader.filled(count))
        stream = stream[count:]


def whole_or_placed(reader: FrameReader, stream: bytes) -> list[Buffer]:
    return list(reader.bodies(stream))


def into_places(reader: FrameReader, stream: bytes) -> list[Buffer]:
    room = reader.want()
    assert room is not None
    count = len(room)
    room[:] = stream[:count]
    return [*reader.filled(count), *reader.bodies(stream[count:])]


@pytest.mark.parametrize("read", [whole, byte_by_byte, straight_into])
@pytest.mark.parametrize(
    "sizes",
    [
        [1],
        [1, 2, 3],
        [300, 1, 5000],
        [LARGE - 1],
        [LARGE],
        [LARGE + 1],
        [1, LARGE, 1, LARGE + 7, 2],
    ],
    ids=str,
)
def test_a_stream_gives_its_bodies_however_it_is_read(read: Read, sizes: list[int]) -> None:
    bodies = [body(size) for size in sizes]
    reader = FrameReader(MAX_FRAME)
    assert list(read(reader, framed(*bodies))) == bodies
    assert not reader.is_partial
    assert reader.want() is None


@given(
    sizes=st.lists(st.sampled_from([1, 2, 5, 255, 256, LARGE - 1, LARGE, LARGE + 300]), max_size=4),
    cuts=st.lists(st.integers(1, 70_000), min_size=1, max_size=20),
)
def test_no_cut_changes_the_bodies(sizes: list[int], cuts: list[int]) -> None:
    bodies = [body(size) for size in sizes]
    stream = framed(*bodies)
    reader = FrameReader(MAX_FRAME)
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        found += map(bytes, reader.bodies(stream[:cut]))
        stream = stream[cut:]
    assert found == bodies


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: Callable[[bytes], bytes | bytearray | memoryview]) -> None:
    reader = FrameReader(MAX_FRAME)
    stream = framed(b"one", b"two", body(LARGE), b"four")
    found = [*reader.bodies(kind(stream[:9])), *reader.bodies(kind(stream[9:-2])), *reader.bodies(kind(stream[-2:]))]
    assert list(map(bytes, found)) == [b"one", b"two", body(LARGE), b"four"]


# --- What is unfinished --------------------------------------------------------------------------------------------


def test_a_reader_tells_whether_a_frame_has_begun() -> None:
    reader = FrameReader(MAX_FRAME)
    for data, is_partial in ((b"", False), (b"\0", True), (b"\0\0", True), (b"\2", True), (b"a", True), (b"b", False)):
        list(reader.bodies(data))
        assert reader.is_partial is is_partial
    list(reader.bodies(prefix(LARGE)))
    assert reader.is_partial


def test_only_a_large_body_is_read_straight_into_its_place() -> None:
    reader = FrameReader(MAX_FRAME)
    list(reader.bodies(prefix(LARGE - 1) + b"a"))
    assert reader.want() is None
    reader = FrameReader(MAX_FRAME)
    assert list(reader.bodies(b"\0\0\0\1a" + prefix(LARGE) + b"abc")) == [b"a"]
    room = reader.want()
    assert room is not None
    assert len(room) == LARGE - 3
    room[:2] = b"de"
    assert not list(reader.filled(2))
    assert reader.held == 5
    room = reader.want()
    assert room is not None
    assert len(room) == LARGE - 5
    room[:] = bytes(LARGE - 5)
    assert list(map(bytes, reader.filled(LARGE - 5))) == [b"abcde" + bytes(LARGE - 5)]
    assert reader.want() is None
    assert reader.held == 0


def test_the_space_of_a_large_body_is_used_again() -> None:
    spaces: set[int] = set()
    for number in range(20):
        reader = FrameReader(MAX_FRAME)
        list(reader.bodies(prefix(LARGE) + bytes((number,))))
        room = reader.want()
        assert room is not None
        assert isinstance(room.obj, bytearray)
        spaces.add(id(room.obj))
        room[:] = bytes(LARGE - 1)
        assert list(map(bytes, reader.filled(LARGE - 1))) == [bytes((number,)) + bytes(LARGE - 1)]
    assert len(spaces) <= 4


def test_many_large_bodies_at_once_and_one_that_is_larger_than_most() -> None:
    readers = [FrameReader(2 * MAX_FRAME) for _ in range(8)]
    for number, reader in enumerate(readers):
        list(reader.bodies(prefix(LARGE * (number + 1)) + bytes((number,))))
    for number, reader in enumerate(readers):
        room = reader.want()
        assert room is not None
        assert len(room) == LARGE * (number + 1) - 1
        room[:] = bytes(len(room))
        assert list(map(bytes, reader.filled(len(room)))) == [bytes((number,)) + bytes(len(room))]


def test_a_large_body_in_a_large_read_is_not_copied_and_a_small_one_is() -> None:
    stream = bytearray(framed(body(5), body(LARGE), body(6)))
    small, large, last = FrameReader(MAX_FRAME).bodies(memoryview(stream))
    assert type(small) is type(last) is bytes
    assert isinstance(large, memoryview)
    assert large == body(LARGE)
    stream[9 + PREFIX] ^= 1
    assert large != body(LARGE)


def test_what_is_left_is_known_while_a_body_is_looked_at() -> None:
    reader = FrameReader(MAX_FRAME)
    list(reader.bodies(b"\0\0"))
    for _ in reader.bodies(framed(b"one", b"two")[2:] + b"\0"):
        assert not reader.is_partial
    assert reader.is_partial


# --- Lengths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 16385, 65536, 2**24, 2**32 - 1])
def test_a_wrong_length_is_refused_before_any_of_its_body_is_there(size: int) -> None:
    reader = FrameReader(16384)
    bodies = reader.bodies(framed(b"one", body(16384)) + prefix(size))
    assert [len(next(bodies)), len(next(bodies))] == [3, 16384]
    with pytest.raises(ProtocolError, match=f"a frame of {size} bytes; 1 to 16384 are accepted") as caught:
        next(bodies)
    assert caught.value.reason is Reason.SIZE
    assert not reader.is_partial
    assert reader.want() is None


def test_a_length_is_judged_when_its_four_bytes_are_there() -> None:
    reader = FrameReader(16384)
    assert list(reader.bodies(b"\xff\xff\xff")) == []
    with pytest.raises(ProtocolError):
        list(reader.bodies(b"\xff"))


def test_the_limit_may_rise_between_two_frames_of_one_read() -> None:
    reader = FrameReader(16384)
    sizes: list[int] = []
    for one in reader.bodies(framed(b"hello", body(20_000))):
        sizes.append(len(one))
        reader.max_frame = MAX_FRAME
    assert sizes == [5, 20_000]


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (b"GET / HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"POST /x HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"PUT /x HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"HEAD / HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"OPTIONS * HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"DELETE /x HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"PATCH /x HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"CONNECT a:1 HTTP/1.1\r\n", "the peer speaks HTTP"),
        (b"PRI * HTTP/2.0\r\n", "the peer speaks HTTP/2"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the peer speaks HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the peer speaks SSH"),
        (b"\x16\x03\x01\x00\xf8\x01", "the peer speaks TLS: connect with tls://"),
        (b"\x15\x03\x01\x00\x02\x02", "the peer speaks TLS: connect with tls://"),
        (b"EHLO example.org\r\n", r"the peer sends text in place of frames: 'EHLO example.org\r\n'"),
        ("model größer\x1b".encode(), r"the peer sends text in place of frames: 'model gr\xf6\xdfer\x1b'"),
        (b"x" * 99, f"the peer sends text in place of frames: '{'x' * 40}'"),
        (b"x\x00yz", "a frame of 2013297018 bytes; 1 to 262144 are accepted"),
    ],
)
def test_the_reason_names_the_protocol_of_a_stranger(first: bytes, what: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        list(FrameReader(MAX_FRAME).bodies(first))
    assert caught.value.message == what
    assert caught.value.reason is Reason.SIZE


def test_the_prefix_is_four_bytes_big_endian() -> None:
    assert PREFIX == 4
    assert prefix(1) == b"\0\0\0\1"
    assert prefix(0x01020304) == b"\1\2\3\4"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_that_are_alike_are_given_together(kind: Callable[[bytes], bytes]) -> None:
    reader = FrameReader(1000)
    stream = (
        b"".join(prefix(3) + b"ab" + bytes((value,)) for value in range(5)) + prefix(3) + b"xyz" + prefix(2) + b"ab"
    )
    left = reader.bodies(kind(stream))
    assert bytes(next(left)) == b"ab\0"
    assert reader.alike(b"ab", 3) == [b"\1", b"\2", b"\3", b"\4"]
    assert reader.alike(b"ab", 3) == []
    assert [bytes(body) for body in left] == [b"xyz", b"ab"]
    assert not reader.is_partial


def test_one_that_is_not_whole_is_not_among_them() -> None:
    reader = FrameReader(1000)
    stream = b"".join(prefix(3) + b"ab" + bytes((value,)) for value in range(3))
    left = reader.bodies(stream[:-1])
    next(left)
    assert reader.alike(b"ab", 3) == [b"\1"]
    assert list(left) == []
    assert reader.is_partial
    assert list(reader.bodies(stream[-1:])) == [b"ab\2"]


# --- A place for the payload -----------------------------------------------------------------------------------------


class Places:
    """Gives the payload of each large body, all behind its first three bytes, a place of its own."""

    def __init__(self) -> None:
        self.spaces: list[bytearray] = []

    def __call__(self, begun: Buffer, size: int) -> Room | None:
        if len(begun) < 3:
            return None
        self.spaces.append(bytearray(size - 3))
        return [bytes(begun[:3])], 3, memoryview(self.spaces[-1])


@pytest.mark.parametrize("read", [whole_or_placed, into_places])
@pytest.mark.parametrize("first", [PREFIX + 3, PREFIX + 1000, PREFIX + LARGE - 1])
def test_a_large_body_that_has_a_place_is_read_there(read: Any, first: int) -> None:
    places = Places()
    reader = FrameReader(MAX_FRAME, places)
    stream = framed(b"one", body(LARGE), b"two")
    assert [bytes(one) for one in reader.bodies(stream[: 7 + first])] == [b"one"]
    assert (reader.held, reader.is_partial) == (0, True)
    placed, two = read(reader, stream[7 + first :])
    assert placed == b""
    assert reader.placed == [body(3)]
    assert places.spaces == [body(LARGE)[3:]]
    assert bytes(two) == b"two"
    assert not reader.is_partial
    places.spaces[0].append(0)  # no view is left on it


def test_a_large_body_without_a_place_is_read_as_ever() -> None:
    places = Places()
    reader = FrameReader(MAX_FRAME, places)
    stream = framed(body(LARGE))
    assert list(reader.bodies(stream[: PREFIX + 2])) == []
    assert places.spaces == []
    assert list(map(bytes, reader.bodies(stream[PREFIX + 2 :]))) == [body(LARGE)]
