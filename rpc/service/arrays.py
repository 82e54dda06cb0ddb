"""Arrays of numbers as annotations ask for them: `array.array`, `numpy.ndarray`, `numpy.typing.NDArray[...]`.

The annotation decides what arrives, and what it says of the elements, and of the number of dimensions, is checked.
Numbers are never converted to another type.
"""

from __future__ import annotations

import types
import typing
from array import array
from typing import Any

from rpc.service.convert import Misfit, show
from rpc.wire.arrays import is_array, is_ndarray, to_array
from rpc.wire.shapes import class_of

__all__ = ["fit_array", "is_array_class"]


def is_array_class(cls: Any) -> bool:
    """Whether a class is one as which an array of numbers can arrive."""
    return cls is array or (isinstance(cls, type) and is_ndarray(cls) and cls.__name__ == "ndarray")


def fit_array(annotation: Any, value: Any) -> Any:
    """Fit a decoded value to an annotation whose class `is_array_class`.

    Raises:
        Misfit: it is no array, or one of other elements or dimensions.
    """
    arguments = typing.get_args(annotation)
    if (typing.get_origin(annotation) or annotation) is array:
        return _fit_array(value, arguments)
    return _fit_ndarray(value, arguments)


def _fit_array(value: Any, arguments: tuple[Any, ...]) -> Any:
    if not is_array(value):
        raise Misfit("", f"expected an array.array, got {show(value)}")
    if class_of(value) is not array:
        if value.ndim != 1:
            raise Misfit("", f"expected an array.array, got an array with {_count(value.ndim)}")
        try:
            value = to_array(value)
        except ValueError as error:
            raise Misfit("", str(error)) from None
    wanted = arguments[0] if arguments else Any
    if wanted in (int, float) and (wanted is float) != (value.typecode in "fd"):
        raise Misfit("", f"expected an array of {wanted.__name__}, got one with the typecode '{value.typecode}'")
    return value


def _fit_ndarray(value: Any, arguments: tuple[Any, ...]) -> Any:
    dimensions, wanted = _dimensions(arguments), _elements(arguments)
    what = f"an array of {' or '.join(cls.__name__ for cls in wanted)}" if wanted else "a numpy array"
    if not is_array(value):
        raise Misfit("", f"expected {what}, got {show(value)}")
    if wanted and not issubclass(value.dtype.type, wanted):
        raise Misfit("", f"expected {what}, got one of {value.dtype}")
    if dimensions is not None and value.ndim != dimensions:
        raise Misfit("", f"expected {what} with {_count(dimensions)}, got one with {_count(value.ndim)}")
    return value


def _dimensions(arguments: tuple[Any, ...]) -> int | None:
    """How many dimensions ``ndarray[shape, dtype]`` asks for; None where it does not say."""
    sizes = typing.get_args(arguments[0]) if arguments and typing.get_origin(arguments[0]) is tuple else ()
    return len(sizes) if sizes and Ellipsis not in sizes else None


def _elements(arguments: tuple[Any, ...]) -> tuple[type, ...]:
    """The classes of elements that ``ndarray[shape, dtype[...]]`` asks for; none where it does not say."""
    elements = typing.get_args(arguments[1]) if len(arguments) == 2 else ()
    if elements and typing.get_origin(elements[0]) in (typing.Union, types.UnionType):
        elements = typing.get_args(elements[0])
    classes = [typing.get_origin(element) or element for element in elements]
    is_said = all(isinstance(cls, type) and cls is not Any for cls in classes)  # Any is a class too
    return tuple(classes) if is_said else ()


def _count(dimensions: int) -> str:
    return "1 dimension" if dimensions == 1 else f"{dimensions} dimensions"
