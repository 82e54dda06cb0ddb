from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Iterator
from typing import Any

import cbor2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from rpc.wire.arrays import is_array, loaded_numpy
from rpc.wire.payload import EncodeError, decode, encode, encode_buffers, pack
from rpc.wire.plain import LARGE
from rpc.wire.profile import ProfileError

LONG = 70_000  # bytes of a string that is decoded apart from what is around it

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
TAGS = {64: "u1", 69: "<u2", 70: "<u4", 71: "<u8", 72: "i1", 77: "<i2", 78: "<i4", 79: "<i8", 84: "<f2"}
TAGS |= {85: "<f4", 86: "<f8", 68: "u1"}
FOREIGN = {65: ">u2", 66: ">u4", 67: ">u8", 73: ">i2", 74: ">i4", 75: ">i8", 80: ">f2", 81: ">f4", 82: ">f8"}
TYPECODES = "bBhHiIlLqQfd"

Tag = cbor2.CBORTag


@pytest.fixture
def without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that has not imported it."""
    monkeypatch.delitem(sys.modules, "numpy")


def tagged(value: Any) -> bytes:
    return cbor2.dumps(value)


def shaped(dimensions: Any, numbers: Any) -> bytes:
    return tagged(Tag(40, [dimensions, numbers]))


# --- Round trips -------------------------------------------------------------------------------------------------


@st.composite
def ndarrays(draw: st.DrawFn) -> Any:
    """Arrays of every element type, order of bytes and shape, with any bits in them, contiguous or not."""
    dtype = np.dtype(draw(st.sampled_from("<>")) + draw(st.sampled_from(DTYPES)))
    shape = draw(st.one_of(st.tuples(st.integers(0, 40)), st.lists(st.integers(1, 5), min_size=2, max_size=5)))
    count = int(np.prod(shape)) * dtype.itemsize
    values = np.frombuffer(draw(st.binary(min_size=count, max_size=count)), dtype).reshape(tuple(shape))
    step = draw(st.sampled_from([1, 2, -1]))
    return draw(st.sampled_from([values, values.T, values[::step], np.asfortranarray(values)]))


@settings(max_examples=300, deadline=None)
@given(ndarrays())
def test_every_array_comes_back(value: Any) -> None:
    arrived = decode(encode(value))
    native = value.astype(value.dtype.newbyteorder("="))
    assert type(arrived) is np.ndarray
    assert (arrived.dtype, arrived.shape) == (native.dtype, native.shape)
    assert arrived.tobytes() == native.tobytes()  # bit by bit: a NaN is not equal to itself
    assert not arrived.flags.writeable
    assert arrived.flags.aligned


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TYPECODES), st.data())
def test_every_array_of_the_standard_library_comes_back(code: str, data: st.DataObject) -> None:
    size = array(code).itemsize
    value = array(code, data.draw(st.binary(max_size=20 * size).filter(lambda some: len(some) % size == 0)))
    arrived = decode(encode(value))
    assert arrived.dtype == np.dtype(code)
    assert arrived.tobytes() == value.tobytes()


@pytest.mark.parametrize("code", TYPECODES)
def test_arrays_without_numpy(without_numpy: None, code: str) -> None:
    value = array(code, [0, 1, 100])
    arrived = decode(encode(value))
    assert type(arrived) is array
    assert arrived == value
    # Of two typecodes with the same elements, the one that has them everywhere.
    assert arrived.typecode == {"l": "q", "L": "Q"}.get(code, code)


@given(st.lists(st.one_of(ndarrays(), st.integers(), st.text()), max_size=5))
def test_arrays_stand_wherever_values_do(values: list[Any]) -> None:
    arrived = decode(encode({"values": values, "last": values[-1:]}))
    for value, other in zip(values + values[-1:], arrived["values"] + arrived["last"], strict=True):
        assert is_array(value) == is_array(other)
        assert value.astype(other.dtype).tobytes() == other.tobytes() if is_array(value) else value == other


# --- What is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (np.array([1, 2], "u1"), "d840 42 0102"),
        (np.array([1, 258], "u2"), "d845 44 01000201"),
        (np.array([1, 258], ">u2"), "d845 44 01000201"),
        (np.array([-1], "i4"), "d84e 44 ffffffff"),
        (np.array([1.5], "f2"), "d854 42 003e"),
        (np.array([], "f8"), "d856 40"),
        (array("d", [1.0]), "d856 48 000000000000f03f"),
        (array("b", []), "d848 40"),
        (np.array([[1, 2, 3], [4, 5, 6]], "u1"), "d828 82 820203 d840 46 010203040506"),
        (np.array([[1, 2, 3], [4, 5, 6]], "u1").T, "d828 82 820302 d840 46 010402050306"),
        (np.array([1, 2, 3, 4], "u1")[::2], "d840 42 0103"),
        (np.zeros((1, 1, 1), "i1"), "d828 82 83010101 d848 41 00"),
        (np.int64(-1), "20"),
        (np.uint64(2**64 - 1), "1bffffffffffffffff"),
        (np.float32(0.5), "fb3fe0000000000000"),
        (np.float64(0.5), "fb3fe0000000000000"),
        (np.bool_(True), "f5"),
    ],
)
def test_what_is_sent(value: Any, encoded: str) -> None:
    assert encode(value) == bytes.fromhex(encoded)


def test_what_a_big_endian_machine_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    value = array("H", [0x0102])
    there = bytes(reversed(memoryview(value).cast("B")))  # as it would be in the memory of one
    assert encode(array("H", there)) == b"\xd8\x45\x42" + value.tobytes()
    assert value == array("H", [0x0102])


def test_a_mapped_file_is_an_array(tmp_path: Any) -> None:
    np.arange(10.0).tofile(tmp_path / "numbers")
    mapped = np.memmap(tmp_path / "numbers", dtype="f8", mode="r")
    assert decode(encode(mapped)).tolist() == list(range(10))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([{}]), "an array of objects cannot travel; send value.tolist()"),
        (np.array(["x"]), "an array of text cannot travel; send value.tolist()"),
        (np.array([b"x"]), "an array of byte strings cannot travel; send value.tolist()"),
        (np.zeros(1, "i4,f8"), "an array of structures cannot travel; send each of its fields as an array of its own"),
        (np.zeros(1, "V3"), "an array of structures cannot travel; send each of its fields as an array of its own"),
        (np.zeros(1, complex), "an array of complex numbers cannot travel; send value.real and value.imag"),
        (np.zeros(1, bool), "an array of bools cannot travel; send value.astype('uint8')"),
        (np.zeros(1, "M8[s]"), "an array of dates cannot travel; send value.astype('int64')"),
        (np.zeros(1, "m8[s]"), "an array of durations cannot travel; send value.astype('int64')"),
        (np.zeros(1, np.longdouble), "an array of longdouble cannot travel; send value.astype('float64')"),
        (np.zeros(()), "an array without dimensions cannot travel; send value.item()"),
        (np.zeros((2, 0)), "an array of several dimensions, one of them 0, cannot travel; send value.ravel()"),
        (np.ma.zeros(2), "a MaskedArray is more than its numbers; send numpy.asarray(value)"),
        (np.zeros(1, "i4,i4").view(np.recarray), "a recarray is more than its numbers; send numpy.asarray(value)"),
        (array("u", "x"), "an array of characters cannot travel; send value.tounicode()"),
        (np.timedelta64(1, "s"), "object of class timedelta64 cannot travel; send value.tolist()"),
        (np.complex64(1), "object of class complex64 cannot travel; send value.tolist()"),
        (np.longdouble(1), "object of class longdouble cannot travel; send value.tolist()"),
    ],
)
def test_what_cannot_be_sent(value: Any, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        pack({"model": [value]})
    assert (caught.value.path, caught.value.reason) == (".model[0]", reason)


def test_too_many_dimensions_cannot_be_sent() -> None:
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # which holds no more than 32 itself
        return
    with pytest.raises(EncodeError, match="an array of more than 32 dimensions cannot travel"):
        pack(np.zeros((1,) * 33))


def test_arrays_have_levels() -> None:
    def within(value: Any, levels: int) -> Any:
        for _ in range(levels):
            value = [value]
        return value

    assert decode(encode(within(np.zeros(1), 63)))
    assert decode(encode(within(np.zeros((1, 1)), 61)))
    for value, levels in ((np.zeros(1), 64), (np.zeros((1, 1)), 62)):
        with pytest.raises(EncodeError, match="nested deeper than 64 levels"):
            encode(within(value, levels))


@pytest.mark.parametrize(
    "value", [np.zeros(LARGE // 8), np.zeros((LARGE // 8, 2)), array("d", bytes(LARGE)), np.zeros(LARGE, "u1")]
)
def test_the_memory_of_a_large_array_is_sent_itself(value: Any) -> None:
    buffers = encode_buffers(["before", value, {"after": value}])
    mine = np.frombuffer(value, "u1") if isinstance(value, array) else value.reshape(-1).view("u1")
    shared = [np.shares_memory(np.frombuffer(buffer, "u1"), mine) for buffer in buffers]
    assert shared == [False, True, False, True]
    assert decode(b"".join(buffers))[1].tobytes() == value.tobytes()


def test_a_small_array_is_copied() -> None:
    value = np.zeros(LARGE // 8 - 1)
    [encoded] = encode_buffers(value)
    assert isinstance(encoded, bytes)


# --- What is read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "kind"), [*TAGS.items(), *FOREIGN.items()])
def test_every_tag_is_read_in_its_order_of_bytes(tag: int, kind: str) -> None:
    values = np.array([0, 1, 100], kind)
    arrived = decode(tagged(Tag(tag, values.tobytes())))
    assert arrived.dtype == np.dtype(kind).newbyteorder("=")
    assert arrived.dtype.isnative
    assert arrived.tolist() == [0, 1, 100]
    assert not arrived.flags.writeable


@pytest.mark.parametrize(("tag", "kind"), [*TAGS.items(), *FOREIGN.items()])
def test_every_tag_is_read_without_numpy(without_numpy: None, tag: int, kind: str) -> None:
    data = tagged(Tag(tag, np.array([0, 1, 100], kind).tobytes()))
    if kind[1:] == "f2":
        with pytest.raises(ProfileError, match="an array of float16, which only numpy can hold: import numpy where"):
            decode(data)
    else:
        assert list(decode(data)) == [0, 1, 100]


def test_one_dimension_may_be_told_as_several_are(without_numpy: None) -> None:
    assert decode(shaped([2], Tag(64, b"\x01\x02"))) == array("B", [1, 2])


def test_several_dimensions_need_numpy(without_numpy: None) -> None:
    with pytest.raises(ProfileError, match="an array of 2 dimensions, which only numpy can hold: import numpy where"):
        decode(shaped([2, 1], Tag(64, b"\x01\x02")))


def test_numpy_that_is_still_being_imported_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", type(sys)("numpy"))
    assert loaded_numpy() is None
    assert type(decode(encode(array("d", [1.0])))) is array


def test_numpy_is_not_imported_for_a_peer() -> None:
    program = (
        "import sys\n"
        "import rpc.client.client, rpc.server.serve, rpc.wire.payload as payload\n"
        "print(payload.decode(bytes.fromhex('8ad856483333333333330340' .replace('8a', '81'))))\n"
        "try: payload.decode(bytes.fromhex('d82882820101d84041 00'))\n"
        "except ValueError as error: print(error)\n"
        "print('numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    first, second, third = done.stdout.splitlines()
    assert first == "[array('d', [2.4])]"
    assert "only numpy can hold" in second
    assert third == "False"


@pytest.mark.parametrize("size", [8, LARGE, 65_536, LONG, 4 * LONG])
def test_large_arrays_are_read_wherever_they_stand(size: int) -> None:
    flat, deep = np.arange(size // 8.0), np.arange(size // 8.0).reshape(-1, 2) if size > 8 else np.zeros((1, 1))
    for value in (flat, [flat], [1, {"a": 2, "last": deep}], {"first": flat, "last": [deep, flat]}, [deep, "end"]):
        arrived = decode(encode(value))
        for sent, got in zip(leaves(value), leaves(arrived), strict=True):
            np.testing.assert_array_equal(sent, got)
            assert not is_array(got) or not got.flags.writeable


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def test_a_large_set_member_at_the_end_is_still_one() -> None:
    assert decode(encode({b"x" * LONG})) == {b"x" * LONG}


def test_an_array_keeps_nothing_but_its_own_bytes_alive() -> None:
    for value in ([bytes(LONG), np.arange(3.0)], [np.arange(3.0), bytes(LONG)]):
        [small] = [item for item in decode(encode(value)) if is_array(item)]
        assert type(small.base) is bytes
        assert len(small.base) == 24
    large = decode(encode([bytes(LONG), np.zeros(LONG)]))[1]
    assert len(large.base) == 8 * LONG
