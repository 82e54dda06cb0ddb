from __future__ import annotations

import signal
import threading

import pytest
import trio

from rpc.server.signals import stop_on_signals

SIGNALS = [signal.SIGTERM, signal.SIGINT]


async def test_a_block_without_signals_is_left_alone() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    async with stop_on_signals() as stop:
        assert not stop.is_set()
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_first_signal_only_tells(number: signal.Signals) -> None:
    async with stop_on_signals() as stop:
        signal.raise_signal(number)
        await stop.wait()
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_second_signal_ends_the_program(number: signal.Signals) -> None:
    has_left = False
    with pytest.raises(SystemExit) as caught:
        async with stop_on_signals() as stop:
            try:
                signal.raise_signal(signal.SIGTERM)
                await stop.wait()
                signal.raise_signal(number)
                await trio.sleep_forever()
            finally:
                has_left = True
    assert caught.value.code == 128 + number
    assert has_left


async def test_an_exception_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with stop_on_signals():
            raise KeyError("mine")


def test_signals_come_to_the_main_thread_only() -> None:
    caught: list[Exception] = []

    async def listen() -> None:
        async with stop_on_signals():
            pass  # pragma: no cover

    def run() -> None:
        try:
            trio.run(listen)
        except* RuntimeError as group:
            caught.extend(group.exceptions)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1
