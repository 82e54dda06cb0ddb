"""Arrays of numbers: `array.array` and `numpy.ndarray` as the typed arrays of RFC 8746 (protocol section 8).

A program that has imported numpy gets numpy arrays, read-only views of the byte strings that were decoded. Any other
gets `array.array`, where the numbers fit one: one dimension, and no float16. numpy is never imported here: a peer must
not be able to make a program load it.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import cbor2

from rpc.wire.heads import ProfileError
from rpc.wire.shapes import class_of

__all__ = [
    "ARRAY_TAGS",
    "Numbers",
    "Reader",
    "is_array",
    "is_ndarray",
    "is_scalar",
    "loaded_numpy",
    "numbers_of_array",
    "numbers_of_ndarray",
    "standing_in",
    "to_array",
    "write_numbers",
]

Reader: TypeAlias = Callable[..., Any]

_SHAPED: Final = 40
_MAX_DIMENSIONS: Final = 32  # what every release of numpy can hold

_KINDS: Final = {
    64: "u1", 65: ">u2", 66: ">u4", 67: ">u8", 68: "u1", 69: "<u2", 70: "<u4", 71: "<u8",
    72: "i1", 73: ">i2", 74: ">i4", 75: ">i8", 77: "<i2", 78: "<i4", 79: "<i8",
    80: ">f2", 81: ">f4", 82: ">f8", 84: "<f2", 85: "<f4", 86: "<f8",
}  # fmt: skip
"""Element types by tag, as numpy writes them: order of bytes, kind, size. 68 is the uint8 of clamped arithmetic."""

_QUADRUPLE: Final = (83, 87)
"""Of float128, which no array here can hold: numpy's own longdouble is another format on most machines."""

_WRITTEN: Final = {kind.lstrip("<"): tag for tag, kind in _KINDS.items() if kind[0] != ">" and tag != 68}
"""The tag of each element type. What is sent is little-endian, as nearly every machine has it in memory."""

_TYPECODES: Final = {
    f"{'f' if code in 'fd' else 'i' if code.islower() else 'u'}{array(code).itemsize}": code for code in "bBhHiIqQfd"
}
"""The typecode of `array.array` for each element type that it has."""

_FOREIGN: Final = ">" if sys.byteorder == "little" else "<"


def loaded_numpy() -> Any:
    """The module numpy if the program has imported it, else None."""
    numpy = sys.modules.get("numpy")
    return numpy if hasattr(numpy, "test") else None  # its last name, should a thread be importing it


def is_array(value: Any) -> bool:
    """Whether a decoded value is an array of numbers."""
    kind = class_of(value)
    if kind is array:
        return True
    numpy = loaded_numpy()
    return numpy is not None and kind is numpy.ndarray


# Reading


def _reader(tag: int, kind: str) -> Reader:
    size = int(kind[-1])

    def read(content: Any, _hashed: bool) -> Any:
        if type(content) is not bytes:
            raise ProfileError(f"tag {tag} holds no byte string")
        if len(content) % size:
            raise ProfileError(f"tag {tag} holds {len(content)} bytes, no whole number of elements of {size}")
        numpy = loaded_numpy()
        return _to_array(content, kind) if numpy is None else _to_ndarray(numpy, content, kind)

    return read


def _to_array(content: bytes, kind: str) -> array[Any]:
    code = _TYPECODES.get(kind[-2:])
    if code is None:
        raise ProfileError("an array of float16, which only numpy can hold: import numpy where it is to arrive")
    values = array(code, content)
    if kind[0] == _FOREIGN:
        values.byteswap()
    return values


def _to_ndarray(numpy: Any, content: bytes, kind: str) -> Any:
    values = numpy.ndarray((len(content) // int(kind[-1]),), kind, content)
    if kind[0] == _FOREIGN:  # turned around at once: much that takes arrays takes no foreign ones
        values = values.astype(kind[1:])
        values.flags.writeable = False
    return values


def _refuse_quadruple(_content: Any, _hashed: bool) -> Any:
    raise ProfileError("an array of float128, which cannot be held here")


@cbor2.shareable_decoder(immutable=True)
def _read_shaped(hashed: bool) -> tuple[None, Callable[[Any], Any]]:
    # The long form of a reader is asked before the content is read, and all that is inside hears `hashed`.
    if hashed:
        raise ProfileError("tag 40 inside another one, or as a map key or set member")
    return None, _shape


def _shape(content: Any) -> Any:
    if class_of(content) is not tuple or len(content) != 2:
        raise ProfileError("tag 40 holds no pair of dimensions and numbers")
    dimensions, values = content
    if class_of(dimensions) is not tuple or not 0 < len(dimensions) <= _MAX_DIMENSIONS:
        raise ProfileError(f"tag 40 holds no array of 1 to {_MAX_DIMENSIONS} dimensions")
    if any(class_of(size) is not int or size < 1 for size in dimensions):
        raise ProfileError("tag 40 has a dimension that is no integer above 0")
    if not is_array(values):
        raise ProfileError("tag 40 holds no typed array")
    if math.prod(dimensions) != len(values):
        raise ProfileError(f"tag 40 has dimensions that are not those of {len(values)} numbers")
    if class_of(values) is not array:
        return values.reshape(dimensions)
    if len(dimensions) > 1:
        raise ProfileError(
            f"an array of {len(dimensions)} dimensions, which only numpy can hold: import numpy where it is to arrive"
        )
    return values


ARRAY_TAGS: Final[Mapping[int, Reader]] = {
    _SHAPED: _read_shaped,
    **{tag: _reader(tag, kind) for tag, kind in _KINDS.items()},
    **dict.fromkeys(_QUADRUPLE, _refuse_quadruple),
}
"""The readers of these tags, see `rpc.wire.tags`."""


def standing_in(place: bytes, content: bytes) -> dict[int, Reader]:
    """Readers that take `content` where they are given `place`, so that it need not go through cbor2."""

    def bind(read: Reader) -> Reader:
        def stand_in(given: Any, hashed: bool) -> Any:
            return read(content if given == place else given, hashed)

        return stand_in

    return {tag: bind(ARRAY_TAGS[tag]) for tag in _KINDS}


# Writing


class Numbers(NamedTuple):
    """What is sent of an array.

    Attributes:
        tag: of its element type.
        shape: None for one dimension, which needs no tag 40.
        memory: its numbers in row-major order, little-endian; the array's own memory wherever that is so.
    """

    tag: int
    shape: tuple[int, ...] | None
    memory: memoryview

    @property
    def levels(self) -> int:
        """How deep the tags and arrays are that hold it."""
        return 1 if self.shape is None else 3  # tag 40, its pair, and the tag of the numbers


def write_numbers(numbers: Numbers, content: Any) -> cbor2.CBORTag:
    """The tags around `content`, which is the memory or what stands for it."""
    typed = cbor2.CBORTag(numbers.tag, content)
    return typed if numbers.shape is None else cbor2.CBORTag(_SHAPED, [list(numbers.shape), typed])


def numbers_of_array(value: array[Any]) -> Numbers:
    code = value.typecode
    if code in ("u", "w"):
        raise ValueError("an array of characters cannot travel; send value.tounicode()")
    kind = "f" if code in "fd" else "i" if code.islower() else "u"
    if sys.byteorder == "big":
        value = value[:]
        value.byteswap()
    memory = memoryview(value).cast("B") if value else memoryview(b"")  # an empty view cannot be cast
    return Numbers(_WRITTEN[f"{kind}{value.itemsize}"], None, memory)


_WAYS_OUT: Final = {
    "O": "objects cannot travel; send value.tolist()",
    "U": "text cannot travel; send value.tolist()",
    "T": "text cannot travel; send value.tolist()",
    "S": "byte strings cannot travel; send value.tolist()",
    "V": "structures cannot travel; send each of its fields as an array of its own",
    "c": "complex numbers cannot travel; send value.real and value.imag",
    "b": "bools cannot travel; send value.astype('uint8')",
    "M": "dates cannot travel; send value.astype('int64')",
    "m": "durations cannot travel; send value.astype('int64')",
    "f": "longdouble cannot travel; send value.astype('float64')",
}
"""By numpy's kind of element."""


def numbers_of_ndarray(value: Any) -> Numbers:
    numpy = loaded_numpy()
    if class_of(value) not in (numpy.ndarray, numpy.memmap):
        raise ValueError(f"a {type(value).__name__} is more than its numbers; send numpy.asarray(value)")
    dtype, shape = value.dtype, value.shape
    tag = _WRITTEN.get(f"{dtype.kind}{dtype.itemsize}")
    if tag is None:
        raise ValueError(f"an array of {_WAYS_OUT.get(dtype.kind, f'{dtype} cannot travel')}")
    if not shape:
        raise ValueError("an array without dimensions cannot travel; send value.item()")
    if len(shape) > _MAX_DIMENSIONS:
        raise ValueError(f"an array of more than {_MAX_DIMENSIONS} dimensions cannot travel; send value.ravel()")
    if len(shape) > 1 and 0 in shape:
        raise ValueError("an array of several dimensions, one of them 0, cannot travel; send value.ravel()")
    ordered = numpy.ascontiguousarray(value, dtype.newbyteorder("<"))  # `value` itself, if it is so already
    return Numbers(tag, shape if len(shape) > 1 else None, ordered.reshape(-1).view("u1").data)


def is_scalar(kind: type) -> bool:
    """Whether a class is one of numpy's single numbers that Python's own bool, int and float can hold exactly."""
    numpy = loaded_numpy()
    if numpy is None or issubclass(kind, numpy.timedelta64):  # which is an integer there
        return False
    return issubclass(kind, (numpy.bool_, numpy.integer, numpy.float16, numpy.float32, numpy.float64))


def is_ndarray(kind: type) -> bool:
    """Whether a class is numpy's array, or one made of it."""
    numpy = loaded_numpy()
    return numpy is not None and issubclass(kind, numpy.ndarray)


def to_array(value: Any) -> array[Any]:
    """An `array.array` of a decoded numpy array of one dimension.

    Raises:
        ValueError: it has no such element type.
    """
    code = _TYPECODES.get(f"{value.dtype.kind}{value.dtype.itemsize}")
    if code is None:
        raise ValueError(f"array.array has no elements of {value.dtype}")
    return array(code, value.tobytes())
