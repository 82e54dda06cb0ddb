"""Peers of a blocking client, in threads: what they say is in a function that has the one connection to itself."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
        return int(self._hear(frames.CALL)[1])

    def hear_ping(self) -> int:
        """The token of the next frame, which is a ping."""
        return int(self._hear(frames.PING)[1])

    def hear_notification(self) -> None:
        """The next frame is a notification."""
        self._hear(frames.NOTIFY)

    def _hear(self, kind: frames.Frame) -> Fields:
        fields = self.hear()
        assert fields is not None
        assert fields[0] == kind
        return fields

    def hear_all(self) -> list[Fields]:
        """All frames until the client closes the connection."""
        return list(iter(self.hear, None))


Script = Callable[[Spoken], None]


@contextmanager
def scripted(*scripts: Script) -> Iterator[str]:
    """A Unix socket whose first connection is served by the first script, and so on; all must come to their ends."""
    failures: list[BaseException] = []
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket, script: Script) -> None:
        try:
            with sock:
                sock.settimeout(PATIENCE)
                script(Spoken(sock))
        except BaseException as failure:
            failures.append(failure)

    def accept(listener: socket.socket) -> None:
        try:
            for script in scripts:
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(sock, script)))
                threads[-1].start()
        except BaseException as failure:
            failures.append(failure)

    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory) / "s"
        listener.bind(str(path))
        listener.settimeout(PATIENCE)
        listener.listen()
        acceptor = threading.Thread(target=accept, args=(listener,))
        acceptor.start()
        try:
            yield f"unix:{path}"
        finally:
            acceptor.join(2 * PATIENCE)
            for thread in threads:
                thread.join(2 * PATIENCE)
        assert not any(thread.is_alive() for thread in (acceptor, *threads))
        if failures:
            raise failures[0]


def silent(peer: Spoken) -> None:
    """Takes everything, and says nothing."""
    assert peer.hear_all()


def silent_behind_hello(peer: Spoken) -> None:
    """Greets, takes everything, and says nothing more."""
    with suppress(BrokenPipeError, ConnectionResetError):  # whoever is out of time closes, and may not have read it
        peer.greet()
        peer.hear_all()
