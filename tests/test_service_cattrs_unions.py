from __future__ import annotations

import dataclasses
from typing import Any, Literal

import attrs
import pytest

from rpc.service.cattrs_hooks import reader, strict_hooks, writer
from rpc.service.cattrs_unions import has_fields
from rpc.service.convert import Misfit
from rpc.wire.payload import EncodeError, decode, encode

HOOKS = strict_hooks()


@attrs.define
class Circle:
    radius: float


@attrs.define
class Ball:
    radius: float


@dataclasses.dataclass
class Square:
    side: float
    holes: list[Circle | Square] = dataclasses.field(default_factory=list["Circle | Square"])


Shape = Circle | Ball | Square


def namesake() -> Any:
    @attrs.define
    class Circle:
        x: int

    return Circle


def lower(annotation: Any, value: Any) -> Any:
    write = writer(HOOKS, annotation)
    return decode(encode(value if write is None else write(value)))


ROUND_TRIPS: list[tuple[Any, Any]] = [
    (Shape, Circle(1.0)),
    (Shape, Ball(1.0)),
    (Shape | None, None),
    (list[Shape], [Ball(1.0), Square(2.0), Circle(1.0)]),
    (Square, Square(1.0, [Circle(1.0), Square(2.0, [Square(1.0)])])),
    (dict[str, Shape | int], {"a": 1, "b": Ball(2.0)}),
    (int | str | None, "x"),
    (float | int, 1),
    (float | int, 1.5),
    (bytes | str, b"x"),
    (list[int] | dict[str, int], {"a": 1}),
    (list[Circle] | list[Square], [Square(1.0)]),
    (Circle | str, Circle(1.0)),
    (Literal["a"] | int, "a"),
]


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=str)
def test_a_member_arrives_as_what_it_was(annotation: Any, value: Any) -> None:
    arrived = reader(HOOKS, annotation)(lower(annotation, value))
    assert arrived == value
    assert type(arrived) is type(value)


def test_members_with_fields_travel_with_their_name_where_there_are_several() -> None:
    assert lower(Shape, Ball(1.0)) == {"_type": "Ball", "radius": 1.0}
    assert lower(Shape | int, 5) == 5
    assert lower(Circle | None, Circle(1.0)) == {"radius": 1.0}
    assert lower(Square, Square(1.0, [Circle(2.0)])) == {"side": 1.0, "holes": [{"_type": "Circle", "radius": 2.0}]}


def test_a_subclass_travels_as_the_member_that_it_is() -> None:
    @attrs.define
    class Hoop(Circle):
        pass

    assert lower(Shape, Hoop(1.0)) == {"_type": "Circle", "radius": 1.0}


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Shape, {"radius": 1.0}, "fits Circle and Ball: say which with '_type'"),
        (
            Shape,
            {"_type": "Cube", "radius": 1.0},
            "at ._type expected one of 'Circle', 'Ball', 'Square', got str 'Cube'",
        ),
        (Shape, {"_type": [], "radius": 1.0}, "at ._type expected one of 'Circle', 'Ball', 'Square', got list []"),
        (Shape, {"_type": "Ball", "radius": "x"}, "at .radius expected float, got str 'x'"),
        (Shape, {"size": 1.0}, "expected Circle | Ball | Square, got dict {'size': 1.0}"),
        (Shape, 5, "expected Circle | Ball | Square, got int 5"),
        (Circle | None, {"radius": "x"}, "at .radius expected float, got str 'x'"),
        (int | str, None, "expected int | str, got None"),
        (
            list[Shape],
            [{"side": 1.0}, {"side": 1.0, "holes": [5]}],
            "at [1].holes[0] expected Circle | Square, got int 5",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        reader(HOOKS, annotation)(value)
    assert str(caught.value) == message


def test_what_only_one_class_fits_needs_no_name() -> None:
    assert reader(HOOKS, Shape)({"side": 1}) == Square(1.0)


def test_what_is_no_member_is_refused_at_its_sender() -> None:
    write = writer(HOOKS, Circle | int)
    assert write is not None
    with pytest.raises(EncodeError, match=r"object of class Ball is no Circle \| int"):
        write(Ball(1.0))


def test_what_is_wrong_in_the_one_member_that_fits_is_told() -> None:
    write = writer(HOOKS, list[Circle] | int)
    assert write is not None
    with pytest.raises(EncodeError, match="AttributeError: 'Square' object has no attribute 'radius'"):
        write([Square(1.0)])


def test_classes_of_one_name_are_refused_beforehand() -> None:
    with pytest.raises(TypeError, match=r"two classes of one name, by which they are told apart: Circle \| Circle"):
        reader(HOOKS, Circle | namesake())


@pytest.mark.parametrize(("annotation", "answer"), [(Circle, True), (Square, True), (int, False), (Shape, False)])
def test_classes_with_fields(annotation: Any, answer: bool) -> None:
    assert has_fields(annotation) is answer
