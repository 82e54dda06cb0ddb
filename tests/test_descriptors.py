"""A server that may open 64 files, and 200 peers: everyone is answered, or told why not, at once."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rpc.errors import Reason
from rpc.wire import frames
from rpc.wire.framing import FrameReader
from tests.raw_peer import HELLO, call

PEERS = 200


class Peer:
    """A socket, and what has come on it."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        with suppress(BrokenPipeError):  # it is refused already: why, is there to read
            self.socket.sendall(HELLO + call(1, "calc.add", 1, 2))
        self._heard = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self) -> list[object] | None:
        """What follows the HELLO: a REPLY or a GOAWAY; None where it has not come."""
        data = self.socket.recv(65536)
        self._heard += data
        found = list(FrameReader(65536).bodies(self._heard))
        if len(found) > 1:
            return frames.decode(found[1])
        assert data, "closed without a word"
        return None


def answers(peers: list[Peer], seconds: float) -> dict[Peer, list[object]]:
    """What each peer has heard within so many seconds."""
    until = time.monotonic() + seconds
    heard: dict[Peer, list[object]] = {}
    while len(heard) < len(peers) and time.monotonic() < until:
        for peer in select.select([peer for peer in peers if peer not in heard], [], [], 0.1)[0]:
            answer = peer.read()
            if answer is not None:
                heard[peer] = answer
    return heard


def is_served(path: str) -> bool:
    """Whether 20 new peers are all answered."""
    peers = [Peer(path) for _ in range(20)]
    heard = answers(peers, 1)
    for peer in peers:
        peer.socket.close()
    return len(heard) == 20 and all(answer[0] == frames.REPLY for answer in heard.values())


def processor_time(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("options", [[], ["1000"]], ids=["as many as fit", "more than there are descriptors"])
def test_with_64_files_and_200_peers_everyone_hears_something_at_once(options: list[str], tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.crowded", f"unix:{path}", *options],
            stderr=errors,
            cwd=Path(__file__).parent.parent,
        ) as process,
    ):
        try:
            until = time.monotonic() + 30
            while not Path(path).exists():
                assert time.monotonic() < until
                time.sleep(0.02)
            before = processor_time(process.pid)
            start = time.monotonic()
            peers = [Peer(path) for _ in range(PEERS)]
            heard = answers(peers, 5)
            assert time.monotonic() - start < 1
            assert len(heard) == PEERS
            served = [answer for answer in heard.values() if answer[0] == frames.REPLY]
            refused = [answer for answer in heard.values() if answer[0] == frames.GOAWAY]
            assert len(served) + len(refused) == PEERS
            assert 20 < len(served) < 64
            assert {answer[2] for answer in refused} == {Reason.TOO_MANY}
            assert processor_time(process.pid) - before < 0.3
            for peer in peers:
                peer.socket.close()
            start = time.monotonic()
            while not is_served(path):
                assert time.monotonic() - start < 1
        finally:
            process.terminate()
    assert process.returncode == 0
    assert len(log.read_text().splitlines()) <= 2
