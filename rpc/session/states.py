"""The states of a call and what may happen in each, as tables.

The rules:

1. A call has two records, one at each side, and each side knows only its own. Neither asks which role it plays:
   an id of the sender's own parity is a call that the sender makes.
2. One end to each call. The callee sends exactly one REPLY or ERROR, cancelled or not; to the caller a call has
   ended when that was received whole, and not before.
3. A command on a call that has ended does nothing. A reply that crosses a cancel, a second end and a late worker
   are therefore harmless.
4. A frame that is not in the row of a record's state breaks the connection at the caller, since the end was the
   callee's last word. The callee ignores it: it may have crossed the end, or the caller's own CANCEL.

The tables are all there is: a new state is a row, and a step that is not in a row is a bug of ours (KeyError).
"""

from __future__ import annotations

import enum

from rpc.wire.frames import Frame

__all__ = [
    "CALLEE_STEPS",
    "CALLEE_TAKES",
    "CALLER_STEPS",
    "CALLER_TAKES",
    "END",
    "ENDED",
    "ENDING",
    "GATHERING",
    "GIVEN_UP",
    "GIVE_UP",
    "LOST",
    "OPEN",
    "QUEUED",
    "SENT",
    "STOP",
    "STOPPING",
    "TAKEN",
    "WHOLE",
    "State",
    "Step",
]


class State(enum.IntEnum):
    """Where a call stands at one side."""

    QUEUED = 0
    """Caller: the CALL waits to be written."""

    OPEN = 1
    """Caller: the CALL was written. Callee: it has arrived whole, and its handler may run."""

    GIVEN_UP = 2
    """Caller: CANCEL was sent, and what still arrives is discarded until the end."""

    GATHERING = 3
    """Callee: fragments of the CALL are still to come."""

    STOPPING = 4
    """Callee: its caller cancelled it, and what still comes for it is ignored; the handler may yet answer."""

    ENDING = 5
    """Callee: the end is queued; the call stays in the table until that was written."""

    ENDED = 6
    """The call is over at this side."""


class Step(enum.IntEnum):
    """What moves a call from one state to the next."""

    TAKEN = 0
    """Caller: the first frame left for the transport."""

    GIVE_UP = 1
    """Caller: cancelled, expired, or unable to use what arrives."""

    END = 2
    """Caller: the whole REPLY or an ERROR has arrived. Callee: one was queued."""

    WHOLE = 3
    """Callee: the last fragment of the CALL has arrived."""

    STOP = 4
    """Callee: CANCEL has arrived."""

    SENT = 5
    """Callee: the end was written to the transport."""

    LOST = 6
    """The connection has ended."""


# Names of the module are read ten times as quickly as members of an enumeration (0.01 us, measured), and every
# frame asks for several.
QUEUED, OPEN, GIVEN_UP, GATHERING, STOPPING, ENDING, ENDED = State
TAKEN, GIVE_UP, END, WHOLE, STOP, SENT, LOST = Step

CALLER_STEPS: dict[State, dict[Step, State]] = {
    QUEUED: {TAKEN: OPEN, GIVE_UP: ENDED, LOST: ENDED},
    OPEN: {GIVE_UP: GIVEN_UP, END: ENDED, LOST: ENDED},
    GIVEN_UP: {END: ENDED, LOST: ENDED},
    ENDED: {},
}

CALLEE_STEPS: dict[State, dict[Step, State]] = {
    GATHERING: {WHOLE: OPEN, END: ENDING, LOST: ENDED},
    OPEN: {END: ENDING, STOP: STOPPING, LOST: ENDED},
    STOPPING: {END: ENDING, LOST: ENDED},
    ENDING: {SENT: ENDED, LOST: ENDED},
    ENDED: {},
}

CALLER_TAKES: dict[State, frozenset[Frame]] = {
    QUEUED: frozenset(),
    OPEN: frozenset({Frame.DATA, Frame.REPLY, Frame.ERROR, Frame.CREDIT}),
    GIVEN_UP: frozenset({Frame.DATA, Frame.REPLY, Frame.ERROR, Frame.CREDIT}),
    ENDED: frozenset(),
}
"""The frames that a caller takes from the callee of a call."""

CALLEE_TAKES: dict[State, frozenset[Frame]] = {
    GATHERING: frozenset({Frame.DATA, Frame.CANCEL, Frame.CREDIT}),
    OPEN: frozenset({Frame.DATA, Frame.CANCEL, Frame.CREDIT}),
    STOPPING: frozenset(),
    ENDING: frozenset(),
    ENDED: frozenset(),
}
"""The frames that a callee acts on; those from STOPPING on ignore all (rule 4)."""
