"""What a server tells of its services."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Generic, TypeVar

import attrs
import msgspec
import pytest

from rpc.errors import Code, NotFound, ResourceExhausted
from rpc.service.context import Context
from rpc.service.describing import describe, part_of
from rpc.service.description import (
    Description,
    ErrorDescription,
    MethodDescription,
    ParameterDescription,
    ServiceDescription,
)
from rpc.service.service import Service
from rpc.wire.payload import decode, encode

T = TypeVar("T")
INT = {"type": "integer"}
TEXT = {"type": "string"}


@attrs.define
class Leaf:
    color: str


@attrs.define
class Branch:
    leaves: list[Leaf]
    branches: list[Branch] = attrs.field(factory=list)


@attrs.define
class Box(Generic[T]):
    value: T


@attrs.define
class Broke(Exception):
    """There is no money."""

    missing: int
    account: str = "main"


@dataclasses.dataclass
class Full(Exception):
    code = Code.RESOURCE_EXHAUSTED
    leaf: Leaf


class Plain(Exception):
    pass


tree = Service("tree", doc="Trees.")
pay = Service("pay")


@tree.method(idempotent=True)
def grow(context: Context[Any], branch: Branch, /, *leaves: Leaf, times: int = 2, **more: int) -> Branch:
    """Grow a branch.

    By its leaves.
    """
    return branch


@tree.method
async def shake(branches: AsyncIterable[Branch], hard: bool = False) -> AsyncIterator[Leaf]:
    yield Leaf("")


@tree.context
async def climb(name: str) -> AsyncIterator[int]:
    yield 1


@tree.notification
def rained(liters: float) -> None: ...


@pay.method(raises=[Broke, Full, Plain, NotFound, ResourceExhausted])
def pay_for(box: Box[int], default: object = object) -> None: ...


def parameter(name: str, kind: Any, schema: dict[str, Any], **more: Any) -> ParameterDescription:
    return ParameterDescription(name=name, kind=kind, schema=schema, **{"required": True, **more})


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def methods_of(*services: Service) -> dict[str, MethodDescription]:
    return {method.name: method for service in describe(services).services for method in service.methods}


def test_a_method() -> None:
    assert methods_of(tree)["tree.grow"] == MethodDescription(
        name="tree.grow",
        kind="method",
        signature="(branch: Branch, /, *leaves: Leaf, times: int = 2, **more: int) -> Branch",
        doc="Grow a branch.\n\nBy its leaves.",
        parameters=[
            parameter("branch", "positional", reference("Branch")),
            parameter("leaves", "rest", reference("Leaf"), required=False),
            parameter("times", "named", INT, required=False, default=2),
            parameter("more", "extra", INT, required=False),
        ],
        result=reference("Branch"),
        items=None,
        raises=[],
        idempotent=True,
    )


def test_a_stream_each_way() -> None:
    assert methods_of(tree)["tree.shake"] == MethodDescription(
        name="tree.shake",
        kind="streaming",
        signature="(branches: AsyncIterable[Branch], hard: bool = False) -> AsyncIterator[Leaf]",
        doc="",
        parameters=[
            parameter("branches", "either", reference("Branch"), stream=True),
            parameter("hard", "either", {"type": "boolean"}, required=False, default=False),
        ],
        result=None,
        items=reference("Leaf"),
        raises=[],
        idempotent=False,
    )


def test_a_context_and_a_notification() -> None:
    climbing, raining = methods_of(tree)["tree.climb"], methods_of(tree)["tree.rained"]
    assert (climbing.kind, climbing.result, climbing.items) == ("context", None, INT)
    assert climbing.parameters == [parameter("name", "either", TEXT)]
    assert (raining.kind, raining.result, raining.items) == ("notification", None, None)


def test_declared_errors() -> None:
    assert methods_of(pay)["pay.pay_for"].raises == [
        ErrorDescription(
            type="pay.Broke",
            code=2,
            doc="There is no money.",
            schema={
                "title": "Broke",
                "description": "There is no money.",
                "x-kind": "attrs",
                "type": "object",
                "properties": {"missing": INT, "account": {**TEXT, "default": "main"}},
                "required": ["missing"],
            },
        ),
        ErrorDescription(
            type="pay.Full",
            code=8,
            doc="",
            schema={
                "title": "Full",
                "x-kind": "dataclass",
                "type": "object",
                "properties": {"leaf": reference("Leaf")},
                "required": ["leaf"],
            },
        ),
        ErrorDescription(type="pay.Plain", code=2, doc="", schema=None),
        ErrorDescription(type="rpc.NotFound", code=5, doc=NotFound.__doc__ or "", schema=None),
        ErrorDescription(type="rpc.ResourceExhausted", code=8, doc=ResourceExhausted.__doc__ or "", schema=None),
    ]


def test_a_default_that_cannot_travel_is_told_as_text_only() -> None:
    described = methods_of(pay)["pay.pay_for"]
    assert described.parameters[1] == parameter(
        "default", "either", {"x-python": "object"}, required=False, default=None
    )
    assert described.signature == "(box: Box[int], default: object = ...) -> None"
    assert described.result == {"type": "null"}


def test_services_stand_in_their_order_with_the_classes_of_all() -> None:
    description = describe([pay, tree])
    assert [(service.name, service.doc) for service in description.services] == [("pay", ""), ("tree", "Trees.")]
    assert list(description.definitions) == ["Box_int", "Leaf", "Branch"]
    assert describe([]) == Description(services=[], definitions={})
    assert describe([Service("empty")]).services == [ServiceDescription(name="empty", doc="", methods=[])]


@pytest.mark.parametrize(
    ("name", "methods", "definitions"),
    [
        ("tree.grow", ["tree.grow"], ["Leaf", "Branch"]),
        ("tree.shake", ["tree.shake"], ["Leaf", "Branch"]),
        ("tree.climb", ["tree.climb"], []),
        ("pay.pay_for", ["pay.pay_for"], ["Box_int", "Leaf"]),
        ("pay", ["pay.pay_for"], ["Box_int", "Leaf"]),
        ("tree", ["tree.grow", "tree.shake", "tree.climb", "tree.rained"], ["Leaf", "Branch"]),
        ("empty", [], []),
    ],
)
def test_a_part_has_the_classes_that_it_needs(name: str, methods: list[str], definitions: list[str]) -> None:
    part = part_of(describe([pay, tree, Service("empty")]), name)
    assert part is not None
    [service] = part.services
    assert [method.name for method in service.methods] == methods
    assert list(part.definitions) == definitions


@pytest.mark.parametrize("name", ["", "tree.", "tree.Grow", "grow", "pay.grow"])
def test_there_is_no_part_of_another_name(name: str) -> None:
    assert part_of(describe([pay, tree]), name) is None


def test_a_description_travels_and_comes_back() -> None:
    description = describe([pay, tree])
    assert msgspec.convert(decode(bytes(encode(description))), Description) == description
