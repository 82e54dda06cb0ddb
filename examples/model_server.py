"""A model server: calls that come at the same time are computed together, and each is sent its tokens as they come.

In two terminals, in the same directory::

    python examples/model_server.py
    python examples/model_server.py to be or not to be

A model needs about as long for one text as for sixteen. So one task takes steps, each with all the texts that are
unfinished at the moment, and gives every one of them its next token; a call that comes in the meantime joins at the
next step. A caller that leaves is out of the next step, and one that reads slowly skips steps and holds up nobody. The
model is a fake: it says its text again, backwards.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence

import attrs
import trio

import rpc

ADDRESS = "unix:model.sock"

BATCH = 16
"""Texts that one step takes at most."""

AHEAD = 4
"""Tokens of one text that may wait for being sent."""

STEP = 0.05
"""Seconds that one step of the model takes."""

# --- The model ---------------------------------------------------------------------------------------------------


async def predict(texts: Sequence[Text]) -> list[str | None]:
    """The next token of each text, None where it ends. A real model computes here, in a thread or on other hardware."""
    await trio.sleep(STEP)
    return [text.prompt[-1 - text.length] if text.length < len(text.prompt) else None for text in texts]


# --- The batches -------------------------------------------------------------------------------------------------


class Text:
    """A text that is being continued, and the tokens of it that are not sent yet."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt.split()
        self.length = 0
        self.is_finished = False
        self._entrance, self.tokens = trio.open_memory_channel[str](AHEAD)

    @property
    def wants_token(self) -> bool:
        return not self.is_finished and self._entrance.statistics().current_buffer_used < AHEAD

    def put(self, token: str | None) -> None:
        """Add the next token, or end the text."""
        if token is None:
            self.is_finished = True
            self._entrance.close()
        else:
            self.length += 1
            self._entrance.send_nowait(token)


@attrs.define
class Counts:
    """What has been computed: where many call at once, there are more tokens than steps."""

    steps: int = 0
    tokens: int = 0


class Batches:
    """The texts whose callers wait for tokens, and the one task that continues them all."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.counts = Counts()
        self._changed = trio.Event()

    def wake(self) -> None:
        """A text has come, or has room for a token again."""
        self._changed.set()

    async def run(self) -> None:
        """Take step after step, and rest while no text wants a token."""
        while True:
            batch = [text for text in self.texts if text.wants_token][:BATCH]
            if batch:
                await self._step(batch)
            else:
                await self._changed.wait()
                self._changed = trio.Event()

    async def _step(self, batch: Sequence[Text]) -> None:
        for text, token in zip(batch, await predict(batch), strict=True):
            text.put(token)
            self.counts.tokens += token is not None
        self.counts.steps += 1


# --- The service -------------------------------------------------------------------------------------------------

model = rpc.Service("model")


@model.lifespan
async def open_batches() -> AsyncGenerator[Batches]:
    batches = Batches()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batches.run)
        yield batches
        nursery.cancel_scope.cancel()


@model.method
async def generate(context: rpc.Context[Batches], prompt: str) -> AsyncGenerator[str]:
    """The tokens of a text, each as soon as it is known."""
    batches, text = context.state, Text(prompt)
    batches.texts.append(text)
    batches.wake()
    try:
        async for token in text.tokens:
            yield token
            batches.wake()
    finally:
        batches.texts.remove(text)


@model.method
def counts(context: rpc.Context[Batches]) -> Counts:
    """What has been computed since the start."""
    return context.state.counts


async def ask(prompt: str, address: str = ADDRESS) -> None:
    """Print a text as it is made."""
    async with rpc.connect(address, wait=5) as client, client.stream(generate, prompt) as tokens:
        async for token in tokens:
            print(token, end=" ", flush=True)
        print()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        trio.run(ask, " ".join(sys.argv[1:]))
    else:
        rpc.run(model, ADDRESS)
