"""What the two halves of a session, caller and callee, share: settings, the outbox, and the bounds on both."""

from __future__ import annotations

from rpc import limits as numbers
from rpc.errors import Error, Internal, InvalidArgument, Processed, ProtocolError, Reason, ResourceExhausted
from rpc.limits import Limits
from rpc.session.budget import Budget, Share
from rpc.session.calls import Incoming, Outgoing, Record
from rpc.session.outbox import Outbox, size_of
from rpc.session.states import GIVEN_UP, OPEN
from rpc.wire.frames import credit
from rpc.wire.gathering import Arrived, Filled, Parts, arrived
from rpc.wire.hello import Settings
from rpc.wire.payload import Buffer, Payload

__all__ = ["Shared"]

_LEAST = Settings()
"""What every peer accepts."""


class Shared:
    """The common ground of a `Caller` and a `Callee`.

    Attributes:
        limits: what this side accepts.
        share: what this connection holds of the budget of all.
        parity: of the ids of this side's calls: 1 for a connector, 0 for an acceptor.
        peer: what the other side accepts: the least values until its HELLO was read.
        outbox: what waits to be written.
        overrun: whether more answers wait for the peer than it may leave unread.
    """

    __slots__ = ("_owed", "_owed_in_batch", "limits", "outbox", "overrun", "parity", "peer", "share")

    def __init__(self, limits: Limits, parity: int, share: Share | None = None) -> None:
        self.limits = limits
        self.share = share or Share(Budget(limits), int)
        self.parity = parity
        self.peer = _LEAST
        self.outbox = Outbox(numbers.LEAST_MAX_FRAME)
        self.overrun = False
        self._owed = 0
        self._owed_in_batch = 0

    def owe(self, frame: bytes) -> bytes:
        """Count an answer that the peer made necessary: one that it does not read must not fill our memory."""
        self._owed += len(frame)
        if self._owed + self._owed_in_batch > self.limits.max_unread:
            self.overrun = True
        return frame

    def batch_taken(self) -> None:
        """What was owed is in the batch that is being written."""
        self._owed_in_batch, self._owed = self._owed, 0

    def batch_sent(self) -> None:
        """That batch was given to the transport."""
        self._owed_in_batch = 0

    def gather(self, record: Record, piece: Buffer | Filled, more: int) -> tuple[Arrived | None, bool]:
        """Take one frame of a payload: the payload once it is whole, and whether it still fits.

        It has to fit max_message, and what is not whole also the share of this connection.
        What does not fit, and what a caller that gave up still receives, is counted but not kept.

        Raises:
            ProtocolError: a fragment, not the last, is too small.
        """
        parts = record.parts
        if more:
            if len(piece) < numbers.LEAST_FRAGMENT:
                raise ProtocolError(
                    f"a fragment of {len(piece)} bytes; all but the last carry at least {numbers.LEAST_FRAGMENT}",
                    reason=Reason.SIZE,
                )
            if parts is None:
                parts = record.parts = Parts(self.limits.max_message)
        if parts is None:
            assert not isinstance(piece, Filled), "what is gathered has a place"
            return arrived(piece), len(piece) <= self.limits.max_message
        parts.add(piece)
        fits = parts.size <= self.limits.max_message and not (more and self.share.is_full())
        if not fits or (record.state is GIVEN_UP and isinstance(record, Outgoing) and not record.wants_end):
            parts.forget()
        if more:
            return None, fits
        record.parts = None
        return parts.join(), fits

    def too_large(self, what: str, processed: Processed = Processed.UNKNOWN) -> Error:
        """The error for a payload that does not fit; `processed` is for one that would, with less on its way."""
        if self.share.is_over():
            self.share.budget.refused["max_bytes_in_flight"] += 1
            return ResourceExhausted(f"{what}: {self.share.excess}", processed=processed)
        return ResourceExhausted(
            f"{what} is over max_message, {self.limits.max_message} bytes, of its receiver",
            processed=Processed.DO_NOT_RETRY,
        )

    def unfit_item(self, record: Record, *, fits: bool) -> Error:
        """The error for an item that arrived and cannot be taken."""
        if not fits:
            return self.too_large(f"an item of {record.method}")
        # It cost no credit: what is not even an encoded value must not pile up.
        text = f"an item of {record.method} has no bytes; the smallest value has one"
        if isinstance(record, Incoming):
            return InvalidArgument(text)
        return Internal(text, processed=Processed.DO_NOT_RETRY)

    def check_size(self, payload: Payload, what: str) -> None:
        """Raise `ResourceExhausted` for a payload that the peer would not take."""
        size = size_of(payload)
        if size > self.peer.max_message:
            raise ResourceExhausted(
                f"{what}: {size} bytes are over max_message, {self.peer.max_message} bytes, of the peer",
                processed=Processed.DO_NOT_RETRY,
            )

    def check_room(self, payload: Payload, what: str) -> None:
        """Raise `ResourceExhausted` for a payload that this side made, while the peer leaves too much untaken."""
        self.share.note(size_of(payload))
        if self.share.is_full():
            raise self.too_large(what)

    def consumed(self, record: Record, size: int, count: int = 1) -> bool:
        """The application took items of `size` bytes in all: grant the peer as much, in steps; tells whether it did."""
        if record.state is OPEN and record.items_in is not None:
            total = record.items_in.consume(size, count)
            if total is not None:
                self.outbox.put_control(self.owe(credit(record.id, total)))
                return True
        return False
