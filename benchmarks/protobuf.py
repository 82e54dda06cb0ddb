"""The messages that gRPC carries: what protoc would make of a file, made without it; they are as quick."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["Messages", "messages"]

_INT, _DOUBLE, _BOOL, _TEXT, _BYTES, _MESSAGE = 3, 1, 8, 9, 12, 11
_ONE, _MANY = 1, 3


class Messages(NamedTuple):
    """Classes of protobuf messages."""

    Pair: Any
    Number: Any
    Data: Any
    Blocks: Any
    Record: Any
    Records: Any
    Empty: Any


@cache
def messages() -> Messages:
    descriptors: Any = import_module("google.protobuf.descriptor_pb2")
    pools: Any = import_module("google.protobuf.descriptor_pool")
    factory: Any = import_module("google.protobuf.message_factory")
    file = descriptors.FileDescriptorProto(name="calc.proto", package="calc", syntax="proto3")
    _add(file, "Pair", a=_INT, b=_INT)
    _add(file, "Number", value=_INT)
    _add(file, "Data", data=_BYTES)
    _add(file, "Blocks", count=_INT, size=_INT)
    record = _add(file, "Record", id=_INT, name=_TEXT, active=_BOOL, position=_DOUBLE)
    record.field[3].label = _MANY
    records = _add(file, "Records", records=_MESSAGE)
    records.field[0].label = _MANY
    records.field[0].type_name = ".calc.Record"
    _add(file, "Empty")
    pool = pools.DescriptorPool()
    pool.Add(file)
    return Messages(
        **{
            each.name: factory.GetMessageClass(pool.FindMessageTypeByName(f"calc.{each.name}"))
            for each in file.message_type
        }
    )


def _add(file: Any, name: str, /, **fields: int) -> Any:
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        message.field.add(name=field, number=number, type=kind, label=_ONE)
    return message
