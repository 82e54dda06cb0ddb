"""The exact-name table of handlers: the only way in."""

from __future__ import annotations

import types
from collections.abc import Sequence

from rpc.service.handle import Entering, Handle, Method, Notification, Streaming
from rpc.service.near import near
from rpc.service.service import Service

__all__ = ["Table"]


class Table:
    """The handlers that some services have now, by their full wire names.

    Attributes:
        services: as they were given.

    Raises:
        TypeError: one of them is no service.
        ValueError: two services have the same name.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = tuple(services)
        self._handles: dict[str, Handle] = {}
        names: set[str] = set()
        for service in self.services:
            _check(service)
            if service.name in names:
                raise ValueError(f"two services are named {service.name!r}: give one of them another name")
            names.add(service.name)
            self._handles.update(service.handles)

    def __repr__(self) -> str:
        return f"<Table: {', '.join(self._handles) or 'nothing'}>"

    def find(self, name: str) -> Handle | None:
        """The handler of exactly this name, or None."""
        return self._handles.get(name)

    def near(self, name: str) -> list[str]:
        """At most three names that look like this one, the nearest first: for the error of a misspelt one."""
        return near(name, self._handles)


def _check(service: object) -> None:
    """Refuse what is no service, saying what to give in its place."""
    if isinstance(service, Service):
        return
    if isinstance(service, Method | Streaming | Entering | Notification):
        raise TypeError(f"{service!r} is no service: give the rpc.Service that it was registered with")
    if isinstance(service, types.ModuleType):
        raise TypeError(f"the module {service.__name__} is no service: give the rpc.Service in it")
    if isinstance(service, str):
        raise TypeError(f"{service!r} is no service: give an rpc.Service first, and the address behind it")
    raise TypeError(f"{service!r} is no service: give an rpc.Service, or several in a list")
