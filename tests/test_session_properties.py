"""Whatever two honest sides do, and however their bytes are cut; and whatever a peer may send.

``FUZZ_EXAMPLES=20000 pytest tests/test_session_properties.py`` tries that many new examples for each property.
"""

from __future__ import annotations

import contextlib
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from rpc.errors import NotFound, Unavailable
from rpc.session.calls import Incoming, Outgoing
from rpc.session.events import Event
from rpc.session.session import Session
from rpc.session.states import State
from rpc.wire import frames
from rpc.wire.frames import Flag
from tests import pairs
from tests.conversations import ACTIONS, Action, Conversation

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
examples = settings(max_examples=int(EXAMPLES or 200), derandomize=EXAMPLES is None)


OPEN: list[Action] = [("call", True, 24), ("call", False, 24), ("move", True, 0), ("move", False, 0)]
"""Each side has a call to the other with items both ways."""


def talks(*steps: tuple[str, bool]) -> st.SearchStrategy[list[Action]]:
    """Lists of actions, most of them long; the short ones are there for failures to shrink to."""
    action = st.tuples(st.sampled_from(steps), st.integers(0, 2**17)).map(lambda drawn: (*drawn[0], drawn[1]))
    return st.lists(action, max_size=20) | st.lists(action, min_size=40, max_size=100)


def by_either(*names: str) -> list[tuple[str, bool]]:
    return [(name, is_connectors) for name in names for is_connectors in (True, False)]


# What moves a conversation on is more often than the rest.
TALKS = talks(
    *by_either(*ACTIONS, *ACTIONS, "call", "write", "deliver"),
    *by_either(*["move"] * 4, *["send item"] * 6, *["consume"] * 4),
)
CUTS = st.lists(st.sampled_from([1, 2, 3, 5, 17, 200, 1000, 4096, 20_000]), min_size=1, max_size=8)


@examples
@given(TALKS, CUTS)
def test_no_cut_of_the_bytes_changes_what_happens(actions: list[Action], cuts: list[int]) -> None:
    whole, cut = Conversation(), Conversation([*cuts, 5000])
    for conversation in (whole, cut):
        conversation.run([*OPEN, *actions])
        conversation.finish()
    assert whole.connector.told == cut.connector.told
    assert whole.acceptor.told == cut.acceptor.told


STREAMS = talks(*by_either(*["send item", "consume", "move"] * 2, "write", "deliver", "end items", "ping"))


@examples
@given(STREAMS, CUTS)
def test_items_arrive_in_order_and_never_without_credit(actions: list[Action], cuts: list[int]) -> None:
    conversation = Conversation([*cuts, 5000])
    conversation.run([*OPEN, *actions])
    conversation.finish()
    for side in (conversation.connector, conversation.acceptor):
        assert side.got_items == conversation.other(side).sent_items


CALLS = talks(("call more", True), ("move", True), ("reply all", False), ("write", False), ("deliver", False))


@examples
@given(CALLS)
def test_no_call_of_a_caller_that_keeps_to_max_calls_is_refused(actions: list[Action]) -> None:
    conversation = Conversation()
    conversation.run([*OPEN, *actions])
    conversation.finish()


@examples
@given(TALKS)
def test_every_call_ends_once_when_the_wires_are_cut(actions: list[Action]) -> None:
    conversation = Conversation()
    conversation.run([*OPEN, *actions])
    conversation.lose()


# --- A peer that keeps to nothing ----------------------------------------------------------------------------------

IDS = st.integers(0, 9) | st.just(2**53)
LOADS = st.sampled_from([b"", b"\x80", bytes(4095), bytes(4096), bytes(16_000)])
TOTALS = st.sampled_from([0, 1, 65_536, 70_000, 2**64 - 1])
FRAMES = st.one_of(
    st.builds(pairs.call, IDS, LOADS, flags=st.integers(0, 31), timeout=st.sampled_from([None, 0, 1])),
    st.builds(pairs.data, IDS, LOADS, st.integers(0, 3)),
    st.builds(pairs.reply, IDS, LOADS, st.integers(0, 3)),
    st.builds(frames.error, IDS, st.sampled_from([b"\xa2\x00\x05\x01\x60", b"\xa0", b"\xf6"])),
    st.builds(frames.cancel, IDS),
    st.builds(frames.credit, IDS, TOTALS),
    st.builds(frames.goaway, st.none() | IDS, st.integers(0, 9), st.just("bye")),
    st.just(frames.notify(b"\x61n", b"\xf6", 0)),
    st.builds(frames.ping, IDS),
    st.builds(frames.pong, IDS),
    st.builds(lambda kind: b"\0\0\0\3\x81\x18" + bytes((kind,)), st.integers(24, 70)),
    st.binary(max_size=6),
)
COMMANDS = st.tuples(
    st.sampled_from(["call", "cancel", "stop", "send item", "reply", "fail", "consume", "take"]), LOADS
)


@examples
@given(st.booleans(), st.lists(FRAMES | COMMANDS, max_size=40))
def test_whatever_a_peer_sends_is_taken_or_breaks_the_connection(
    is_connector: bool, steps: list[bytes | tuple[str, bytes]]
) -> None:
    session = pairs.opened(is_connector=is_connector)
    outgoing: list[Outgoing] = []
    incoming: list[Incoming] = []
    for step in steps:
        if isinstance(step, bytes):
            events = session.receive(step)
            incoming += [record for event, record, _ in events if event is Event.CALL]
            assert [event for event, *_ in events if event is Event.BROKEN] == [Event.BROKEN] * (not session.is_open)
            if not session.is_open:
                break
        else:
            command(session, outgoing, incoming, *step)
    session.lost("closed")
    assert session.is_idle
    assert {record.state for record in outgoing} | {record.state for record in incoming} <= {State.ENDED}


def command(session: Session, outgoing: list[Outgoing], incoming: list[Incoming], name: str, load: bytes) -> None:
    """What an application may do at any time, also on calls that have ended."""
    caller, callee = session.caller, session.callee
    if name == "take":
        session.take()
        session.sent()
    elif name == "call":
        with contextlib.suppress(Unavailable):
            outgoing.append(caller.call("a.b", load, flags=len(load) & (Flag.SENDS | Flag.TAKES)))
    for record in outgoing[-2:]:
        if name == "cancel":
            caller.cancel(record)
        elif name == "stop":
            caller.stop(record)
        elif name == "consume":
            session.consumed(record, len(load))
        elif name == "send item" and record.items_out is not None and record.items_out.is_open:
            caller.send_item(record, load)
    for arrived in incoming[-2:]:
        if name == "reply":
            callee.reply(arrived, load)
        elif name == "fail":
            callee.fail(arrived, NotFound())
        elif name == "consume":
            session.consumed(arrived, len(load))
        elif name == "send item" and arrived.items_out is not None and arrived.items_out.is_open:
            callee.send_item(arrived, load)
