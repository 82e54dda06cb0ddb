"""Publish and subscribe: one message for many processes, none of which can hold up the others.

In a terminal each, in the same directory::

    python examples/publish_subscribe.py
    python examples/publish_subscribe.py weather
    python examples/publish_subscribe.py weather 'it rains'

A subscription is a call that lasts; its messages are notifications, sent back over the same connection. Each has a
queue of its own, and who publishes waits for none of them. What happens to a subscriber whose queue is full is its own
choice: it misses messages, or it is dropped and told so. Both are counted.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import AsyncGenerator

import attrs
import trio

import rpc

ADDRESS = "unix:topics.sock"

QUEUE = 100
"""Messages that may wait for one subscriber, beside what its connection holds."""

# --- What each subscriber serves ---------------------------------------------------------------------------------

subscriber = rpc.Service("subscriber")


@subscriber.notification
def receive(topic: str, message: str) -> None:
    """A message was published."""
    print(f"{topic}: {message}", flush=True)


# --- The topics --------------------------------------------------------------------------------------------------

topics = rpc.Service("topics")


class Subscription:
    """One subscriber of a topic, and the scope of the task that sends to it."""

    def __init__(self, may_miss: bool) -> None:
        self.may_miss = may_miss
        self.scope = trio.CancelScope()
        self.entrance, self.exit = trio.open_memory_channel[str](QUEUE)

    def put(self, message: str) -> bool:
        """Queue a message; tells whether there was room."""
        try:
            self.entrance.send_nowait(message)
        except trio.WouldBlock:
            return False
        return True

    async def send_all(self, client: rpc.Caller, topic: str) -> None:
        """Send what is queued, until the scope is cancelled; waits where the subscriber does not read."""
        with self.scope:
            async for message in self.exit:
                await client.notify(receive, topic, message)


@attrs.define
class Counts:
    """What has happened since the start."""

    subscribers: int = 0
    queued: int = 0
    missed: int = 0
    dropped: int = 0


@attrs.define
class Board:
    """All subscriptions by their topics."""

    topics: dict[str, list[Subscription]] = attrs.field(factory=lambda: collections.defaultdict(list))
    counts: Counts = attrs.field(factory=Counts)

    def add(self, topic: str, subscription: Subscription) -> None:
        self.topics[topic].append(subscription)
        self.counts.subscribers += 1

    def remove(self, topic: str, subscription: Subscription) -> None:
        self.topics[topic].remove(subscription)
        self.counts.subscribers -= 1
        if not self.topics[topic]:
            del self.topics[topic]

    def publish(self, topic: str, message: str) -> int:
        """Queue a message for each subscriber; gives for how many."""
        before = self.counts.queued
        for subscription in self.topics.get(topic, []):
            if subscription.put(message):
                self.counts.queued += 1
            elif subscription.may_miss:
                self.counts.missed += 1
            elif not subscription.scope.cancel_called:
                self.counts.dropped += 1
                subscription.scope.cancel()
        return self.counts.queued - before


@topics.lifespan
async def open_board() -> AsyncGenerator[Board]:
    yield Board()


@topics.method
async def subscribe(context: rpc.Context[Board], topic: str, *, may_miss: bool = False) -> None:
    """Be sent what is published, for as long as this call lasts; who is too slow may miss messages, or is dropped."""
    board, subscription = context.state, Subscription(may_miss)
    board.add(topic, subscription)
    try:
        await subscription.send_all(context.client, topic)
    finally:
        board.remove(topic, subscription)
    raise rpc.ResourceExhausted(f"{QUEUE} messages of {topic!r} were waiting, and one more came")


@topics.method
def publish(context: rpc.Context[Board], topic: str, message: str) -> int:
    """Publish a message; gives how many subscribers it is on its way to."""
    return context.state.publish(topic, message)


@topics.method
def counts(context: rpc.Context[Board]) -> Counts:
    """What has happened since the start."""
    return context.state.counts


# --- Programs that use it ----------------------------------------------------------------------------------------


async def listen(topic: str, address: str = ADDRESS) -> None:
    """Print what is published."""
    async with rpc.connect(address, services=subscriber, wait=5) as client:
        await client.call(subscribe, topic)


async def say(topic: str, message: str, address: str = ADDRESS) -> None:
    """Publish one message."""
    async with rpc.connect(address, wait=5) as client:
        print("on its way to", await client.call(publish, topic, message))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [topic, message]:
            trio.run(say, topic, message)
        case [topic]:
            trio.run(listen, topic)
        case _:
            rpc.run(topics, ADDRESS)
