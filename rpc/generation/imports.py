"""What a generated module imports: found as it is used, and named so that nothing hides it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rpc.generation.text import Group, statement

__all__ = ["RESERVED", "Imports"]

_WHOLE = ("attrs", "msgspec", "rpc")
"""Modules that are imported as such; of all others, names are."""

_OTHERS = ("attrs", "msgspec", "numpy", "numpy.typing", "rpc")
"""What does not come with Python."""

_SHORT = {"collections.abc": "abc", "datetime": "dt", "numpy.typing": "npt"}
"""What a module is called where one of its names is hidden; the others keep their own."""

NUMBERS = (
    *("float16", "float32", "float64", "complex64", "complex128", "bool_"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""The elements of arrays that can be told, as numpy calls them."""

ARRAY = "Array"
"""What a module calls an `array.array`: before Python 3.12 it takes no parameters, and checkers ask for some."""

_NAMES = {
    "array": ("array",),
    "builtins": (
        *("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "memoryview", "set", "str"),
        *("tuple", "Exception"),
    ),
    "collections.abc": ("AsyncIterable",),
    "contextlib": ("AbstractAsyncContextManager",),
    "dataclasses": ("dataclass", "field"),
    "datetime": ("UTC", "date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "enum": ("Enum",),
    "ipaddress": ("IPv4Address", "IPv4Interface", "IPv4Network", "IPv6Address", "IPv6Interface", "IPv6Network"),
    "numpy": NUMBERS,
    "numpy.typing": ("NDArray",),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath"),
    "typing": (
        *("TYPE_CHECKING", "Any", "Literal", "NamedTuple", "NotRequired", "Protocol", "TypeAlias", "TypedDict"),
    ),
    "uuid": ("UUID",),
}

RESERVED = frozenset(
    {name for names in _NAMES.values() for name in names}
    | {*_WHOLE, *_SHORT.values(), *(module for module in _NAMES if "." not in module), "annotations", ARRAY}
)
"""What no class of a generated module may be called."""


class Imports:
    """The imports of one module.

    Attributes:
        has_arrays: whether it needs the name that `array` gives.

    Args:
        own: the names that the module itself defines.
    """

    def __init__(self, own: Collection[str]) -> None:
        self.has_arrays = False
        self._own = own
        self._modules: set[tuple[str, str]] = set()
        self._names: dict[str, set[str]] = {}

    def use(self, module: str, name: str, hidden: Collection[str] = ()) -> str:
        """A name of a module as it is written in a scope where some names mean something else."""
        if module in _WHOLE:
            return f"{self._module(module, hidden)}.{name}"
        if name in hidden:
            return f"{self._module(_SHORT.get(module, module), hidden, module)}.{name}"
        if module != "builtins":
            self._names.setdefault(module, set()).add(name)
        return name

    def _module(self, wanted: str, hidden: Collection[str], module: str | None = None) -> str:
        alias = wanted
        while alias.partition(".")[0] in hidden or alias in self._own:
            alias += "_"
        self._modules.add((module or wanted, alias))
        return alias

    def array(self) -> str:
        """The name of `array.array`."""
        self.has_arrays = True
        for module, name in (
            ("array", "array"),
            ("typing", "Any"),
            ("typing", "TYPE_CHECKING"),
            ("typing", "TypeAlias"),
        ):
            self.use(module, name)
        return ARRAY

    def lines(self) -> list[str]:
        """The import statements, in the order that isort gives them."""
        modules = {module for module, _ in self._modules} | set(self._names)
        of_python = sorted(modules.difference(_OTHERS))
        others = sorted(modules.intersection(_OTHERS))
        blocks = [["from __future__ import annotations"], self._block(of_python), self._block(others)]
        return [line for block in blocks if block for line in [*block, ""]]

    def _block(self, modules: Iterable[str]) -> list[str]:
        modules = list(modules)
        lines: list[str] = []
        for module in modules:
            for alias in sorted(alias for used, alias in self._modules if used == module):
                lines.append(f"import {module}" if alias == module else f"import {module} as {alias}")
        for module in modules:
            if names := sorted(self._names.get(module, ()), key=_rank):
                flat = f"from {module} import {', '.join(names)}"
                lines += [flat] if len(flat) <= 88 else statement(Group(f"from {module} import (", names, ")"))
        return lines


def _rank(name: str) -> tuple[int, str]:
    """Constants first, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name
