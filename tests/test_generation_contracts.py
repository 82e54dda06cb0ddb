from __future__ import annotations

from typing import Any

import pytest

from rpc.generation.module import generate
from rpc.generation.names import GenerationError
from rpc.service.description import Description, ErrorDescription, MethodDescription, ServiceDescription
from tests.generated import described, method, parameter, text_of

INT, TEXT = {"type": "integer"}, {"type": "string"}


def lines_of(*methods: MethodDescription, **definitions: Any) -> list[str]:
    """The lines of the last contract's body."""
    return [line[4:] for line in text_of(*methods, **definitions).rpartition("(Protocol):\n")[2].splitlines()]


def test_a_contract() -> None:
    text = text_of(method("my_shop.tea.order", parameter("item", TEXT), doc="Order.", result=INT), doc="All about tea.")
    assert text == (
        '@rpc.contract("my_shop.tea")\n'
        "class MyShopTea(Protocol):\n"
        '    """All about tea."""\n'
        "\n"
        "    async def order(self, item: str) -> int:\n"
        '        """Order."""\n'
        "        ...\n"
    )


@pytest.mark.parametrize(
    ("kind", "more", "line"),
    [
        ("method", {"result": INT}, "async def add(self, a: int) -> int: ..."),
        ("streaming", {"items": INT}, "def add(self, a: int) -> rpc.Stream[int]: ..."),
        ("context", {"items": INT}, "def add(self, a: int) -> AbstractAsyncContextManager[int]: ..."),
        ("notification", {}, "async def add(self, a: int) -> None: ..."),
    ],
)
def test_kinds(kind: str, more: dict[str, Any], line: str) -> None:
    mark = ["@rpc.notification"] if kind == "notification" else []
    assert lines_of(method("calc.add", parameter(), kind=kind, **more)) == [*mark, line]


@pytest.mark.parametrize(
    ("parameters", "head"),
    [
        ([], "self"),
        ([parameter("a", kind="positional")], "self, a: int, /"),
        ([parameter("a", kind="positional"), parameter("b")], "self, a: int, /, b: int"),
        ([parameter("a", kind="positional"), parameter("b", kind="named")], "self, a: int, /, *, b: int"),
        ([parameter("a"), parameter("b", kind="rest")], "self, a: int, *b: int"),
        ([parameter("b", kind="rest"), parameter("c", kind="named")], "self, *b: int, c: int"),
        ([parameter("c", kind="named"), parameter("d", kind="extra")], "self, *, c: int, **d: int"),
        ([parameter("d", kind="extra", required=False)], "self, **d: int"),
        ([parameter("a", stream=True)], "self, a: AsyncIterable[int]"),
        ([parameter("self")], "_self, self: int"),
        ([parameter("a", required=False, default=5)], "self, a: int = 5"),
        ([parameter("a", required=False)], "self, a: int = ..."),
        ([parameter("a", {"anyOf": [INT, {"type": "null"}]}, required=False)], "self, a: int | None = None"),
        ([parameter("a", TEXT, required=False, default="x" * 80)], "self, a: str = ..."),
        ([parameter("a", {"type": "array"}, required=False, default=[])], "self, a: list[Any] = ..."),
    ],
)
def test_parameters(parameters: list[Any], head: str) -> None:
    assert lines_of(method("calc.add", *parameters)) == [f"async def add({head}) -> None: ..."]


@pytest.mark.parametrize(
    ("name", "line", "mark"),
    [
        ("add", "add", None),
        ("import", "import_", "import"),
        ("_x", "x", "_x"),
        ("__init__", "init__", "__init__"),
        ("___", "method", "___"),
        ("_1", "method_1", "_1"),
    ],
)
def test_names_that_no_method_can_have(name: str, line: str, mark: str | None) -> None:
    marks = [] if mark is None else [f'@rpc.method(name="{mark}")']
    assert lines_of(method(f"calc.{name}")) == [*marks, f"async def {line}(self) -> None: ..."]


def test_names_that_would_be_the_same() -> None:
    lines = lines_of(method("calc.x"), method("calc._x"), method("calc.__x"))
    assert [line for line in lines if "def" in line] == [
        f"async def {name}(self) -> None: ..." for name in ("x", "x_", "x__")
    ]


def test_marks() -> None:
    status = ErrorDescription(type="rpc.NotFound", code=5, doc="", schema=None)
    builtin = ErrorDescription(type="calc.ValueError", code=2, doc="", schema=None)
    own = ErrorDescription(type="calc.Poor", code=2, doc="", schema=None)
    declared = method("calc.find", raises=[status, builtin, own, own], idempotent=True)
    assert lines_of(declared)[0] == "@rpc.method(raises=[rpc.NotFound, ValueError, Poor], idempotent=True)"
    entered = method("calc.find", kind="context", items=INT, raises=[own], idempotent=True)
    assert lines_of(entered)[0] == "@rpc.method(raises=[Poor])"
    told = method("calc.import", kind="notification", raises=[own], idempotent=True)
    assert lines_of(told)[0] == '@rpc.notification(name="import")'


def test_classes_that_only_their_fields_tell_apart_need_cattrs() -> None:
    record = {"type": "object", "properties": {"a": INT}}
    definitions: dict[str, Any] = {
        "A": {"x-kind": "attrs", **record},
        "B": {"x-kind": "dataclass", **record},
        "E": {"x-kind": "enum", "enum": [1], "x-names": ["ONE"]},
        "S": {"x-kind": "struct", "type": "object", "properties": {"type": {"const": "S"}}},
        "T": {"x-kind": "struct", "type": "object", "properties": {"type": {"const": "T"}}},
        "Holder": {
            "x-kind": "attrs",
            "type": "object",
            "properties": {"a": {"anyOf": [reference("A"), reference("B")]}},
        },
    }

    def head(*names: str) -> str:
        union = {"type": "array", "items": {"anyOf": [INT, *map(reference, names)]}}
        return (
            text_of(method("calc.add", result=union), **definitions).rpartition("@rpc.contract")[2].partition("\n")[0]
        )

    assert head("A", "E", "S", "T") == '("calc")'
    assert head("A", "B") == head("Holder") == '("calc", converter=rpc.CattrsConverter())'


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def test_a_method_hides_what_the_others_are_made_of() -> None:
    numbers = {"type": "array", "items": INT}
    methods = [method("calc.list", result=numbers), method("calc.rpc", idempotent=True), method("calc.Any", result={})]
    assert lines_of(*methods) == [
        "async def list(self) -> builtins.list[int]: ...",
        "",
        "@rpc_.method(idempotent=True)",
        "async def rpc(self) -> None: ...",
        "",
        "async def Any(self) -> typing.Any: ...",
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        [parameter("a"), parameter("a")],
        [parameter("a", kind="named"), parameter("b")],
        [parameter("a", required=False), parameter("b")],
        [parameter("a", kind="rest"), parameter("b", kind="rest")],
        [parameter("a", kind="extra"), parameter("b", kind="extra")],
    ],
)
def test_parameters_that_no_function_has(parameters: list[Any]) -> None:
    with pytest.raises(GenerationError, match=r"the method 'calc\.add': its parameters are in an order, or have names"):
        generate(described(method("calc.add", *parameters)))


@pytest.mark.parametrize("name", ["class", "a b", "__a", "", "a=print()"])
def test_a_parameter_without_a_name(name: str) -> None:
    with pytest.raises(GenerationError, match=r"its parameter '.*' has a name that cannot stand in a class"):
        generate(described(method("calc.add", parameter(name))))


@pytest.mark.parametrize(
    "name", ["calc.a b", "calc.", "other.add", "add", "calc.x.add", "calc.a\n", "calc." + "a" * 260]
)
def test_a_method_whose_name_is_none_on_the_wire(name: str) -> None:
    service = ServiceDescription(name="calc", doc="", methods=[method(name)])
    with pytest.raises(GenerationError, match="the service 'calc' has a method of the name"):
        generate(Description(services=[service], definitions={}))
