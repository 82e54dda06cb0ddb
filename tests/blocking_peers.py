"""Peers of a blocking client, in threads: what they say is in a function that has the one connection to itself."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rpc.wire import frames, hello
from rpc.wire.frames import Fields
from rpc.wire.framing import FrameReader
from tests.cli_tools import PATIENCE
from tests.raw_peer import HELLO

__all__ = ["Script", "Spoken", "scripted", "silent", "silent_behind_hello"]


class Spoken:
    """One connection, spoken by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._reader = FrameReader(2**20)
        self._heard: list[Fields] = []
        self._is_greeted = False

    def say(self, *spoken: bytes) -> None:
        self.socket.sendall(b"".join(spoken))

    def greet(self, spoken: bytes = HELLO) -> hello.Settings:
        """Exchange HELLOs; gives what the client accepts."""
        self.say(spoken)
        fields = self.hear()
        assert fields is not None
        settings = fields[1]
        assert isinstance(settings, hello.Settings)
        return settings

    def hear(self) -> Fields | None:
        """The next frame; None where the client has closed the connection."""
        while not self._heard:
            data = self.socket.recv(65_536)
            if not data:
                return None
            for body in self._reader.bodies(data):
                if self._is_greeted:
                    fields = frames.decode(bytes(body))
                    assert fields is not None
                    self._heard.append(fields)
                else:
                    self._is_greeted = True
                    self._heard.append([frames.HELLO, hello.decode(bytes(body))[1]])
        return self._heard.pop(0)

    def hear_call(self) -> int:
        """The id of the next frame, which is a call."""
        fields = self.hear()
        assert fields is not None
        assert fields[0] == frames.CALL
        return int(fields[1])

    def hear_all(self) -> list[Fields]:
        """All frames until the client closes the connection."""
        return list(iter(self.hear, None))


Script = Callable[[Spoken], None]


@contextmanager
def scripted(*scripts: Script) -> Iterator[str]:
    """A Unix socket whose first connection is served by the first script, and so on; all must come to their ends."""
    failures: list[BaseException] = []

    def serve(listener: socket.socket) -> None:
        try:
            for script in scripts:
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(PATIENCE)
                    script(Spoken(sock))
        except BaseException as failure:
            failures.append(failure)

    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory) / "s"
        listener.bind(str(path))
        listener.settimeout(PATIENCE)
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"unix:{path}"
        finally:
            thread.join(2 * PATIENCE)
        assert not thread.is_alive()
        if failures:
            raise failures[0]


def silent(peer: Spoken) -> None:
    """Takes everything, and says nothing."""
    assert peer.hear_all()


def silent_behind_hello(peer: Spoken) -> None:
    """Greets, takes everything, and says nothing more."""
    peer.greet()
    peer.hear_all()
