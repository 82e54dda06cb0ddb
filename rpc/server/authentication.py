"""Ready answers to the question who a peer is."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

import trio

from rpc.net.greeting import Authenticate
from rpc.peer import Peer

__all__ = ["tokens"]

Secret = TypeVar("Secret", bound=str | bytes)


def tokens(identities: Mapping[Secret, Any]) -> Authenticate:
    """An `authenticate` for `rpc.serve` that knows secrets: ``authenticate=rpc.tokens({"s3cr3t": "alice"})``.

    The client gives one of them: ``rpc.connect(address, credential="s3cr3t")``. A secret is best made of
    `secrets.token_urlsafe`. How long the comparing takes tells nothing about any of them, nor which one it was.

    Args:
        identities: who has each secret: what becomes `Peer.identity`.

    Raises:
        TypeError: it is no mapping.
        ValueError: there is no secret, an empty one, one twice (as text and as bytes), or one of nobody (None).
    """
    _check_mapping(identities)
    key = secrets.token_bytes(32)

    def digest(secret: bytes) -> bytes:
        return hmac.digest(key, secret, "sha256")

    known: dict[bytes, Any] = {}
    for secret, identity in identities.items():
        if not secret or identity is None:
            raise ValueError("tokens: an empty secret, or None for whose it is, would let anybody in, or nobody")
        known[digest(secret.encode() if isinstance(secret, str) else secret)] = identity
    if len(known) < len(identities) or not known:
        raise ValueError("tokens: give at least one secret, and each of them once")

    async def authenticate(credential: bytes | None, peer: Peer) -> Any:
        await trio.lowlevel.checkpoint()
        shown = digest(credential or b"")
        found = None
        for each, identity in known.items():  # all of them, whether or not it was found already
            if hmac.compare_digest(each, shown):
                found = identity
        return found

    return authenticate


def _check_mapping(identities: object) -> None:
    if not isinstance(identities, Mapping):
        raise TypeError('tokens: give a dict of each secret and whose it is, as {"s3cr3t": "alice"}')
