from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from rpc import limits
from rpc.limits import Limits

LEAST = {
    "max_frame": 16384,
    "max_message": 16384,
    "max_calls": 16,
    "window": 65536,
    "min_ping": 1000,
    "max_items": 1,
    "max_connections": 1,
    "max_connections_per_peer": 1,
    "max_greeting": 1,
    "max_calls_total": 1,
    "max_bytes_in_flight": 1048576,
    "max_notifications": 1,
    "max_unread": 65536,
    "drain_timeout": 0,
    "keepalive": 1.0,
}
POSITIVE = {
    "tls_timeout",
    "handshake_timeout",
    "frame_timeout",
    "stall_timeout",
    "idle_timeout",
    "keepalive_timeout",
}


def test_the_defaults() -> None:
    assert attrs.asdict(Limits()) == {
        "max_frame": 262144,
        "max_message": 16777216,
        "max_calls": 128,
        "window": 262144,
        "min_ping": 1000,
        "max_items": 65536,
        "max_connections": None,
        "max_connections_per_peer": 256,
        "max_greeting": 64,
        "max_calls_total": 4096,
        "max_bytes_in_flight": 268435456,
        "max_notifications": 1024,
        "max_unread": 1048576,
        "tls_timeout": 10.0,
        "handshake_timeout": 5.0,
        "frame_timeout": 30.0,
        "stall_timeout": 10.0,
        "drain_timeout": 10.0,
        "idle_timeout": None,
        "keepalive": 30.0,
        "keepalive_timeout": 10.0,
    }


def test_every_field_has_a_bound_that_is_tested_here() -> None:
    assert {field.name for field in attrs.fields(Limits)} == LEAST.keys() | POSITIVE


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_the_least_value_is_taken_and_less_is_not(name: str, least: Any) -> None:
    assert getattr(Limits(**{name: least}), name) == least
    with pytest.raises(ValueError, match=f"'{name}' must be >= {least}"):
        Limits(**{name: least - 1})


@pytest.mark.parametrize("name", sorted(POSITIVE))
def test_a_time_that_never_comes_is_taken_and_none_at_all_is_not(name: str) -> None:
    fields: dict[str, Any] = {name: math.inf}
    assert getattr(Limits(**fields), name) == math.inf
    with pytest.raises(ValueError, match=f"'{name}' must be > 0"):
        Limits(**{name: 0})


def test_limits_do_not_change_and_are_given_by_name() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Limits().max_frame = 1  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        Limits(1)  # type: ignore[call-arg]


def test_the_numbers_of_the_protocol() -> None:
    assert {name: getattr(limits, name) for name in limits.__all__ if name != "Limits"} == {
        "LEAST_FRAGMENT": 4096,
        "LEAST_MAX_CALLS": 16,
        "LEAST_MAX_FRAME": 16384,
        "LEAST_MAX_MESSAGE": 16384,
        "LEAST_MIN_PING": 1000,
        "LEAST_WINDOW": 65536,
        "MAX_DATAGRAM": 1200,
        "MAX_DEPTH": 64,
        "MAX_ERROR": 16384,
        "MAX_FIRST_FRAME": 16384,
        "MAX_ID": 2**53 - 1,
        "MAX_ITEMS": 65536,
        "MAX_METADATA": 8192,
        "MAX_METHOD": 255,
        "MAX_SENDERS": 1024,
        "REPLAY_WINDOW": 1024,
    }
