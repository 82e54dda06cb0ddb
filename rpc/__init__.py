"""triorpc: calls between processes, with trio's cancellation and deadlines.

The public names are resolved on first use (PEP 562), so that ``import rpc`` is quick and what does not need trio
does not import it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rpc import blocking as blocking
    from rpc import testing as testing
    from rpc.address import Address as Address
    from rpc.client.client import Client as Client
    from rpc.client.connect import connect as connect
    from rpc.client.notifier import Notifier as Notifier
    from rpc.client.notifier import notifier as notifier
    from rpc.client.process import connect_process as connect_process
    from rpc.client.stub import Stub as Stub
    from rpc.errors import Aborted as Aborted
    from rpc.errors import AlreadyExists as AlreadyExists
    from rpc.errors import Cancelled as Cancelled
    from rpc.errors import Code as Code
    from rpc.errors import DataLoss as DataLoss
    from rpc.errors import DeadlineExceeded as DeadlineExceeded
    from rpc.errors import Error as Error
    from rpc.errors import FailedPrecondition as FailedPrecondition
    from rpc.errors import Internal as Internal
    from rpc.errors import InvalidArgument as InvalidArgument
    from rpc.errors import NotFound as NotFound
    from rpc.errors import OutOfRange as OutOfRange
    from rpc.errors import PermissionDenied as PermissionDenied
    from rpc.errors import Processed as Processed
    from rpc.errors import ProtocolError as ProtocolError
    from rpc.errors import Reason as Reason
    from rpc.errors import RemoteError as RemoteError
    from rpc.errors import ResourceExhausted as ResourceExhausted
    from rpc.errors import Unauthenticated as Unauthenticated
    from rpc.errors import Unavailable as Unavailable
    from rpc.errors import Unimplemented as Unimplemented
    from rpc.limits import Limits as Limits
    from rpc.net.tls import client_tls as client_tls
    from rpc.net.tls import server_tls as server_tls
    from rpc.peer import Peer as Peer
    from rpc.server.authentication import tokens as tokens
    from rpc.server.health import Health as Health
    from rpc.server.serve import run as run
    from rpc.server.serve import serve as serve
    from rpc.server.stdio import serve_stdio as serve_stdio
    from rpc.service.cattrs_converter import CattrsConverter as CattrsConverter
    from rpc.service.context import Caller as Caller
    from rpc.service.context import Context as Context
    from rpc.service.contract import contract as contract
    from rpc.service.convert import Converter as Converter
    from rpc.service.convert import Misfit as Misfit
    from rpc.service.handle import Entering as Entering
    from rpc.service.handle import Method as Method
    from rpc.service.handle import Notification as Notification
    from rpc.service.handle import Streaming as Streaming
    from rpc.service.items import each as each
    from rpc.service.marks import method as method
    from rpc.service.marks import notification as notification
    from rpc.service.register import register_type as register_type
    from rpc.service.service import Service as Service
    from rpc.service.stream import Stream as Stream
    from rpc.wire.payload import EncodeError as EncodeError

_HOMES = {
    "rpc.address": ("Address",),
    "rpc.client.client": ("Client",),
    "rpc.client.connect": ("connect",),
    "rpc.client.notifier": ("Notifier", "notifier"),
    "rpc.client.process": ("connect_process",),
    "rpc.client.stub": ("Stub",),
    "rpc.errors": (
        "Aborted",
        "AlreadyExists",
        "Cancelled",
        "Code",
        "DataLoss",
        "DeadlineExceeded",
        "Error",
        "FailedPrecondition",
        "Internal",
        "InvalidArgument",
        "NotFound",
        "OutOfRange",
        "PermissionDenied",
        "Processed",
        "ProtocolError",
        "Reason",
        "RemoteError",
        "ResourceExhausted",
        "Unauthenticated",
        "Unavailable",
        "Unimplemented",
    ),
    "rpc.limits": ("Limits",),
    "rpc.net.tls": ("client_tls", "server_tls"),
    "rpc.peer": ("Peer",),
    "rpc.server.authentication": ("tokens",),
    "rpc.server.health": ("Health",),
    "rpc.server.serve": ("run", "serve"),
    "rpc.server.stdio": ("serve_stdio",),
    "rpc.service.cattrs_converter": ("CattrsConverter",),
    "rpc.service.context": ("Caller", "Context"),
    "rpc.service.convert": ("Converter", "Misfit"),
    "rpc.service.contract": ("contract",),
    "rpc.service.handle": ("Entering", "Method", "Notification", "Streaming"),
    "rpc.service.items": ("each",),
    "rpc.service.register": ("register_type",),
    "rpc.service.marks": ("method", "notification"),
    "rpc.service.service": ("Service",),
    "rpc.service.stream": ("Stream",),
    "rpc.wire.payload": ("EncodeError",),
}

_PACKAGES = ("blocking", "testing")

_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_MODULES, *_PACKAGES])  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # to type checkers, a name that is not in the block above does not exist

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            value = getattr(importlib.import_module(_MODULES[name]), name)
        elif name in _PACKAGES:
            value = importlib.import_module(f"rpc.{name}")
        else:
            raise AttributeError(f"module 'rpc' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
