from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

import rpc
from rpc.address import parse
from rpc.blocking import dial as module
from rpc.blocking.dial import dial
from rpc.blocking.waiting import NEVER, Deadline


def test_unix_peers_are_named_by_the_kernel(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/s")
        listener.listen()
        transport = dial(parse(f"unix:{tmp_path}/s"), None, NEVER)
        assert (transport.peer.uid, transport.peer.pid) == (os.getuid(), os.getpid())
        assert transport.socket.getblocking() is False
        transport.close()


def test_a_full_queue_is_tried_again_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = parse(f"unix:{tmp_path}/s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address.path)
        listener.listen(0)
        first = dial(address, None, NEVER)
        with pytest.raises(TimeoutError, match=r"calc: no answer within 0\.02 s"):
            dial(address, None, Deadline(0.02, "calc"))
        monkeypatch.setattr(module, "_QUEUE_PATIENCE", 0.01)
        with pytest.raises(rpc.Unavailable, match="the server does not take up its waiting connections"):
            dial(address, None, NEVER)
        first.close()


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(rpc.Unavailable, match=r"cannot connect to tcp://no\.such\.host\.invalid:1: ") as caught:
        dial(parse("tcp://no.such.host.invalid:1"), None, NEVER)
    assert caught.value.processed is rpc.Processed.NOT_PROCESSED
    assert isinstance(caught.value.__cause__, OSError)


def test_nobody_connects_to_datagrams() -> None:
    with pytest.raises(ValueError, match=r"through rpc\.notifier"):
        dial(parse("unixgram:/run/x"), None, NEVER)
