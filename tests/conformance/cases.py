"""All cases."""

from __future__ import annotations

from tests.conformance import (
    acceptor_calls,
    acceptor_errors,
    acceptor_frames,
    acceptor_greeting,
    acceptor_life,
    acceptor_streams,
    connector_calls,
    connector_greeting,
    connector_life,
    connector_streams,
)
from tests.conformance.case import Case

__all__ = ["ACCEPTOR", "CASES", "CONNECTOR"]

ACCEPTOR: list[Case] = [
    *acceptor_greeting.CASES,
    *acceptor_frames.CASES,
    *acceptor_calls.CASES,
    *acceptor_errors.CASES,
    *acceptor_streams.CASES,
    *acceptor_life.CASES,
]

CONNECTOR: list[Case] = [
    *connector_greeting.CASES,
    *connector_calls.CASES,
    *connector_streams.CASES,
    *connector_life.CASES,
]

CASES = ACCEPTOR + CONNECTOR
