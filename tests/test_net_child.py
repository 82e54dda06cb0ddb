from __future__ import annotations

import logging
import os
import subprocess
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

import rpc
from rpc.errors import Processed
from rpc.net import child
from rpc.net.child import open_child
from rpc.net.link import Link, SocketLink, StreamLink


def shell(script: str, *, pipes: bool = False, grace: float = 60, **options: Any) -> AbstractAsyncContextManager[Link]:
    """A shell, which speaks on its standard input as it is or, over pipes, on its standard output."""
    return open_child(["sh", "-c", script], pipes=pipes, grace=grace, options=options)


async def read(link: Link) -> bytes:
    if isinstance(link, StreamLink):
        return bytes(await link.receive_some())
    await link.wait_readable()
    return link.receive_nowait(100)


def is_gone(link: Link) -> bool:
    """Whether the process of a link is no more, not even as a zombie."""
    assert link.peer.pid is not None
    try:
        os.kill(link.peer.pid, 0)
    except ProcessLookupError:
        return True
    return False


# --- The link ------------------------------------------------------------------------------------------------------


async def test_a_child_speaks_on_its_standard_input() -> None:
    async with shell("read word; echo $word $$ >&0") as link:
        assert isinstance(link, SocketLink)
        assert link.send_nowait([b"hello\n"]) == []
        assert await read(link) == f"hello {link.peer.pid}\n".encode()
        assert link.peer.transport == "unix"
    assert link.is_closed
    assert is_gone(link)


async def test_a_child_speaks_over_pipes() -> None:
    async with shell("read word; echo $word $$", pipes=True) as link:
        assert isinstance(link, StreamLink)
        await link.send_some([b"hello\n"])
        assert await read(link) == f"hello {link.peer.pid}\n".encode()
        assert link.peer.transport == "pipe"
    with pytest.raises(trio.ClosedResourceError):
        await link.receive_some()
    assert is_gone(link)


async def test_a_child_is_of_our_own_user_unless_asked_otherwise() -> None:
    async with shell("") as link:
        assert (link.peer.uid, link.peer.gid) == (os.geteuid(), os.getegid())
    async with shell("", user=os.geteuid(), group=os.getegid()) as link:
        assert (link.peer.uid, link.peer.gid) == (None, None)


@pytest.mark.parametrize("pipes", [False, True])
async def test_a_command_that_cannot_be_started(pipes: bool) -> None:
    with pytest.raises(rpc.Unavailable, match=r"^cannot start '/dev/null': Permission denied$") as caught:
        async with open_child(["/dev/null"], pipes=pipes, grace=1, options={}):
            pass  # pragma: no cover
    assert caught.value.processed == Processed.NOT_PROCESSED
    assert isinstance(caught.value.__cause__, PermissionError)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_a_pipe_that_nobody_would_read_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="nobody would read"):
        async with open_child(["true"], pipes=False, grace=1, options={name: subprocess.PIPE}):
            pass  # pragma: no cover


# --- Why it left ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 0", "the process exited with 0"),
        ("exit 3", "the process exited with 3"),
        ("kill -KILL $$", "the process was killed by SIGKILL"),
        ("kill -40 $$", "the process was killed by signal 40"),
    ],
)
async def test_its_end_in_words(script: str, words: str) -> None:
    async with shell(script) as link:
        assert link.explain is not None
        assert await link.explain() == words


async def test_a_child_that_runs_on_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_EXIT_PATIENCE", 0.01)
    async with shell("read word") as link:
        assert link.explain is not None
        assert await link.explain() is None


# --- Its end -------------------------------------------------------------------------------------------------------


def stops(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What had to be done to a child, as the log tells it."""
    return [record.getMessage().rpartition(" ")[2] for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_child_that_leaves_by_itself_is_let(caplog: pytest.LogCaptureFixture) -> None:
    async with shell("read word") as link:
        pass
    assert is_gone(link)
    assert stops(caplog) == []


async def test_a_child_that_stays_is_terminated(caplog: pytest.LogCaptureFixture) -> None:
    async with shell("exec sleep 60", grace=0.05) as link:
        pass
    assert is_gone(link)
    assert stops(caplog) == ["terminate"]


async def test_a_child_that_will_not_be_terminated_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    async with shell("trap '' TERM; echo ready >&0; exec sleep 60", grace=0.05) as link:
        assert await read(link) == b"ready\n"
    assert is_gone(link)
    assert stops(caplog) == ["terminate", "kill"]


@pytest.mark.parametrize("pipes", [False, True])
async def test_a_cancelled_block_leaves_no_process(pipes: bool) -> None:
    links = []
    with trio.CancelScope() as scope:
        async with shell("exec sleep 60", pipes=pipes, grace=0.05) as link:
            links.append(link)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert all(map(is_gone, links))


@pytest.mark.parametrize("pipes", [False, True])
async def test_a_cancelled_start_starts_nothing(pipes: bool) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        async with shell("", pipes=pipes):
            pass  # pragma: no cover
    assert scope.cancelled_caught
