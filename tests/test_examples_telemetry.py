"""Telemetry: what the station believes, and what it tells."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import trio

import rpc
from examples import telemetry
from tests.example_tools import EXAMPLES

KEY = (b"k1", bytes(32))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the keys are."""
    (tmp_path / "telemetry.keys").write_text(f"k2 {(b'2' * 32).hex()}\nk1 {KEY[1].hex()}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def until_known(client: rpc.Client, instrument: str) -> telemetry.Reading:
    with trio.fail_after(10):
        while True:
            try:
                return await client.call(telemetry.latest, instrument)
            except rpc.NotFound:
                await trio.lowlevel.checkpoint()


async def test_the_station_believes_those_who_have_a_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bind = ["udp://127.0.0.1:0", telemetry.ASK]
    keys = telemetry.read_keys(folder / "telemetry.keys")
    assert list(keys) == [b"k2", b"k1"]
    async with trio.open_nursery() as nursery:
        serve = partial(rpc.serve, telemetry.station, bind, datagram_keys=keys)
        [readings, _] = await nursery.start(serve)
        async with rpc.notifier(readings, key=(b"k1", b"a guess of sixteen")) as forger:
            forger.send(telemetry.reading, "boiler", 20.0, time.time() + 1000)
        async with rpc.notifier(readings, key=KEY) as older, rpc.connect(telemetry.ASK) as client:
            older.send(telemetry.reading, "cellar", 11.5, 2.0)
            older.send(telemetry.reading, "cellar", 99.9, 1.0)  # on its way for long
            older.send(telemetry.reading, "attic", 30.0, 1.0)
            await until_known(client, "attic")
            assert await client.call(telemetry.latest, "cellar") == telemetry.Reading(11.5, 2.0)
            await telemetry.measure(readings, count=3, interval=0)
            while (await until_known(client, "boiler")).celsius != 70.2:
                await trio.lowlevel.checkpoint()
        await telemetry.show()
        nursery.cancel_scope.cancel()
    assert capsys.readouterr().out == "boiler: 70.2 °C, 1 forged, 0 lost\n"


def test_the_key_that_the_program_makes_is_one(folder: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "telemetry.py"), "key"]
    (folder / "new").write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    [(kid, secret)] = telemetry.read_keys(folder / "new").items()
    assert (kid, len(secret)) == (b"k1", 32)


def test_as_programs(folder: Path) -> None:
    program = [sys.executable, str(EXAMPLES / "telemetry.py")]
    with subprocess.Popen([*program, "station"]) as station:
        try:
            while not (folder / "telemetry.sock").exists():
                assert station.poll() is None
                time.sleep(0.01)
            shown = subprocess.run([*program, "instrument"], capture_output=True, text=True, check=True, timeout=30)
        finally:
            station.terminate()
    assert shown.stdout == "boiler: 70.9 °C, 0 forged, 0 lost\n"
