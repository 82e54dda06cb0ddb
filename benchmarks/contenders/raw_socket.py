"""Blocking sockets that echo a few bytes: what the kernel takes, and so the least that any call costs."""

from __future__ import annotations

import socket
from collections.abc import Callable

import attrs

from benchmarks.contender import Turns

_MESSAGE = bytes(21)  # about what a small call is on the wire


@attrs.frozen
class RawSocket:
    name: str = "blocking sockets, 21 bytes, no codec"
    in_flight: int = 1

    def serve(self, path: str, ready: Callable[[], None]) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            ready()
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

    def drive(self, path: str, turns: Turns) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            for turn in turns:
                while turn.lasts():
                    connection.sendall(_MESSAGE)
                    received = 0
                    while received < len(_MESSAGE):
                        received += len(connection.recv(65536))
                    turn.calls += 1
