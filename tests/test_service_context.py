from __future__ import annotations

import math

import attrs
import pytest

from rpc.peer import Peer
from rpc.service.context import Context
from tests.calculator import NOBODY


def test_a_context_is_read_only_and_knows_its_call() -> None:
    context: Context[list[int]] = Context(
        peer=Peer(address="memory:", transport="memory"),
        metadata={"tenant": "a"},
        deadline=math.inf,
        state=[1],
        client=NOBODY,
    )
    assert context.peer.transport == "memory"
    assert context.metadata["tenant"] == "a"
    assert context.state == [1]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        context.deadline = 1.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
