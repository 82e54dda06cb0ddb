"""Placing: a fragment of a payload is read to where the payload is gathered, and not copied there.

Only the first one is: it says how much there will be. For an argument of 1 MiB the receiver spends 0.4 ms in place of
0.8 (measured).
"""

from __future__ import annotations

from collections.abc import Mapping

from rpc.session.calls import Record
from rpc.wire.by_hand import long_head
from rpc.wire.frames import DATA
from rpc.wire.framing import Room
from rpc.wire.gathering import Filled
from rpc.wire.payload import Buffer

__all__ = ["Placing"]


class Placing:
    """Knows where the payload of a large frame goes that has only begun.

    Args:
        parity: of the ids of this side's calls.
        mine: this side's calls.
        theirs: the peer's.
    """

    __slots__ = ("_mine", "_parity", "_theirs")

    def __init__(self, parity: int, mine: Mapping[int, Record], theirs: Mapping[int, Record]) -> None:
        self._parity = parity
        self._mine = mine
        self._theirs = theirs

    def __call__(self, begun: Buffer, size: int) -> Room | None:
        """The place for the payload, where it is a fragment, and not the first, of one that is being gathered."""
        head = long_head(begun, size)
        if head is None or head[0][0] != DATA:
            return None
        fields, start = head
        record = (self._mine if fields[1] & 1 == self._parity else self._theirs).get(fields[1])
        if record is None or record.parts is None:
            return None
        place = record.parts.room(size - start)
        if place is None:
            return None
        fields[3] = Filled(len(place))
        return fields, start, place
