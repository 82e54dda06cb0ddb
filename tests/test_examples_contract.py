from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

import rpc
from examples import contract
from examples.contract import Reading, Sensors, SensorsInMemory, Unknown
from tests.example_tools import EXAMPLES


async def test_two_terminals(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "contract.py")]
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            server: trio.Process = await nursery.start(
                partial(trio.run_process, command, cwd=tmp_path, stdout=subprocess.PIPE)
            )
            client = await trio.run_process([*command, "client"], cwd=tmp_path, capture_stdout=True)
            server.terminate()
            assert server.stdout is not None
            async with server.stdout:
                told = b"".join([data async for data in server.stdout]).decode()
    assert client.stdout.decode() == (
        "2 readings\nthe hottest is the attic\n1 reading\nnothing is known of the kitchen\n"
    )
    assert told == f"kitchen is removed for user {os.geteuid()}\n"
    assert os.listdir(tmp_path) == []


async def test_what_sensors_have_measured() -> None:
    async with rpc.testing.client(contract.service()) as client:
        sensors = client.stub(Sensors)
        assert await contract.report(sensors, kitchen=21.5, attic=31, cellar=12) == 3
        assert await sensors.latest("attic") == Reading("attic", 31.0)
        async with sensors.everything() as readings:
            assert [reading.sensor async for reading in readings] == ["kitchen", "attic", "cellar"]
        assert await contract.hottest(sensors, least=20) == "attic"
        assert await contract.hottest(sensors, least=40) is None
        with pytest.raises(Unknown) as caught:
            await sensors.latest("garage")
        assert caught.value.sensor == "garage"


async def test_a_silent_sensor_is_not_heard() -> None:
    server = SensorsInMemory()
    async with rpc.testing.client(rpc.Service.from_contract(Sensors, server)) as client:
        sensors = client.stub(Sensors)
        async with sensors.silence("attic") as one, sensors.silence("cellar") as two:
            assert (one, two) == (1, 2)
            assert await contract.report(sensors, kitchen=21.5, attic=31, cellar=12) == 1
        assert server.silent == []
        assert await contract.report(sensors, attic=31, cellar=12) == 2
