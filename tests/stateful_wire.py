"""A witness beside the wires: it reads every frame that two sessions write, and holds them to the protocol by itself.

It knows nothing of the sessions but what their peers can know: what a side may write depends on what it has written and
on what has reached it.
"""

from __future__ import annotations

import attrs

from rpc.wire import frames
from rpc.wire.frames import Fields, Flag, Frame

__all__ = ["Witness"]

_LEAST_FRAGMENT = 4096


@attrs.define
class Flow:
    """The payloads of one call in one direction.

    Attributes:
        total: item bytes that the sender knows it was granted.
        granted: those that the receiver has granted.
        sent: item bytes that were written.
        is_cut: whether the last frame had MORE.
        is_item: whether what is being sent is an item.
        has_ended: whether END was written.
    """

    total: int
    granted: int
    sent: int = 0
    is_cut: bool = False
    is_item: bool = False
    has_ended: bool = False


@attrs.define
class Talk:
    """One call as both wires show it.

    Attributes:
        flags: of its CALL.
        forth, back: what its caller sends, and what its callee does.
        has_arrived: whether its first frame has reached the callee.
        is_cancelled: whether CANCEL was written.
        is_answered: whether its end was written.
        has_result: whether the first frame of its REPLY has reached the caller.
        is_over: whether that has reached the caller.
        is_settled: whether the caller has also written since, all that was queued before.
    """

    flags: int
    forth: Flow
    back: Flow
    has_arrived: bool = False
    is_cancelled: bool = False
    is_answered: bool = False
    has_result: bool = False
    is_over: bool = False
    is_settled: bool = False


@attrs.define
class Voice:
    """What one side has written, and what has reached it."""

    parity: int
    last_call: int = 0
    last_heard: int = 0
    least_goaway: int | None = None
    is_told_last: int | None = None
    pings: list[int] = attrs.field(factory=list)
    partial: bytes = b""


class Witness:
    """Both voices, and the calls of both.

    Args:
        window: of both sides.
        max_calls: of both sides.
    """

    def __init__(self, window: int, max_calls: int) -> None:
        self._window = window
        self._max_calls = max_calls
        self._voices = {True: Voice(1), False: Voice(0)}
        self._talks: dict[int, Talk] = {}

    # --- What is written -----------------------------------------------------------------------------------------

    def wrote(self, by_connector: bool, batch: list[bytes]) -> None:
        """One side has written these bytes: whole frames, as a batch always is."""
        voice, stream = self._voices[by_connector], b"".join(batch)
        cancelled: list[int] = []
        for fields in _fields(stream):
            match fields:
                case [Frame.CALL, id, flags, _, _, _, payload]:
                    self._call(voice, id, flags, len(payload))
                case [Frame.DATA, id, flags, payload]:
                    self._data(voice, id, flags, len(payload))
                case [Frame.REPLY, id, flags, payload]:
                    self._end(voice, id, flags, len(payload), may_cut_in=False)
                case [Frame.ERROR, id, _]:
                    self._end(voice, id, 0, 0, may_cut_in=True)
                case [Frame.CANCEL, id]:
                    assert id % 2 == voice.parity, "only a caller cancels"
                    assert not self._talks[id].is_settled, "what is over is not cancelled"
                    assert id not in cancelled
                    cancelled.append(id)
                case [Frame.CREDIT, id, total]:
                    self._credit(voice, id, total)
                case [Frame.GOAWAY, last, 0, _]:
                    self._goaway(voice, last)
                case [Frame.PONG, token]:
                    assert voice.pings.pop(0) == token, "pings are answered in order, and nothing else is"
                case _:
                    assert fields[0] in (Frame.NOTIFY, Frame.PING), fields
        for id in cancelled:  # it goes ahead of what was queued before it, which may be in the same batch
            assert not self._talks[id].is_cancelled, "a call is cancelled once"
            self._talks[id].is_cancelled = True
        for id, talk in self._talks.items():
            talk.is_settled = talk.is_settled or (talk.is_over and id % 2 == voice.parity)

    def _call(self, voice: Voice, id: int, flags: int, size: int) -> None:
        assert id % 2 == voice.parity
        assert id > voice.last_call, "ids rise, and first frames leave in their order"
        # A call that was queued before GOAWAY(null) came may still go: it is served, or above the last id.
        assert voice.is_told_last in (None, -1), "who knows that nothing more is taken calls nobody"
        voice.last_call = id
        window = self._window
        talk = self._talks[id] = Talk(flags, Flow(window, window), Flow(window, window))
        _fragment(talk.forth, flags, size)
        open_calls = [id for id, talk in self._talks.items() if id % 2 == voice.parity and not talk.is_over]
        assert len(open_calls) <= self._max_calls

    def _data(self, voice: Voice, id: int, flags: int, size: int) -> None:
        talk = self._talks[id]
        is_callers = id % 2 == voice.parity
        flow = talk.forth if is_callers else talk.back
        if not flow.is_cut:
            assert talk.flags & (Flag.SENDS if is_callers else Flag.TAKES), "items are sent where they are taken"
            assert size or flags & Flag.END, "an item has bytes"
            assert not size or flow.sent < flow.total, "an item is begun with credit"
            flow.is_item = True
        if is_callers:
            assert not flow.has_ended, "nothing comes behind the end of the items"
            assert not talk.is_cancelled, "nothing comes behind a CANCEL"
            assert not talk.is_settled, "nothing comes behind the end"
        else:
            assert not talk.is_answered or (flow.is_cut and not flow.is_item), "nothing comes behind the end of a call"
            assert not flags & Flag.END
        flow.has_ended = bool(flags & Flag.END)
        flow.sent += size if flow.is_item else 0
        _fragment(flow, flags, size)

    def _end(self, voice: Voice, id: int, flags: int, size: int, *, may_cut_in: bool) -> None:
        talk = self._talks[id]
        assert id % 2 != voice.parity, "only a callee ends a call"
        assert talk.has_arrived
        assert not talk.is_answered or (may_cut_in and talk.back.is_cut), "a call has one end"
        assert may_cut_in or not talk.back.is_cut, "a REPLY is not in the midst of an item"
        talk.is_answered = True
        talk.back.is_item = False
        _fragment(talk.back, flags, size)

    def _credit(self, voice: Voice, id: int, total: int) -> None:
        talk = self._talks[id]
        is_callers = id % 2 == voice.parity
        assert talk.flags & (Flag.TAKES if is_callers else Flag.SENDS)
        assert not (is_callers and (talk.is_cancelled or talk.is_settled)), "who gave up grants nothing"
        flow = talk.back if is_callers else talk.forth
        assert flow.granted < total <= flow.sent + self._window, (
            "what is granted rises, and is never more than a window"
        )
        flow.granted = total

    def _goaway(self, voice: Voice, last: int | None) -> None:
        if last is not None:
            assert last <= voice.last_heard, "the last id is of a call that has arrived"
            assert voice.least_goaway is None or last <= voice.least_goaway, "the last id never rises"
            voice.least_goaway = last

    # --- What arrives --------------------------------------------------------------------------------------------

    def heard(self, by_connector: bool, data: bytes) -> None:
        """Bytes have reached one side, whole frames or not."""
        voice = self._voices[by_connector]
        voice.partial += data
        while len(voice.partial) >= 4:
            end = 4 + int.from_bytes(voice.partial[:4], "big")
            if len(voice.partial) < end:
                break
            frame, voice.partial = voice.partial[:end], voice.partial[end:]
            for fields in _fields(frame):
                self._hear(voice, fields)

    def _hear(self, voice: Voice, fields: Fields) -> None:
        match fields:
            case [Frame.CALL, id, *_]:
                self._talks[id].has_arrived = True
                voice.last_heard = id
            case [Frame.ERROR, id, _]:
                self._talks[id].is_over = True
            case [Frame.REPLY | Frame.DATA, id, flags, _] if id % 2 == voice.parity:
                talk = self._talks[id]
                talk.has_result = talk.has_result or fields[0] == Frame.REPLY
                talk.is_over = talk.has_result and not flags & Flag.MORE
            case [Frame.CREDIT, id, total]:
                talk = self._talks[id]
                flow = talk.forth if id % 2 == voice.parity else talk.back
                flow.total = max(flow.total, total)
            case [Frame.GOAWAY, last, 0, _]:
                voice.is_told_last = -1 if last is None else last
            case [Frame.PING, token]:
                voice.pings.append(token)
            case _:
                pass


def _fragment(flow: Flow, flags: int, size: int) -> None:
    assert size >= _LEAST_FRAGMENT or not flags & Flag.MORE, "fragments are not small"
    flow.is_cut = bool(flags & Flag.MORE)


def _fields(stream: bytes) -> list[Fields]:
    """The frames of a stream but HELLO."""
    found: list[Fields] = []
    while stream:
        end = 4 + int.from_bytes(stream[:4], "big")
        body, stream = stream[4:end], stream[end:]
        fields = None if body.startswith(b"\xd9\xd9\xf7") else frames.decode(body)
        if fields is not None:
            found.append(fields)
    return found
