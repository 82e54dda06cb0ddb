"""The notice board: who may read, who may pin, and who may nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

import rpc
from examples import secure
from tests.certificates import Authority
from tests.example_tools import EXAMPLES


@pytest.fixture(autouse=True)
def empty_board() -> Iterator[None]:
    secure.notices.clear()
    yield
    secure.notices.clear()


@pytest.mark.parametrize(("identity", "may_pin"), [("editor", True), ("reader", False), (None, False)])
async def test_who_may_pin(identity: str | None, may_pin: bool) -> None:
    async with rpc.testing.client(secure.board, identity=identity) as client:
        if may_pin:
            await client.call(secure.pin, "tea is ready")
            assert await client.call(secure.read) == [f"tea is ready ({identity})"]
        else:
            with pytest.raises(rpc.PermissionDenied):
                await client.call(secure.pin, "tea is ready")
            assert await client.call(secure.read) == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a certificate, its key and two tokens are."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost", file="cert")
    cert.write_bytes(cert.read_bytes() + authority.ca.read_bytes())
    key.rename(tmp_path / "key.pem")
    (tmp_path / "tokens").write_text("editor s3cret\nreader another\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def program(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(EXAMPLES / "secure.py"), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


async def test_two_terminals(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with program("serve") as server, trio.fail_after(30):
        for token, what in (("s3cret", ["pin", "tea", "is ready"]), ("another", ["read"]), ("another", ["pin", "no"])):
            monkeypatch.setenv("TOKEN", token)
            await secure.use(*what)
        monkeypatch.setenv("TOKEN", "wrong")
        with pytest.raises(rpc.Unavailable, match="credential refused"):
            await secure.use("read")
        server.terminate()
        assert server.wait() == 0
    assert capsys.readouterr().out == (
        "tea is ready (editor)\ntea is ready (editor)\nrefused: board.pin is not for you\n"
    )
