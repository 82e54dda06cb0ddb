from __future__ import annotations

import signal
import ssl
import threading
from typing import Any

import pytest
import trio

from rpc.net.tls import ReloadingContext
from rpc.server.signals import reload_on_hangup, stop_on_signals

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


# --- Hangup ------------------------------------------------------------------------------------------------------


class Reloaded(ReloadingContext):
    """Tells when it was told to read its files."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.told = trio.Event()

    def reload(self) -> None:
        self.told.set()


def context() -> Reloaded:
    made = Reloaded(ssl.PROTOCOL_TLS_SERVER, lambda context: None, ())
    assert isinstance(made, Reloaded)  # `__new__` says no more than its own class
    return made


async def test_a_hangup_has_certificates_read_again() -> None:
    tls = context()
    before = signal.getsignal(signal.SIGHUP)
    async with reload_on_hangup(tls):
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
            with trio.fail_after(5):
                await tls.told.wait()
            tls.told = trio.Event()
    assert signal.getsignal(signal.SIGHUP) == before


@pytest.mark.parametrize("tls", [None, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)])
async def test_a_hangup_is_left_alone_where_nothing_can_be_read_again(tls: ssl.SSLContext | None) -> None:
    before = signal.getsignal(signal.SIGHUP)
    async with reload_on_hangup(tls):
        assert signal.getsignal(signal.SIGHUP) == before
