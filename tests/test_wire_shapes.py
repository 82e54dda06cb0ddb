from __future__ import annotations

import pytest

from rpc.wire.shapes import is_list, is_map, is_uint


@pytest.mark.parametrize(
    ("value", "answers"),
    [
        (0, (True, False, False)),
        (2**64, (True, False, False)),
        (-1, (False, False, False)),
        (True, (False, False, False)),
        (1.0, (False, False, False)),
        ([], (False, True, False)),
        ((), (False, False, False)),
        ({}, (False, False, True)),
        (None, (False, False, False)),
    ],
)
def test_shapes(value: object, answers: tuple[bool, bool, bool]) -> None:
    assert (is_uint(value), is_list(value), is_map(value)) == answers
