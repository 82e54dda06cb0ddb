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


def test_a_peer_may_have_names_and_an_identity_of_any_kind() -> None:
    peer = Peer(address="tls://10.0.0.1:4000", transport="tls")
    assert (peer.names, peer.identity) == ((), None)
    known = attrs.evolve(peer, names=("alice",), identity={"name": "alice"})
    assert known != peer
    assert hash(known) == hash(attrs.evolve(known))


def test_a_peer_is_a_value() -> None:
    peer = Peer(address="memory:", transport="memory")
    assert peer == Peer(address="memory:", transport="memory")
    assert hash(peer) == hash(Peer(address="memory:", transport="memory"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        peer.uid = 0  # type: ignore[misc]
