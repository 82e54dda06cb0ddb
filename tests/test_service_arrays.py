from __future__ import annotations

import sys
from array import array
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import rpc
from rpc.service.arrays import fit_array, is_array_class
from rpc.service.convert import Misfit
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.service.signature import Signature
from rpc.wire.payload import decode, encode

if TYPE_CHECKING:
    Floats: TypeAlias = array[float]
else:
    Floats = array  # which takes no parameters before Python 3.12

Number = TypeVar("Number", bound=np.generic)
Pairs: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Flat: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]
Generic: TypeAlias = np.ndarray[Any, np.dtype[Number]]


@attrs.frozen
class Model:
    name: str
    weights: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None


def read(annotation: Any, value: Any) -> Any:
    return MsgspecConverter().reader(annotation)(decode(encode(value)))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (np.ndarray, np.arange(3)),
        (NDArray[np.float64], np.zeros((2, 2))),
        (NDArray[Any], np.arange(3, dtype="u1")),
        (NDArray[np.floating[Any]], np.zeros(3, "f4")),
        (NDArray[np.integer], np.zeros(3, "u2")),
        (NDArray[np.number], np.zeros(3, "f2")),
        (NDArray[np.float32 | np.float64], np.zeros(3, "f4")),
        (NDArray[np.int8 | np.floating[Any]], np.zeros(3, "f8")),
        (NDArray, np.zeros(3)),
        (Generic, np.zeros(3)),
        (Generic[np.int64], np.arange(3)),
        (np.ndarray[Any, Any], np.zeros(3)),
        (np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.zeros((1, 2, 3))),
        (Pairs, np.zeros((4, 2))),
        (Flat, np.zeros(4)),
        (NDArray[np.float64] | None, np.zeros(4)),
        (Any, np.zeros((4, 2))),
        (object, np.zeros((4, 2))),
    ],
)
def test_arrays_that_fit(annotation: Any, value: Any) -> None:
    arrived = read(annotation, value)
    assert type(arrived) is np.ndarray
    assert (arrived.dtype, arrived.shape) == (value.dtype, value.shape)
    assert not arrived.flags.writeable


def test_none_where_it_may_be() -> None:
    assert read(NDArray[np.float64] | None, None) is None


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (NDArray[np.float64], np.zeros(2, "f4"), "expected an array of float64, got one of float32"),
        (NDArray[np.float64], np.arange(2), "expected an array of float64, got one of int64"),
        (NDArray[np.floating[Any]], np.arange(2), "expected an array of floating, got one of int64"),
        (NDArray[np.float32 | np.float64], np.arange(2), "expected an array of float32 or float64, got one of int64"),
        (Pairs, np.arange(2), "expected an array of float64, got one of int64"),
        (Pairs, np.zeros(2), "expected an array of float64 with 2 dimensions, got one with 1 dimension"),
        (Flat, np.zeros((1, 2, 3)), "expected a numpy array with 1 dimension, got one with 3 dimensions"),
        (np.ndarray, [1.0, 2.0], "expected a numpy array, got list [1.0, 2.0]"),
        (NDArray[np.float64], b"12345678", "expected an array of float64, got bytes b'12345678'"),
        (NDArray[np.float64], None, "expected an array of float64, got None"),
        (array, [1], "expected an array.array, got list [1]"),
        (array, np.zeros((2, 3)), "expected an array.array, got an array with 2 dimensions"),
        (array, np.zeros(2, "f2"), "array.array has no elements of float16"),
        (list[float], np.zeros(2), "expected list, got ndarray array([0., 0.])"),
        (bytes, np.zeros(1), "expected bytes, got ndarray array([0.])"),
        (float, np.zeros(1), "expected float, got ndarray array([0.])"),
    ],
)
def test_what_does_not_fit(annotation: Any, value: Any, text: str) -> None:
    with pytest.raises(Misfit) as caught:
        read(annotation, value)
    assert str(caught.value) == text


def test_the_path_to_what_does_not_fit() -> None:
    model = {"name": "small", "weights": np.zeros(2, "f4"), "bias": np.zeros(2)}
    with pytest.raises(Misfit) as caught:
        read(list[Model], [model])
    assert str(caught.value) == "at [0].bias expected an array of float32, got one of float64"
    with pytest.raises(Misfit, match=r"^at \['b'\] expected an array of int8, got str 'x'"):
        read(dict[str, NDArray[np.int8]], {"a": np.zeros(1, "i1"), "b": "x"})


def test_a_large_array_that_does_not_fit_is_cut() -> None:
    with pytest.raises(Misfit) as caught:
        read(list[float], np.zeros((1000, 1000)))
    assert len(str(caught.value)) < 128


@pytest.mark.parametrize("code", "bBhHiIqQfd")
def test_the_standard_library_s_array(code: str) -> None:
    value = array(code, [0, 1, 100])
    arrived = read(array, value)
    assert type(arrived) is array
    assert (arrived, arrived.typecode) == (value, code)
    assert read(NDArray[Any], value).tolist() == list(value)
    arrived.append(code == "f")  # it is the receiver's own


def test_the_standard_library_s_array_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy")
    assert read(array, array("d", [1.5])) == array("d", [1.5])
    assert read(Any, array("d", [1.5])) == array("d", [1.5])
    with pytest.raises(Misfit, match=r"expected list, got array array\('d', \[1\.5\]\)"):
        read(list[float], array("d", [1.5]))


@pytest.mark.parametrize(("element", "code", "fits"), [(float, "d", True), (float, "q", False), (int, "q", True)])
def test_the_elements_of_the_standard_library_s_array(element: Any, code: str, fits: bool) -> None:
    annotation = GenericAlias(array, (element,))
    if fits:
        assert fit_array(annotation, array(code, [1])) == array(code, [1])
    else:
        with pytest.raises(
            Misfit, match=f"expected an array of {element.__name__}, got one with the typecode '{code}'"
        ):
            fit_array(annotation, array(code, [1]))


def test_what_is_an_array_class() -> None:
    assert is_array_class(np.ndarray)
    assert is_array_class(array)
    for other in (np.matrix, np.ma.MaskedArray, list, np.float64, Any, "ndarray"):
        assert not is_array_class(other)
    with pytest.raises(TypeError, match="objects of class MaskedArray cannot travel"):
        MsgspecConverter().reader(np.ma.MaskedArray)


def test_the_argument_is_named() -> None:
    def fit(weights: NDArray[np.float64], steps: int = 1) -> None: ...

    signature = Signature.of(fit, name="model.fit")
    with pytest.raises(rpc.InvalidArgument) as caught:
        signature.bind_payload(encode([np.arange(3)]), False, None)
    assert str(caught.value).endswith("model.fit: argument 'weights' expected an array of float64, got one of int64")


# --- Through a client --------------------------------------------------------------------------------------------

linear = rpc.Service("linear")


@linear.method
def double(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * 2


@linear.method
def echo(value: Any) -> Any:
    return value


@linear.method
def total(values: Floats) -> float:
    return sum(values)


@linear.method
def broken(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@linear.method
def objects() -> Any:
    return np.array([{}])


async def test_arrays_through_a_client() -> None:
    async with rpc.testing.client(linear) as client:
        values = np.arange(1_000_000.0)
        doubled = await client.call(double, values)
        np.testing.assert_array_equal(doubled, values * 2)
        assert not doubled.flags.writeable
        grid = await client.call("linear.echo", {"grid": values.reshape(1000, 1000)[::10, ::10]})
        np.testing.assert_array_equal(grid["grid"], values.reshape(1000, 1000)[::10, ::10])
        assert await client.call(total, array("d", [1, 2])) == 3
        assert await client.call("linear.total", np.array([1.0, 2.0])) == 3


async def test_arrays_that_do_not_fit_through_a_client() -> None:
    async with rpc.testing.client(linear) as client:
        with pytest.raises(rpc.InvalidArgument, match="argument 'values' expected an array of float64, got one of i"):
            await client.call("linear.double", np.arange(3))
        with pytest.raises(rpc.Internal, match=r"linear\.broken: the result expected an array of float32, got one of"):
            await client.call(broken, np.zeros(3))
        with pytest.raises(rpc.Internal, match="an array of objects cannot travel"):
            await client.call("linear.objects")
        with pytest.raises(TypeError, match=r"an array of bools cannot travel; send value\.astype"):
            await client.call("linear.echo", np.zeros(3, bool))
        assert await client.call(total, array("d")) == 0
