"""What the tests of generation share: descriptions in a few words, and a judge of what was generated."""

from __future__ import annotations

import ast
import builtins
import sys
from types import ModuleType
from typing import Any

import pytest

from rpc.generation.module import generate
from rpc.service.description import Description, MethodDescription, ParameterDescription, ServiceDescription

__all__ = ["described", "foreign", "imported", "method", "parameter", "text_of"]


def parameter(name: str = "a", schema: dict[str, Any] | None = None, **more: Any) -> ParameterDescription:
    """A parameter of an int, or of some schema, that is required."""
    options: dict[str, Any] = {"kind": "either", "required": True, "schema": schema or {"type": "integer"}, **more}
    return ParameterDescription(name=name, **options)


def method(name: str = "calc.add", *parameters: ParameterDescription, **more: Any) -> MethodDescription:
    """A method that gives None."""
    options: dict[str, Any] = {
        "kind": "method",
        "signature": "",
        "doc": "",
        "result": {"type": "null"},
        "items": None,
        "raises": [],
        "idempotent": False,
        **more,
    }
    return MethodDescription(name=name, parameters=list(parameters), **options)


def described(*methods: MethodDescription, doc: str = "", **definitions: Any) -> Description:
    """One service, and the classes that its schemas name."""
    name = methods[0].name.rpartition(".")[0] if methods else "calc"
    return Description(
        services=[ServiceDescription(name=name, doc=doc, methods=list(methods))], definitions=definitions
    )


def text_of(*methods: MethodDescription, doc: str = "", **definitions: Any) -> str:
    """The module of one service, from where its own classes begin."""
    text = generate(described(*methods, doc=doc, **definitions))
    return text[text.index("\n\n\n") + 3 :]


_HARMLESS = (
    *(ast.Module, ast.Expr, ast.Import, ast.ImportFrom, ast.alias, ast.Assign, ast.AnnAssign, ast.ClassDef, ast.If),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.arguments, ast.arg, ast.keyword, ast.Lambda, ast.Load, ast.Store),
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.BitOr, ast.UnaryOp, ast.USub),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict),
)
_MODULES = {
    *(
        "__future__",
        "array",
        "attrs",
        "builtins",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
        "decimal",
    ),
    *("enum", "ipaddress", "msgspec", "numpy", "numpy.typing", "pathlib", "rpc", "typing", "uuid"),
}
_BUILTINS = {
    *("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "memoryview", "set", "str", "tuple"),
    *(name for name, cls in vars(builtins).items() if isinstance(cls, type) and issubclass(cls, Exception)),
}


def foreign(text: str) -> list[str]:
    """What stands in a generated module and could not have been written by its author: statements, names, modules."""
    tree = ast.parse(text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {name.name for node in imports if isinstance(node, ast.Import) for name in node.names}
    modules |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    imported = {(name.asname or name.name).partition(".")[0] for node in imports for name in node.names}
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    own |= {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    own |= {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    known = imported | own | _BUILTINS
    found = [ast.dump(node) for node in ast.walk(tree) if not isinstance(node, _HARMLESS)]
    found += sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - known)
    found += sorted(modules - _MODULES)
    found += [
        ast.dump(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and not (isinstance(node.value, ast.Constant))
    ]
    found += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("__")]
    return found + [repr(character) for character in set(text) if not (character.isprintable() or character == "\n")]


def imported(text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of this text; only of what the judge has found harmless."""
    module = ModuleType("generated")
    monkeypatch.setitem(sys.modules, "generated", module)
    exec(compile(text, "generated", "exec"), vars(module))
    return module
