"""What a server tells of its services: methods, signatures, schemas, errors, as values that travel.

Schemas are JSON Schema, 2020-12. Classes stand in `Description.definitions`, and schemas name them with
``{"$ref": "#/$defs/Name"}``. What JSON Schema cannot tell stands in ``"x-python"``, ``"x-kind"`` and ``"x-names"``.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

__all__ = [
    "Description",
    "ErrorDescription",
    "MethodDescription",
    "ParameterDescription",
    "ServiceDescription",
]


@attrs.frozen(kw_only=True)
class ParameterDescription:
    """One parameter that a caller may give an argument for.

    Attributes:
        name: as the function has it.
        kind: ``positional`` only, ``either`` by position or by name, ``named`` only, the ``rest`` (``*args``), or
            ``extra`` ones by name (``**kwargs``).
        schema: of one argument; of one item, where it is a stream.
        required: whether a call without it is refused.
        default: in its form on the wire, where it is not required and the default can travel.
        stream: whether it takes the caller's stream of items.
    """

    name: str
    kind: Literal["positional", "either", "named", "rest", "extra"]
    schema: dict[str, Any]
    required: bool
    default: Any = None
    stream: bool = False


@attrs.frozen(kw_only=True)
class ErrorDescription:
    """An exception class that travels as itself.

    Attributes:
        type: its name on the wire, ``service.ClassName``.
        code: the status of its errors.
        doc: its docstring.
        schema: of its fields; None where it is made of an array of arguments.
    """

    type: str
    code: int
    doc: str
    schema: dict[str, Any] | None


@attrs.frozen(kw_only=True)
class MethodDescription:
    """One name that a peer may call.

    Attributes:
        name: its full name on the wire.
        kind: how it is called: a ``method`` with one result, a ``streaming`` one, a ``notification`` that is never
            answered, a ``context`` that is entered and left.
        signature: as a person would write it, ``(a: int, b: int = 0) -> int``.
        doc: its docstring.
        parameters: in the order of the function.
        result: the schema of what a method returns; None for other kinds.
        items: the schema of the items of a stream, or of the value of a context; None for other kinds.
        raises: the exceptions that it declares.
        idempotent: whether a call that may have run may be made again.
    """

    name: str
    kind: Literal["method", "streaming", "notification", "context"]
    signature: str
    doc: str
    parameters: list[ParameterDescription]
    result: dict[str, Any] | None
    items: dict[str, Any] | None
    raises: list[ErrorDescription]
    idempotent: bool


@attrs.frozen(kw_only=True)
class ServiceDescription:
    """One service, with its methods in the order of their registration."""

    name: str
    doc: str
    methods: list[MethodDescription]


@attrs.frozen(kw_only=True)
class Description:
    """Everything that is described.

    Attributes:
        services: in the order in which they are served.
        definitions: the classes that the schemas name, by name: their ``$defs``.
    """

    services: list[ServiceDescription]
    definitions: dict[str, Any]
