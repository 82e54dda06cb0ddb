"""The model server: steps are shared, on trio's clock."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

import rpc
from examples import model_server
from examples.model_server import STEP, Counts
from tests.example_tools import serving


async def ask(client: rpc.Client, prompt: str) -> list[str]:
    async with client.stream(model_server.generate, prompt) as tokens:
        return [token async for token in tokens]


async def test_tokens_come_one_by_one(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(model_server.model) as client:
        start = trio.current_time()
        async with client.stream(model_server.generate, "a b c") as tokens:
            for number, expected in enumerate("cba", 1):
                assert await anext(tokens) == expected
                assert trio.current_time() - start == pytest.approx(number * STEP)
            with pytest.raises(StopAsyncIteration):
                await anext(tokens)
        assert await client.call(model_server.counts) == Counts(steps=4, tokens=3)


async def test_calls_at_the_same_time_share_their_steps(autojump_clock: trio.testing.MockClock) -> None:
    async def check(number: int) -> None:
        assert await ask(client, f"{number} b c") == ["c", "b", f"{number}"]

    async with rpc.testing.client(model_server.model) as client:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(model_server.BATCH):
                nursery.start_soon(check, number)
        counts = await client.call(model_server.counts)
        assert counts.tokens == 3 * model_server.BATCH
        assert counts.steps <= 6  # whoever comes while a step is taken joins at the next one
        assert trio.current_time() - start <= 6.5 * STEP


async def test_a_batch_has_its_size_and_the_others_wait(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    monkeypatch.setattr(model_server, "BATCH", 2)
    async with rpc.testing.client(model_server.model) as client, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask, client, "a b c")
        await trio.sleep(20 * STEP)
        assert await client.call(model_server.counts) == Counts(steps=12, tokens=15)


async def test_who_leaves_is_out_of_the_next_step(autojump_clock: trio.testing.MockClock) -> None:
    async with rpc.testing.client(model_server.model) as client:
        async with client.stream(model_server.generate, "a b c d e f g") as tokens:
            assert await anext(tokens) == "g"
        before = await client.call(model_server.counts)
        await trio.sleep(60)
        after = await client.call(model_server.counts)
        assert after.steps <= before.steps + 1


async def test_who_reads_slowly_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    limits = rpc.Limits(window=65536)
    token = "x" * 30_000
    async with (
        rpc.testing.client(model_server.model, limits=limits) as client,
        client.stream(model_server.generate, f"{token} " * 20) as tokens,
    ):
        assert await anext(tokens) == token
        await trio.sleep(60)
        # A window and one more are on their way, and some wait in the queue: the text is not continued further.
        assert (await client.call(model_server.counts)).tokens < 12
        start = trio.current_time()
        assert await ask(client, "a b") == ["b", "a"]
        assert trio.current_time() - start < 5 * STEP
        assert [token async for token in tokens] == [token] * 19


async def test_a_text_is_printed_as_it_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(model_server.model, f"unix:{tmp_path}/model.sock") as [address]:
        await model_server.ask("be to not or be to", address)
    assert capsys.readouterr().out == "to be or not to be \n"
