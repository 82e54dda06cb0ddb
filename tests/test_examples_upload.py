"""Uploads: what has come whole is kept, what has not is gone."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio

import rpc
from examples import upload
from tests.example_tools import serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    monkeypatch.setattr(upload, "FOLDER", trio.Path(folder))
    return folder


async def each(*pieces: bytes) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_file_is_stored_and_its_progress_told(folder: Path) -> None:
    async with rpc.testing.client(upload.uploads) as client:
        async with client.stream(upload.upload, "letter", each(b"dear ", b"", b"all")) as progress:
            assert [stored async for stored in progress] == [5, 5, 8]
        assert os.listdir(folder) == ["letter"]
        assert (folder / "letter").read_bytes() == b"dear all"

        async with client.stream(upload.upload, "letter", each()) as progress:
            assert [stored async for stored in progress] == []
        assert (folder / "letter").read_bytes() == b""


async def test_an_upload_over_a_socket(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload, "PIECE", 250_000)
    data = os.urandom(1_000_000)
    (tmp_path / "data").write_bytes(data)
    async with serving(upload.uploads, f"unix:{tmp_path}/uploads.sock") as [address]:
        await upload.send(trio.Path(tmp_path / "data"), address)
    assert capsys.readouterr().out == "data: 25 %\ndata: 50 %\ndata: 75 %\ndata: 100 %\n"
    assert (folder / "data").read_bytes() == data


async def test_half_an_upload_leaves_nothing_behind(folder: Path) -> None:
    async def half() -> AsyncGenerator[bytes]:
        yield b"half"
        await trio.sleep_forever()

    async with rpc.testing.client(upload.uploads) as client:
        async with client.stream(upload.upload, "letter", half()) as progress:
            assert await anext(progress) == 4
            assert os.listdir(folder) == [".letter.part"]
        assert os.listdir(folder) == []


async def test_an_upload_whose_source_fails_leaves_nothing_behind(folder: Path) -> None:
    async def broken() -> AsyncGenerator[bytes]:
        yield b"half"
        await half_came.wait()
        raise OSError("the disk is gone")

    half_came = trio.Event()
    async with rpc.testing.client(upload.uploads) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            async with client.stream(upload.upload, "letter", broken()) as progress:
                async for stored in progress:
                    assert stored == 4
                    half_came.set()
    assert os.listdir(folder) == []


async def test_a_name_is_uploaded_by_one_at_a_time(folder: Path) -> None:
    async def slow() -> AsyncGenerator[bytes]:
        yield b"first"
        await finish.wait()

    finish = trio.Event()
    async with (
        rpc.testing.client(upload.uploads) as client,
        client.stream(upload.upload, "letter", slow()) as first,
    ):
        assert await anext(first) == 5
        with pytest.raises(rpc.AlreadyExists, match="'letter' is being uploaded"):
            async with client.stream(upload.upload, "letter", each(b"second")) as second:
                await anext(second)
        finish.set()
        assert [stored async for stored in first] == []
    assert (folder / "letter").read_bytes() == b"first"


async def test_a_file_that_is_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MOST", 10)
    async with rpc.testing.client(upload.uploads) as client:
        with pytest.raises(rpc.ResourceExhausted, match="at most 10 bytes"):
            async with client.stream(upload.upload, "letter", each(b"x" * 10, b"y")) as progress:
                assert await anext(progress) == 10
                await anext(progress)
    assert os.listdir(folder) == []


async def test_pieces_are_bytes(folder: Path) -> None:
    async with rpc.testing.client(upload.uploads) as client:
        with pytest.raises(rpc.InvalidArgument, match="item 1"):
            async with client.stream("uploads.upload", "letter", upload_of(b"first", "second")) as progress:
                async for _ in progress:
                    pass
    assert os.listdir(folder) == []


async def upload_of(*pieces: object) -> AsyncGenerator[object]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("name", ["../letter", "/letter", "a/b"])
async def test_nobody_gets_out_of_the_folder(name: str, folder: Path) -> None:
    async with rpc.testing.client(upload.uploads) as client:
        with pytest.raises(rpc.InvalidArgument, match="is not the name of a file"):
            async with client.stream(upload.upload, name, each(b"x")) as progress:
                await anext(progress)
