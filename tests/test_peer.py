from __future__ import annotations

import attrs
import pytest

from rpc.peer import Peer


def test_a_peer_of_the_network_has_no_process() -> None:
    peer = Peer(address="tcp://127.0.0.1:51002", transport="tcp")
    assert (peer.address, peer.transport) == ("tcp://127.0.0.1:51002", "tcp")
    assert (peer.uid, peer.gid, peer.pid) == (None, None, None)


def test_a_peer_of_this_host_has_its_process() -> None:
    peer = Peer(address="unix:/run/calc.sock", transport="unix", uid=1000, gid=100, pid=4711)
    assert (peer.uid, peer.gid, peer.pid) == (1000, 100, 4711)


def test_a_peer_is_a_value() -> None:
    peer = Peer(address="memory:", transport="memory")
    assert peer == Peer(address="memory:", transport="memory")
    assert hash(peer) == hash(Peer(address="memory:", transport="memory"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        peer.uid = 0  # type: ignore[misc]
