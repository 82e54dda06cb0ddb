"""`generate`: a whole module for the clients of a server."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from rpc.errors import ERROR_CLASSES
from rpc.generation.annotations import closure, references
from rpc.generation.classes import Classes
from rpc.generation.contracts import Contracts
from rpc.generation.imports import ARRAY, RESERVED, Imports
from rpc.generation.names import GenerationError, class_name, is_name, unique
from rpc.generation.text import Group, docstring, statement
from rpc.service.description import Description, ErrorDescription, ServiceDescription
from rpc.service.names import check_service_name
from rpc.wire.shapes import is_map

__all__ = ["MARK", "generate"]

MARK = "Written by ``rpc stub``"
"""What stands in every module that was generated, and by which it is known again."""

_MOST_PARTS = 10_000
"""Methods and classes, for each of which a page would be written that nobody reads."""

_SELF = ("rpc",)
"""Services that describe the server itself; `rpc` has them ready."""

_STATUSES = {f"rpc.{cls.__name__}": cls.__name__ for cls in ERROR_CLASSES.values()}

_ARRAY_LINES = (
    "if TYPE_CHECKING:",
    f"    {ARRAY}: TypeAlias = array[Any]",
    "else:",
    f"    {ARRAY} = array  # it takes no parameters before Python 3.12",
)

Exceptions: TypeAlias = dict[str, tuple[str, str]]
"""Where the exceptions are, and what they are called there, by their types."""


def generate(description: Description) -> str:
    """Write the Python module that a client of the described services imports.

    The same description gives the same text. Nothing in it is executed, and nothing in it can become code: names are
    checked, and everything else is written as literals.

    Raises:
        GenerationError: it describes nothing, or is damaged; the message says where.
    """
    services = [service for service in description.services if service.methods and service.name not in _SELF]
    if not services:
        raise GenerationError("no service with a method is described")
    needed = closure([attrs.asdict(service) for service in services], description.definitions)
    definitions = {name: description.definitions[name] for name in needed}
    parts = len(definitions) + sum(len(service.methods) for service in services)
    if parts > _MOST_PARTS:
        raise GenerationError(f"{parts} methods and classes are described, and {_MOST_PARTS} are the most")
    return _Module(services, definitions).text()


@attrs.define(init=False)
class _Module:
    """A module in the making: its own names, and what it imports."""

    services: Sequence[ServiceDescription]
    definitions: Mapping[str, Any]
    exceptions: Exceptions
    own_exceptions: dict[str, ErrorDescription]
    classes: dict[str, str]
    contracts: list[str]
    imports: Imports

    def __init__(self, services: Sequence[ServiceDescription], definitions: Mapping[str, Any]) -> None:
        self.services = services
        self.definitions = definitions
        self.exceptions, self.own_exceptions = _exceptions(services)
        taken = {*RESERVED, *self.own_exceptions, *_all_members(services, definitions)}
        self.classes = {}
        for key in definitions:
            self.classes[key] = unique(class_name(key), taken)
            taken.add(self.classes[key])
        self.contracts = []
        for service in services:
            check_name(service)
            self.contracts.append(unique(_camel_case(service.name), taken))
            taken.add(self.contracts[-1])
        self.imports = Imports([*self.own_exceptions, *self.classes.values(), *self.contracts])

    def text(self) -> str:
        """All of it."""
        classes = Classes(self.imports, self.classes, self.definitions)
        contracts = Contracts(self.imports, self.classes, self.definitions, self.exceptions)
        blocks = [classes.definition(key) for key in _in_order(self.definitions)]
        blocks += [classes.exception(name, error) for name, error in self.own_exceptions.items()]
        blocks += [contracts.contract(*pair) for pair in zip(self.contracts, self.services, strict=True)]
        names = sorted(f'"{name}"' for name in [*self.own_exceptions, *self.classes.values(), *self.contracts])
        head = [*self._docstring(), "", *self.imports.lines(), *statement(Group("__all__ = [", names, "]"))]
        head += ["", *_ARRAY_LINES] if self.imports.has_arrays else []
        return "\n".join([*head, *(line for block in blocks for line in ["", "", *block])]) + "\n"

    def _docstring(self) -> list[str]:
        names = [f"``{service.name}``" for service in self.services]
        what = f"service {names[0]}" if len(names) == 1 else f"services {', '.join(names[:-1])} and {names[-1]}"
        example = self.services[0].name.rpartition(".")[2]
        return docstring(
            f"The {what}, as the server describes {'it' if len(names) == 1 else 'them'}.\n\n"
            f"{MARK}: write it anew rather than change it. With a client that is connected::\n\n"
            f"    {example} = client.stub({self.contracts[0]})\n"
        )


def check_name(service: ServiceDescription) -> None:
    """Refuse a service whose name is none on the wire.

    Raises:
        GenerationError: it is none.
    """
    try:
        check_service_name(service.name)
    except ValueError as error:
        raise GenerationError(str(error)) from None


def _camel_case(name: str) -> str:
    """``my_shop.orders`` as a class: ``MyShopOrders``."""
    words = [word for word in re.split(r"[._]+", name) if word]
    return class_name("".join(word[0].upper() + word[1:] for word in words))


def _in_order(definitions: Mapping[str, Any]) -> list[str]:
    """The names of definitions: enums first, then each class behind those that it refers to, where that can be."""
    found = {key: None for key, schema in definitions.items() if is_map(schema) and schema.get("x-kind") == "enum"}
    for start in definitions:
        waiting = [(start, references(definitions[start]))]
        entered = {start}
        while waiting:
            key, others = waiting[-1]
            following = next((other for other in others if other in definitions and other not in entered), None)
            if following is None or key in found:
                found.setdefault(key)
                waiting.pop()
            else:
                entered.add(following)
                waiting.append((following, references(definitions[following])))
    return list(found)


def _all_members(services: Sequence[ServiceDescription], definitions: Mapping[str, Any]) -> set[str]:
    """What fields and methods are called: in the bodies of their classes they would hide classes of these names."""
    names = {method.name.rpartition(".")[2] for service in services for method in service.methods}
    for definition in definitions.values():
        properties = definition.get("properties") if is_map(definition) else None
        names.update(map(str, properties if is_map(properties) else ()))
    return names


def _exceptions(services: Sequence[ServiceDescription]) -> tuple[Exceptions, dict[str, ErrorDescription]]:
    """Where each exception is; and those that the module defines, by their names, which travel and cannot be changed.

    Raises:
        GenerationError: a name cannot be that of a class of this module.
    """
    found: Exceptions = {}
    own: dict[str, ErrorDescription] = {}
    members = {method.name.rpartition(".")[2] for service in services for method in service.methods}
    for service in services:
        for error in (error for method in service.methods for error in method.raises):
            name = error.type.removeprefix(f"{service.name}.")
            if error.type in _STATUSES:
                found[error.type] = ("rpc", _STATUSES[error.type])
            elif error.schema is None and _is_builtin_exception(name):
                found[error.type] = ("builtins", name)
            elif not is_name(name) or name in RESERVED or name in members:
                raise GenerationError(f"the exception {error.type!r} has a name that no class of a module can have")
            elif attrs.evolve(own.setdefault(name, error), type=error.type) != error:
                raise GenerationError(
                    f"two services have an exception {name}, and not the same one: write a module for each service"
                )
            else:
                found[error.type] = ("", name)
    return found, own


def _is_builtin_exception(name: str) -> bool:
    cls = getattr(builtins, name, None)
    return isinstance(cls, type) and issubclass(cls, Exception) and cls is not Exception
