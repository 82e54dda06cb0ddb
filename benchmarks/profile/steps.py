"""The steps of a call, in their order, and the functions that are each of them."""

from __future__ import annotations

import attrs

__all__ = ["PLACES", "REST", "STEPS", "Step"]


@attrs.frozen
class Step:
    """A part of what one side does.

    Attributes:
        name: as it stands in the table.
        where: the modules to look at.
        places: the functions, see `benchmarks.profile.stopwatch`; those inside that are a step of their own are not
            counted here.
    """

    name: str
    where: str
    places: tuple[str, ...]


STEPS = (
    Step("the arguments, as bytes", "service/outgoing, wire/payload", ("rpc.client.client:pack_call",)),
    Step("a number, a record, the CALL", "session/caller, wire/frames", ("rpc.session.caller:Caller.call",)),
    Step(
        "what leaves, gathered",
        "net/writer, session/outbox",
        ("rpc.net.writer:Writer.flush", "rpc.session.session:Session.take", "rpc.session.session:Session.sent"),
    ),
    Step("sent, by the kernel", "net/link", ("rpc.net.link:SocketLink.send_nowait",)),
    Step(
        "the reading, taken and given back",
        "net/reading, net/readiness",
        ("rpc.net.readiness:Readiness.lend", "rpc.net.readiness:Readiness.take_back"),
    ),
    Step("received, by the kernel", "net/link", ("rpc.net.link:SocketLink.receive_into_nowait",)),
    Step(
        "the read, around that",
        "net/connection",
        ("rpc.net.connection:Connection.pump", "rpc.net.connection:Connection._handle"),
    ),
    Step("the frame, taken apart", "session/session, wire/by_hand", ("rpc.session.session:Session.receive",)),
    Step("what it means, done", "net/connection, net/outcomes", ("rpc.net.connection:Connection._act",)),
    Step("the handler, found", "net/dispatch", ("rpc.net.dispatch:Dispatcher.call",)),
    Step(
        "the arguments, decoded and fitted",
        "service/signature, wire/profile",
        ("rpc.service.signature:Signature.bind_payload",),
    ),
    Step("a worker, woken", "net/workers", ("rpc.net.workers:Workers.start",)),
    Step("the handler, run", "net/handlers", ("rpc.net.dispatch:run_inline",)),
    Step("the result, as bytes", "net/jobs, wire/payload", ("rpc.net.dispatch:encoded", "rpc.net.jobs:encoded")),
    Step("the REPLY", "session/callee, wire/frames", ("rpc.session.callee:Callee.reply",)),
    Step(
        "the result, decoded and fitted",
        "client/terms, service/signature",
        ("rpc.client.client:unpacked", "rpc.service.signature:Signature.convert_result"),
    ),
)

REST = Step("the event loop, and the tasks on it", "trio, net/calls, net/readiness", ())
"""What is left of the processor time: functions that await cannot be timed."""

PLACES = tuple(place for step in STEPS for place in step.places)
