"""What a handler may know about the call that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from rpc.peer import Peer

__all__ = ["Context"]

State_co = TypeVar("State_co", covariant=True)


@attrs.frozen(kw_only=True, eq=False)
class Context(Generic[State_co]):
    """One call as its handler sees it. A parameter annotated with this class receives it; it is not on the wire.

    Attributes:
        peer: who calls.
        metadata: what the caller sent beside the arguments; text keys are the application's own.
        deadline: when the caller gives up, in seconds of trio's clock; infinity where there is no deadline.
        state: what the service's lifespan yielded, None where there is none.
        client: for calls back to services of the caller, with the same methods as `rpc.connect` gives.
    """

    peer: Peer
    metadata: Mapping[str | int, Any]
    deadline: float
    state: State_co
    client: Any
