"""The exact-name table of handlers: the only way in."""

from __future__ import annotations

from collections.abc import Sequence

from rpc.service.handle import Handle
from rpc.service.near import near
from rpc.service.service import Service

__all__ = ["Table"]


class Table:
    """The handlers that some services have now, by their full wire names.

    Attributes:
        services: as they were given.

    Raises:
        ValueError: two services have the same name.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = tuple(services)
        self._handles: dict[str, Handle] = {}
        names: set[str] = set()
        for service in self.services:
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
