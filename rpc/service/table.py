"""The exact-name table of handlers: the only way in."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rpc.service.handle import Handle
from rpc.service.service import Service

__all__ = ["Table"]


class Table:
    """All handlers of one server, by their full wire names.

    Raises:
        ValueError: two services have the same name.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = tuple(services)
        self._handles: dict[str, Handle] = {}
        names: set[str] = set()
        for service in self.services:
            if service.name in names:
                raise ValueError(f"two services are named {service.name!r}")
            names.add(service.name)
            self._handles.update(service.handles)

    def find(self, name: str) -> Handle | None:
        """The handler of this name, or None."""
        return self._handles.get(name)

    def near(self, name: str) -> list[str]:
        """At most three names that look like this one, the nearest first."""
        return difflib.get_close_matches(name[:255], self._handles)
