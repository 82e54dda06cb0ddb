"""The records of calls: one object for one call at one side, in the session's tables and in its events."""

from __future__ import annotations

from typing import Any, TypeAlias

from rpc.session.credit import Allowance, Window
from rpc.session.states import CALLEE_STEPS, CALLER_STEPS, ENDING, GATHERING, OPEN, QUEUED, Step
from rpc.wire import frames
from rpc.wire.gathering import Arrived, Parts

__all__ = ["Incoming", "Outgoing", "Record"]


class Outgoing:
    """A call that this side makes.

    Attributes:
        id: its number on the wire.
        method: its wire name.
        state: see `rpc.session.states`.
        flags: of its CALL.
        places: where its frames stand in the outgoing queue, until the first is taken.
        parts: fragments of a payload that is still arriving.
        reply_begun: whether those are parts of the REPLY (else of an item).
        items_out: what may be sent to the callee; None unless the call SENDS.
        items_in: what may come from the callee; None unless the call TAKES.
        sent_end: whether the caller's items have ended.
        wants_end: whether a call that was given up is still to tell of its end.
        owner, stream: for the connection alone; the session never reads them.
    """

    __slots__ = (
        "flags",
        "id",
        "items_in",
        "items_out",
        "method",
        "owner",
        "parts",
        "places",
        "reply_begun",
        "sent_end",
        "state",
        "stream",
        "wants_end",
    )

    def __init__(self, id: int, method: str, flags: int) -> None:
        self.id = id
        self.method = method
        self.flags = flags
        self.state = QUEUED
        self.places: list[int] = []
        self.parts: Parts | None = None
        self.reply_begun = False
        self.items_out: Allowance | None = None
        self.items_in: Window | None = None
        self.sent_end = not flags & frames.SENDS
        self.wants_end = False
        self.owner: Any = None
        self.stream: Any = None

    @property
    def is_between_items(self) -> bool:
        """Whether what comes next may be an item, or its first fragment."""
        return self.state is OPEN and self.items_in is not None and self.parts is None and not self.reply_begun

    @property
    def held(self) -> int:
        """Bytes that have arrived for it and were not taken."""
        held = self.parts.held if self.parts is not None and self.reply_begun else 0
        return held if self.items_in is None else held + self.items_in.held

    def step(self, step: Step) -> None:
        self.state = CALLER_STEPS[self.state][step]

    def __repr__(self) -> str:
        return f"<call {self.id} to {self.method} {self.state.name.lower()}>"


class Incoming:
    """A call that the peer makes.

    Attributes:
        id, method, flags, metadata: as in its CALL; `timeout` is what was left in milliseconds, None for no deadline.
        payload: its arguments, once it is whole; whoever takes them may empty it.
        size: their bytes.
        state: see `rpc.session.states`.
        parts: fragments of a payload that is still arriving.
        items_in: what may come from the caller; None unless the call SENDS.
        items_out: what may be sent to the caller; None unless the call TAKES.
        got_end: whether the caller's items have ended.
        owner, stream: for the connection alone; the session never reads them.
    """

    __slots__ = (
        "flags",
        "got_end",
        "id",
        "items_in",
        "items_out",
        "metadata",
        "method",
        "owner",
        "parts",
        "payload",
        "size",
        "state",
        "stream",
        "timeout",
    )

    def __init__(
        self, id: int, flags: int, method: str, timeout: int | None, metadata: dict[int | str, Any] | None
    ) -> None:
        self.id = id
        self.flags = flags
        self.method = method
        self.timeout = timeout
        self.metadata = metadata
        self.payload: Arrived = b""
        self.size = 0
        self.state = GATHERING
        self.parts: Parts | None = None
        self.items_in: Window | None = None
        self.items_out: Allowance | None = None
        self.got_end = not flags & frames.SENDS
        self.owner: Any = None
        self.stream: Any = None

    @property
    def is_between_items(self) -> bool:
        """Whether what comes next may be an item, or its first fragment."""
        return self.state is OPEN and self.items_in is not None and self.parts is None and not self.got_end

    @property
    def held(self) -> int:
        """Bytes that have arrived for it and are in use: arguments, and items that were not taken."""
        if self.state is GATHERING:
            return self.parts.held if self.parts is not None else 0
        if self.state is ENDING:
            return 0
        return self.size if self.items_in is None else self.size + self.items_in.held

    def step(self, step: Step) -> None:
        self.state = CALLEE_STEPS[self.state][step]

    def __repr__(self) -> str:
        return f"<call {self.id} of {self.method} {self.state.name.lower()}>"


Record: TypeAlias = Outgoing | Incoming
