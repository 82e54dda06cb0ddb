"""Describing services: from their handlers to a `Description`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import Parameter as Raw
from typing import Any

import attrs

from rpc.errors import Code
from rpc.service.declared import STATUSES
from rpc.service.description import (
    Description,
    ErrorDescription,
    MethodDescription,
    ParameterDescription,
    ServiceDescription,
)
from rpc.service.function import Kind
from rpc.service.handle import Handle
from rpc.service.json_schema import MISSING, REFERENCE, Schemas, own_doc, wire_form
from rpc.service.service import Service
from rpc.service.spelling import Taken, spell_signature, taken
from rpc.wire.shapes import is_list, is_map

__all__ = ["describe", "part_of"]


def describe(services: Sequence[Service]) -> Description:
    """Describe services as they are now: the same code gives the same description in every process."""
    schemas = Schemas()
    described = [
        ServiceDescription(
            name=service.name,
            doc=service.doc,
            methods=[_method(handle, schemas) for handle in service.handles.values()],
        )
        for service in services
    ]
    return Description(services=described, definitions=schemas.definitions)


def part_of(description: Description, name: str) -> Description | None:
    """What is said of one service, or of one method by its full name; None where there is none of that name."""
    for service in description.services:
        methods = [method for method in service.methods if name in (service.name, method.name)]
        if methods or name == service.name:
            return Description(
                services=[attrs.evolve(service, methods=methods)],
                definitions=_needed(methods, description.definitions),
            )
    return None


def _needed(methods: Sequence[MethodDescription], definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that the schemas of some methods name, and those that these name."""
    needed: set[str] = set()
    waiting = [name for method in methods for name in _named(attrs.asdict(method))]
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            waiting += _named(definitions[name])
    return {name: definition for name, definition in definitions.items() if name in needed}


def _named(value: Any) -> Iterator[str]:
    """The names of the definitions that something refers to, at any depth."""
    if is_map(value):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(REFERENCE)
        for inner in value.values():
            yield from _named(inner)
    elif is_list(value):
        for inner in value:
            yield from _named(inner)


def _method(handle: Handle, schemas: Schemas) -> MethodDescription:
    signature = handle.signature
    return MethodDescription(
        name=handle.name,
        kind=handle.kind.value,
        signature=spell_signature(handle),
        doc=handle.doc,
        parameters=[_parameter(parameter, schemas) for parameter in taken(signature)],
        result=schemas.of(signature.returns) if handle.kind is Kind.METHOD else None,
        items=None if signature.yields is None else schemas.of(signature.yields.annotation),
        raises=[_error(cls, handle.service, schemas) for cls in handle.raises],
        idempotent=handle.idempotent,
    )


def _parameter(parameter: Taken, schemas: Schemas) -> ParameterDescription:
    default = MISSING if parameter.default is Raw.empty else wire_form(parameter.default)
    return ParameterDescription(
        name=parameter.name,
        kind=parameter.kind,
        schema=schemas.of(parameter.annotation),
        required=parameter.required,
        default=None if default is MISSING else default,
        stream=parameter.stream,
    )


def _error(cls: type[Exception], service: str, schemas: Schemas) -> ErrorDescription:
    """A status, which travels by its code, is told as one of ``rpc``: the name that no service can have."""
    code = getattr(cls, "code", None)
    is_status = cls in STATUSES
    return ErrorDescription(
        type=f"{'rpc' if is_status else service}.{cls.__name__}",
        code=int(code if isinstance(code, Code) else Code.UNKNOWN),
        doc=own_doc(cls),
        schema=None if is_status else schemas.of_fields(cls),
    )
