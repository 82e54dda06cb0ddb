"""A description is a peer's: whatever it says, what is generated from it has nothing in it that was not foreseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpc.generation.module import generate
from rpc.generation.names import GenerationError
from rpc.service.convert import Misfit
from rpc.service.describing import describe
from rpc.service.description import Description, ErrorDescription
from rpc.service.msgspec_converter import MsgspecConverter
from rpc.wire.payload import decode, encode
from tests.generated import described, foreign, imported, method, parameter
from tests.shapes import MODULE, second, shapes

CODE = [
    '"""\nimport os\nos.system("true")\n"""',
    "'''\nimport os",
    "x\nimport os\n",
    "x: int = print()",
    '"); import os  #',
    "', __import__('os'))  #",
    '\\"""',
    "\\",
    '"',
    "{__import__('os')}",
    "\r\nimport os",
    "\u2028import os",
    "\u202e\u2066",
    "\0",
]
"""Text that would be code where it is not quoted, or ends what it stands in."""

NAMES = [
    *(
        "",
        " ",
        "a b",
        "a.b",
        "1a",
        "import",
        "None",
        "class",
        "self",
        "_self",
        "__class__",
        "__init__",
        "__x",
        "mro",
        "name",
    ),
    *(
        "int",
        "list",
        "object",
        "rpc",
        "attrs",
        "Any",
        "Protocol",
        "Enum",
        "datetime",
        "Exception",
        "Array",
        "print",
        "_",
    ),
    *(
        "\uff49\uff4e\uff54",
        "café",
        "cafe\u0301",
        "a" * 5000,
        "calc.import",
        "rpc.NotFound",
        "calc.ValueError",
        "calc.SystemExit",
    ),
    *(
        "#/$defs/Node",
        "#/$defs/nobody",
        "enum",
        "struct",
        "typeddict",
        "namedtuple",
        "datetime",
        "set",
        "object",
        "array",
    ),
]
"""Names that are none, or that mean something else where they would stand."""

VALUES: list[Any] = [None, True, 0, -1, 1.5, float("nan"), 2**500, b"x", [], [[]], {}, {"a": 1}, {1: 2}, 2**64]

plain: Any = decode(encode(describe([shapes, second])))
reader = MsgspecConverter().reader(Description)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside of a value: what holds it, and its key there."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@given(data=st.data())
@settings(max_examples=150)
def test_whatever_is_said_nothing_foreign_is_written(data: st.DataObject) -> None:
    said = decode(encode(plain))
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(said))
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        word = data.draw(st.sampled_from([*CODE, *NAMES, *VALUES]))
        if isinstance(holder, dict) and isinstance(word, str) and data.draw(st.booleans()):
            holder[word] = holder.pop(key)
        else:
            holder[key] = word
    try:
        description = reader(said)
        text = generate(description)
    except (Misfit, GenerationError):
        return
    assert foreign(text) == []
    compile(text, "generated", "exec")


@pytest.mark.parametrize("word", CODE)
def test_code_in_every_text(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    definitions = {
        "Node": {
            "x-kind": "attrs",
            "title": word,
            "description": word,
            "type": "object",
            "properties": {"a": {"type": "string", "default": word, "title": word}},
            "required": [],
        },
        "Level": {"x-kind": "enum", "description": word, "enum": [word], "x-names": [word]},
        "Keys": {"x-kind": "typeddict", "type": "object", "properties": {word: {"type": "string"}}, "required": []},
        "Tagged": {"x-kind": "struct", "type": "object", "properties": {word: {"const": word}}, "required": [word]},
        word: {"x-kind": "namedtuple", "type": "array", "properties": {word: {"enum": [word]}}, "required": [word]},
    }
    references = [parameter(f"p{number}", {"$ref": f"#/$defs/{name}"}) for number, name in enumerate(definitions)]
    default = parameter("z", {"type": "string", "title": word}, required=False, default=word)
    error = ErrorDescription(type="calc.Broken", code=2, doc=word, schema=None)
    text = generate(
        described(
            method("calc.add", *references, default, doc=word, signature=word, raises=[error]), doc=word, **definitions
        )
    )
    assert foreign(text) == []
    module: Any = imported(text, monkeypatch)
    assert module.Node().a == word
    assert [member.value for member in module.Level] == [word]
    assert list(module.Keys.__annotations__) == [word]


def test_the_judge_finds_what_is_foreign() -> None:
    good = MODULE.read_text()
    assert foreign(good) == []
    for bad in (
        "import os",
        "print()",
        "x = eval",
        "for x in y: pass",
        "class X:\n    a: int = __import__('os')",
        "x.__class__",
    ):
        assert foreign(f"{good}\n{bad}\n") != []
