"""Services as contracts: a Protocol class for each, whose methods a client calls and a checker knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from rpc.generation.annotations import Annotations, closure, definition_of, unions
from rpc.generation.classes import body
from rpc.generation.defaults import Defaults, Freshness
from rpc.generation.fields import tag_of
from rpc.generation.imports import Imports
from rpc.generation.names import GenerationError, is_name
from rpc.generation.text import Group, Item, docstring, indented, literal, statement
from rpc.service.description import ErrorDescription, MethodDescription, ParameterDescription, ServiceDescription
from rpc.service.names import full_name
from rpc.wire.shapes import is_map

__all__ = ["Contracts"]

_MOST_OF_A_DEFAULT = 60
"""Characters of a default that are worth reading in the head of a method."""

_ORDER = ("positional", "either", "rest", "named", "extra")
_STARS = {"rest": "*", "extra": "**"}


def short_name(method: MethodDescription) -> str:
    """The name of a method within its service."""
    return method.name.rpartition(".")[2]


@attrs.frozen
class Contracts:
    """Writes contracts.

    Attributes:
        imports: of the module.
        names: the classes of the module, by the names of their definitions.
        definitions: of the description.
        exceptions: where the classes of declared exceptions are, and what they are called there, by their types; in
            the module itself where that is empty.
    """

    imports: Imports
    names: Mapping[str, str]
    definitions: Mapping[str, Any]
    exceptions: Mapping[str, tuple[str, str]]

    def contract(self, name: str, service: ServiceDescription) -> list[str]:
        """The lines of the contract of a service.

        Raises:
            GenerationError: it is damaged.
        """
        members = _members(service)
        scope = Annotations(self.imports, self.names, frozenset(members))
        lines: list[str] = []
        for member, method in members.items():
            try:
                lines += ["", *self._method(scope, member, method)]
            except GenerationError as error:
                raise GenerationError(f"the method {method.name!r}: {error}") from None
        converter = f", converter={self.imports.use('rpc', 'CattrsConverter')}()" if self._needs_cattrs(service) else ""
        decorator = f"@{self.imports.use('rpc', 'contract')}({literal(service.name)}{converter})"
        head = f"class {name}({self.imports.use('typing', 'Protocol')}):"
        return [decorator, *body([head], service.doc, lines[1:])]

    def _needs_cattrs(self, service: ServiceDescription) -> bool:
        """Whether a value may be of one of several classes that their fields alone tell apart."""
        needed = [self.definitions[name] for name in closure([attrs.asdict(service)], self.definitions)]
        return any(len(self._untagged(union)) > 1 for union in unions([attrs.asdict(service), *needed]))

    def _untagged(self, union: list[Any]) -> set[str]:
        names = {name for member in union if (name := definition_of(member)) is not None}
        classes = ((name, self.definitions.get(name)) for name in names)
        return {name for name, cls in classes if is_map(cls) and cls.get("x-kind") != "enum" and tag_of(cls) is None}

    def _method(self, scope: Annotations, name: str, method: MethodDescription) -> list[str]:
        _check_parameters(method.parameters)
        doc = docstring(method.doc)
        is_awaited = method.kind in ("method", "notification")
        result, end = self._result(scope, method), ":" if doc else ": ..."
        head = Group(f"{'async ' * is_awaited}def {name}(", self._parameters(scope, method), f") -> {result}{end}")
        last = ["..."] if doc else []
        return [*self._mark(scope, name, method), *statement(head, depth=1), *indented([*doc, *last])]

    def _result(self, scope: Annotations, method: MethodDescription) -> str:
        if method.kind == "notification":
            return "None"
        if method.kind == "method":
            return scope.of(method.result)
        items = scope.of(method.items)
        if method.kind == "streaming":
            return f"{scope.use('rpc', 'Stream')}[{items}]"
        return f"{scope.use('contextlib', 'AbstractAsyncContextManager')}[{items}]"

    def _mark(self, scope: Annotations, name: str, method: MethodDescription) -> list[str]:
        """The decorator that says what the signature does not."""
        is_notification = method.kind == "notification"
        marks: list[Item] = [] if name == short_name(method) else [f"name={literal(short_name(method))}"]
        if method.raises and not is_notification:
            raises = dict.fromkeys(self._exception(scope, error) for error in method.raises)
            marks.append(Group("raises=[", list(raises), "]"))
        if method.idempotent and method.kind in ("method", "streaming"):
            marks.append("idempotent=True")
        decorator = f"@{scope.use('rpc', 'notification' if is_notification else 'method')}"
        if marks:
            return statement(Group(f"{decorator}(", marks, ")"), depth=1)
        return [decorator] if is_notification else []

    def _exception(self, scope: Annotations, error: ErrorDescription) -> str:
        home, name = self.exceptions[error.type]
        return scope.use(home, name) if home else name

    def _parameters(self, scope: Annotations, method: MethodDescription) -> list[str]:
        own = "self" if all(parameter.name != "self" for parameter in method.parameters) else "_self"
        texts, before = [own], ""
        for parameter in method.parameters:
            if before == "positional" and parameter.kind != "positional":
                texts.append("/")
            if parameter.kind == "named" and before not in ("named", "rest"):
                texts.append("*")
            texts.append(self._parameter(scope, parameter))
            before = parameter.kind
        return [*texts, "/"] if before == "positional" else texts

    def _parameter(self, scope: Annotations, parameter: ParameterDescription) -> str:
        annotation = scope.of(parameter.schema)
        if parameter.stream:
            annotation = f"{scope.use('collections.abc', 'AsyncIterable')}[{annotation}]"
        text = f"{_STARS.get(parameter.kind, '')}{parameter.name}: {annotation}"
        if parameter.required or parameter.kind in _STARS:
            return text
        return f"{text} = {self._default(scope, parameter)}"

    def _default(self, scope: Annotations, parameter: ParameterDescription) -> str:
        """What stands for the server's default, which nobody sends: an ellipsis where that is no constant, or long."""
        found = Defaults(scope, self.definitions).of(parameter.schema, parameter.default)
        if found is None or found.freshness > Freshness.CONSTANT or len(found.text) > _MOST_OF_A_DEFAULT:
            return "..."
        return found.text


def _members(service: ServiceDescription) -> dict[str, MethodDescription]:
    """The methods of a service by what they are called in its contract, where some names are none.

    Raises:
        GenerationError: a name is none on the wire either.
    """
    members: dict[str, MethodDescription] = {}
    for method in service.methods:
        name = short_name(method)
        try:
            valid = full_name(service.name, name) == method.name
        except ValueError:
            valid = False
        if not valid:
            raise GenerationError(f"the service {service.name!r} has a method of the name {method.name!r}")
        member = name.lstrip("_") or "method"
        while not is_name(member) or member in members:
            member = f"method_{member}" if member[0].isdigit() else f"{member}_"
        members[member] = method
    return members


def _check_parameters(parameters: Sequence[ParameterDescription]) -> None:
    """Refuse what no function in Python has.

    Raises:
        GenerationError: these are no parameters of a function.
    """
    names = [parameter.name for parameter in parameters]
    for name in names:
        if not is_name(name):
            raise GenerationError(f"its parameter {name!r} has a name that cannot stand in a class")
    kinds = [_ORDER.index(parameter.kind) for parameter in parameters]
    required = [parameter.required for parameter in parameters if parameter.kind in _ORDER[:2]]
    stars = [parameter.kind for parameter in parameters if parameter.kind in _STARS]
    if (
        kinds != sorted(kinds)
        or required != sorted(required, reverse=True)
        or len(set(names)) < len(names)
        or len(set(stars)) < len(stars)
    ):
        raise GenerationError("its parameters are in an order, or have names, that no function has")
