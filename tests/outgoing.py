"""Calls in tasks of their own, and what became of them."""

from __future__ import annotations

from typing import Any

import trio

import rpc


class Calls:
    """Calls of one client.

    Attributes:
        ended: by the name that a call was given here: its result, its error, or "cancelled".
    """

    def __init__(self, client: rpc.Client, nursery: trio.Nursery) -> None:
        self.client = client
        self.nursery = nursery
        self.ended: dict[Any, Any] = {}

    def start(self, name: Any, *args: Any) -> trio.CancelScope:
        scope = trio.CancelScope()
        self.nursery.start_soon(self._call, scope, name, args)
        return scope

    async def _call(self, scope: trio.CancelScope, name: Any, args: Any) -> None:
        with scope:
            try:
                self.ended[name] = await self.client.call("far.method", *args)
            except rpc.Error as error:
                self.ended[name] = error
        if scope.cancelled_caught:
            self.ended[name] = "cancelled"
