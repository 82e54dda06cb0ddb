from __future__ import annotations

from rpc.session.events import Event


def test_events_are_numbered_from_0_for_tables_of_actions() -> None:
    assert list(Event) == list(range(len(Event)))
    assert (min(Event), max(Event)) == (Event.HELLO, Event.ENDED)
