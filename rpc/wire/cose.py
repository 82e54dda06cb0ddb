"""COSE_Mac0 (RFC 9052, section 6.2): bytes, and beside them a proof that they come from somebody who has a key.

The one form that the protocol has (section 7): HMAC-SHA256, which the protected header names, the id of the key in the
unprotected one, nothing authenticated from outside. So little is written here by hand: bytes of strangers meet no
codec before the proof is checked.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from rpc.wire.heads import ARRAY, BYTES, MAP, TAG, UINT, ProfileError, read_head, write_head

__all__ = ["LEAST_SECRET", "MAC_SIZE", "Key", "Keys", "is_genuine", "is_sealed", "seal", "unseal"]

LEAST_SECRET = 16
"""Bytes of a secret: with fewer, whoever has one datagram could try them all."""

MAC_SIZE = 32

_MAC0 = 17  # the tag
_KID = 4  # the header with the id of the key
_PROTECTED = bytes.fromhex("a10105")  # {1: 5}: the algorithm is HMAC 256/256

_HEAD = bytes.fromhex("d18443a10105a104")
"""How a message begins: the tag, an array of 4, the protected header, and a map of one pair up to its value."""

_COVERED = bytes.fromhex("84644d41433043a1010540")
"""What the code covers in front of the content: ``["MAC0", protected, h'', content]`` is MACed."""

_MAC_HEAD = write_head(BYTES, MAC_SIZE)


class Key:
    """A secret that a sender shares with its receivers, and the id that tells them which one.

    Attributes:
        kid: the id.
        secret: the secret; it is not shown.
        start: how every message begins that is sealed with it, up to the content.

    Raises:
        TypeError: one of the two is not bytes.
        ValueError: the secret is too short.
    """

    __slots__ = ("kid", "secret", "start")

    def __init__(self, kid: bytes, secret: bytes) -> None:
        _check_bytes(kid, "id")
        _check_bytes(secret, "secret")
        if len(secret) < LEAST_SECRET:
            raise ValueError(
                f"the secret of key {kid!r} has {len(secret)} bytes; at least {LEAST_SECRET} are needed: "
                "make one with secrets.token_bytes(32)"
            )
        self.kid = kid
        self.secret = secret
        self.start = _HEAD + write_head(BYTES, len(kid)) + kid

    def __repr__(self) -> str:
        return f"<Key {self.kid!r}>"


def _check_bytes(value: object, what: str) -> None:
    if not isinstance(value, bytes):
        raise TypeError(f"the {what} of a key is bytes, not {type(value).__name__}")


class Keys:
    """The keys of a receiver: several while they are changed, since its senders do not change theirs all at once.

    Raises:
        TypeError: it is no mapping, or an id or a secret is not bytes.
        ValueError: there is no key, or a secret is too short.
    """

    def __init__(self, secrets: Mapping[bytes, bytes]) -> None:
        _check_mapping(secrets)
        if not secrets:
            raise ValueError("there is no key: give at least one id and secret")
        self._keys = {kid: Key(kid, secret) for kid, secret in secrets.items()}

    def __repr__(self) -> str:
        return f"<Keys {', '.join(map(repr, self._keys))}>"

    def secret(self, kid: bytes) -> bytes | None:
        """The secret of a key, or None where there is none of that id."""
        key = self._keys.get(kid)
        return None if key is None else key.secret


def _check_mapping(secrets: object) -> None:
    if not isinstance(secrets, Mapping):
        raise TypeError("keys are a dict of ids and secrets, as {kid: secret}")


def _mac(secret: bytes, content_item: bytes) -> bytes:
    return hmac.digest(secret, _COVERED + content_item, "sha256")


def seal(content: bytes, key: Key) -> bytes:
    """A message around `content`."""
    item = write_head(BYTES, len(content)) + content
    return b"".join((key.start, item, _MAC_HEAD, _mac(key.secret, item)))


def is_sealed(message: bytes) -> bool:
    """Whether bytes begin as a message does, by their tag."""
    if not message or message[0] >> 5 != TAG:
        return False
    try:
        return message[0] == _HEAD[0] or read_head(message, 0)[1] == _MAC0
    except (ProfileError, IndexError):
        return False


def unseal(message: bytes) -> tuple[bytes, bytes, bytes]:
    """The id of the key, the content, and its code, which `is_genuine` checks.

    Raises:
        ProfileError: it is no message of the one form that is known here.
    """
    try:
        start = len(_HEAD) if message.startswith(_HEAD) else _read_start(message)
        kid, start = _read_bytes(message, start)
        content, start = _read_bytes(message, start)
        mac, end = _read_bytes(message, start)
    except IndexError:
        raise ProfileError("the message ends too early") from None
    if end != len(message) or len(mac) != MAC_SIZE:
        raise ProfileError(f"a message ends with a code of {MAC_SIZE} bytes")
    return kid, content, mac


def is_genuine(content: bytes, mac: bytes, secret: bytes) -> bool:
    """Whether the code was made with this secret; how long the answer takes does not depend on the code."""
    return hmac.compare_digest(_mac(secret, write_head(BYTES, len(content)) + content), mac)


def _read_start(message: bytes) -> int:
    """Where the id of the key begins, in a message whose heads may be wider than they need be."""
    start = _expect(message, _expect(message, 0, TAG, _MAC0), ARRAY, 4)
    protected, start = _read_bytes(message, start)
    if protected != _PROTECTED:
        raise ProfileError("the protected header names HMAC 256/256 and nothing else")
    return _expect(message, _expect(message, start, MAP, 1), UINT, _KID)


def _expect(message: bytes, start: int, major: int, argument: int) -> int:
    *found, end = read_head(message, start)
    if found != [major, argument]:
        raise ProfileError(f"byte {start}: no COSE_Mac0 whose one unprotected header is the id of the key")
    return end


def _read_bytes(message: bytes, start: int) -> tuple[bytes, int]:
    major, size, start = read_head(message, start)
    end = start + size
    if major != BYTES or end > len(message):
        raise ProfileError(f"byte {start}: a byte string was expected, and all of it")
    return message[start:end], end
