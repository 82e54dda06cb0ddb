"""Credit: how many item bytes may be on their way, for one call and direction (section 4).

Totals only ever rise, on both sides, so a CREDIT that is late or repeated does no harm. Only the start of an item
is checked: one item may overshoot the total, so that an item larger than the window still passes.
"""

from __future__ import annotations

from rpc.errors import ProtocolError, Reason

__all__ = ["Allowance", "Window"]

_OVERHEAD = 64
"""Bytes that each item is charged with beside its own, while it waits."""


class Allowance:
    """The sender's side: what the peer has granted.

    Attributes:
        total: item bytes granted since the call began.
        sent: item bytes sent or queued since the call began.
    """

    __slots__ = ("sent", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.sent = 0

    @property
    def is_open(self) -> bool:
        """Whether an item may be started."""
        return self.sent < self.total

    def raise_to(self, total: int) -> bool:
        """Take a CREDIT; gives whether it opens what was shut.

        Raises:
            ProtocolError: the total is lower than before.
        """
        if total < self.total:
            raise ProtocolError(f"CREDIT: the total fell from {self.total} to {total}", reason=Reason.CREDIT)
        was_open = self.is_open
        self.total = total
        return self.is_open and not was_open


class Window:
    """The receiver's side: what was granted to the peer, and how much of it has arrived and was consumed.

    Attributes:
        granted: the total that the peer knows of.
        received: item bytes that have arrived.
        consumed: item bytes that the application has taken.
        items: whole items that it has not.
    """

    __slots__ = ("consumed", "granted", "items", "received", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.granted = size
        self.received = 0
        self.consumed = 0
        self.items = 0

    @property
    def held(self) -> int:
        """What is held of the items that have arrived and were not taken, with what it costs to keep each apart."""
        return self.received - self.consumed + _OVERHEAD * self.items

    def start(self) -> None:
        """An item begins to arrive.

        Raises:
            ProtocolError: there was no credit for it.
        """
        if self.received >= self.granted:
            raise ProtocolError("an item was started without credit", reason=Reason.CREDIT)

    def add(self, size: int) -> None:
        """`size` bytes of an item have arrived."""
        self.received += size

    def take(self, size: int, count: int = 1) -> None:
        """So many whole items of `size` bytes each have arrived; raises as `start`, for the first of them."""
        self.start()
        self.received += size * count
        self.items += count

    def free(self, size: int) -> int:
        """How many items of `size` bytes there is credit for."""
        return max(0, -((self.received - self.granted) // size))

    def consume(self, size: int, count: int = 1) -> int | None:
        """The application took so many items, of `size` bytes in all; gives the total to grant, None where it is early.

        Half a window is the step: the sender is never starved, and CREDIT frames stay few.
        """
        self.consumed += size
        self.items -= count
        total = self.consumed + self.size
        if total - self.granted < self.size // 2:
            return None
        self.granted = total
        return total
