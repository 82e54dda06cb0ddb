"""What a handler may know about the call that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

import attrs

from rpc.peer import Peer

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    State_co = TypeVar("State_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    State_co = TypeVar("State_co", covariant=True)

__all__ = ["Context"]


@attrs.frozen(kw_only=True, eq=False)
class Context(Generic[State_co]):
    """One call as its handler sees it. A parameter annotated with this class receives it, and is not on the wire.

    Write ``rpc.Context[Pool]`` where the lifespan of the service yields a ``Pool``, for the type checker's sake.

    Attributes:
        peer: who calls.
        metadata: what the caller sent beside the arguments; text keys are the application's own.
        deadline: when the caller gives up, in seconds of trio's clock; infinity where there is no deadline.
        state: what the service's lifespan yielded, None where there is no lifespan.
        client: calls services of the caller over the same connection, as the client that `rpc.connect` gives.
    """

    peer: Peer
    metadata: Mapping[str | int, Any]
    deadline: float
    state: State_co
    client: Any
