from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import rpc
from rpc.generation.module import MARK, generate
from rpc.generation.names import GenerationError
from rpc.service.describing import describe
from rpc.service.description import Description, ErrorDescription, ServiceDescription
from tests.generated import described, foreign, imported, method, parameter, text_of
from tests.shapes import MODULE, second, shapes

INT = {"type": "integer"}
ITEM: dict[str, Any] = {"x-kind": "attrs", "type": "object", "properties": {"a": INT}, "required": ["a"]}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def error(type_: str = "calc.Poor", schema: Any = None) -> ErrorDescription:
    return ErrorDescription(type=type_, code=2, doc="", schema=schema)


def classes_of(text: str) -> list[str]:
    return [
        line.partition(" ")[2].partition("(")[0].partition(":")[0] for line in text.splitlines() if line[:5] == "class"
    ]


def test_a_whole_module() -> None:
    assert generate(described(method("calc.find", result=reference("Item")), Item=ITEM)) == (
        '"""The service ``calc``, as the server describes it.\n'
        "\n"
        "Written by ``rpc stub``: write it anew rather than change it. With a client that is connected::\n"
        "\n"
        "    calc = client.stub(Calc)\n"
        '"""\n'
        "\n"
        "from __future__ import annotations\n"
        "\n"
        "from typing import Protocol\n"
        "\n"
        "import attrs\n"
        "import rpc\n"
        "\n"
        '__all__ = ["Calc", "Item"]\n'
        "\n\n"
        "@attrs.define\n"
        "class Item:\n"
        "    a: int\n"
        "\n\n"
        '@rpc.contract("calc")\n'
        "class Calc(Protocol):\n"
        "    async def find(self) -> Item: ...\n"
    )


def test_every_shape() -> None:
    """The checks of this project check that module."""
    text = generate(describe([shapes, second]))
    assert text == generate(describe([shapes, second]))
    assert text == MODULE.read_text(), "write it anew with 'python -m tests.shapes'"
    assert MARK in text
    assert foreign(text) == []


async def test_the_module_of_every_shape_is_a_contract() -> None:
    from tests import shapes_client as made

    service = rpc.Service("second")
    seen: list[Any] = []

    @service.method(name="shapes_")
    def take(value: object) -> None:
        seen.append(value)

    async with rpc.testing.client(service) as client:
        await client.stub(made.Second).shapes_(5)
    assert seen == [5]


def test_arrays_keep_their_elements() -> None:
    signals = rpc.Service("signals")

    @signals.method
    def spectrum(samples: NDArray[np.float64]) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
        raise NotImplementedError

    text = generate(describe([signals]))
    assert "async def spectrum(self, samples: NDArray[float64]) -> NDArray[int16]: ..." in text
    assert "from numpy import float64, int16" in text


def test_classes_stand_behind_those_they_refer_to() -> None:
    def holding(*others: str) -> dict[str, Any]:
        return {**ITEM, "properties": {f"its_{other}": reference(other) for other in others}}

    enum = {"x-kind": "enum", "enum": [1], "x-names": ["ONE"]}
    definitions: dict[str, Any] = {
        "A": holding("B", "Z"),
        "B": holding("C"),
        "C": holding("B", "D"),  # a circle
        "D": holding(),
        "E": holding("E"),
        "Z": enum,
    }
    text = text_of(method("calc.a", result=reference("A")), method("calc.e", result=reference("E")), **definitions)
    assert classes_of(text) == ["Z", "D", "C", "B", "A", "E", "Calc"]


def test_classes_that_nobody_needs_are_left_out() -> None:
    used = {**ITEM, "properties": {"other": reference("Other")}}
    text = text_of(method(result=reference("Used")), Used=used, Other=ITEM, Unused=ITEM)
    assert classes_of(text) == ["Other", "Used", "Calc"]


def test_names_that_are_taken() -> None:
    definitions: dict[str, Any] = dict.fromkeys(
        ("Calc", "int", "Warning", "rpc", "Item", "a", "Box[int]", "Box_int", "Any"), ITEM
    )
    parameters = [parameter(f"p{number}", reference(name)) for number, name in enumerate(definitions)]
    text = text_of(method("calc.Item", *parameters), **definitions)
    assert classes_of(text) == [
        *("Calc", "int_", "Warning_", "rpc_", "Item_", "a_", "Box_int", "Box_int_", "Any_", "Calc_")
    ]


def test_the_services_of_the_server_itself_are_left_out() -> None:
    server = ServiceDescription(name="rpc", doc="", methods=[method("rpc.describe")])
    empty = ServiceDescription(name="empty", doc="", methods=[])
    own = described(method())
    assert generate(attrs.evolve(own, services=[server, *own.services, empty])) == generate(own)
    for services in ([], [server], [empty]):
        with pytest.raises(GenerationError, match="no service with a method is described"):
            generate(Description(services=services, definitions={}))


def test_a_service_whose_name_is_none() -> None:
    for name in ("", "a b", "a..b", 'a"', "a\n"):
        service = ServiceDescription(name=name, doc="", methods=[method()])
        with pytest.raises(GenerationError, match="is no name for a service"):
            generate(Description(services=[service], definitions={}))


def test_there_is_an_end_to_it() -> None:
    with pytest.raises(GenerationError, match="10001 methods and classes are described, and 10000 are the most"):
        generate(described(*(method(f"calc.m{number}") for number in range(10_001))))


def test_exceptions_are_defined_once() -> None:
    one = ServiceDescription(name="one", doc="", methods=[method("one.a", raises=[error("one.Poor")])])
    other = ServiceDescription(name="other", doc="", methods=[method("other.a", raises=[error("other.Poor")])])
    assert classes_of(generate(Description(services=[one, other], definitions={}))) == ["Poor", "One", "Other"]
    fields = {"properties": {"a": INT}, "required": ["a"]}
    other = attrs.evolve(other, methods=[method("other.a", raises=[error("other.Poor", fields)])])
    with pytest.raises(GenerationError, match="two services have an exception Poor, and not the same one: write a mod"):
        generate(Description(services=[one, other], definitions={}))


def test_exceptions_that_are_there() -> None:
    text = text_of(method(raises=[error("rpc.NotFound"), error("calc.KeyError"), error("calc.Warning", {})]))
    assert "raises=[rpc.NotFound, KeyError, Warning]" in text
    assert classes_of(text) == ["Warning", "Calc"]


@pytest.mark.parametrize(
    "type_",
    ["calc.", "calc.a b", "calc.class", "calc.__x", "calc.Exception", "calc.int", "calc.rpc", "calc.add", "other.Poor"],
)
def test_exceptions_that_cannot_be_defined(type_: str) -> None:
    with pytest.raises(GenerationError, match="has a name that no class of a module can have"):
        generate(described(method("calc.add", raises=[error(type_)])))


def test_an_exception_has_its_name_before_others() -> None:
    text = text_of(method(raises=[error()], result=reference("Poor")), Poor=ITEM)
    assert classes_of(text) == ["Poor_", "Poor", "Calc"]
    assert "@rpc.method(raises=[Poor])\n    async def add(self) -> Poor_: ..." in text


@attrs.define
class Cat:
    lives: int


@attrs.define
class Dog:
    name: str


async def test_a_union_of_classes_comes_back_by_the_generated_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    pets = rpc.Service("pets", converter=rpc.CattrsConverter())

    @pets.method
    def adopt(pet: Cat | Dog) -> list[Cat | Dog]:
        return [pet]

    made = imported(generate(describe([pets])), monkeypatch)
    async with rpc.testing.client(pets) as client:
        assert await client.stub(made.Pets).adopt(made.Dog("Rex")) == [made.Dog("Rex")]
