"""The keys of datagrams, out of a file."""

from __future__ import annotations

from pathlib import Path

import click

from rpc.wire.cose import Key

__all__ = ["read_keys"]


def read_keys(path: Path) -> dict[bytes, bytes]:
    """The keys in a file, id and secret, in their order.

    A line is the id as it is, or as hex digits behind ``0x``, white space, and the secret as hex digits. Empty lines,
    and those that begin with ``#``, are passed over.

    Raises:
        click.UsageError: the file cannot be read, has no key, or a line is no key; a secret is not shown.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not text"
        raise click.UsageError(f"cannot read {path}: {reason}") from error
    keys: dict[bytes, bytes] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            key = _read_key(words)
        except ValueError as error:
            raise click.UsageError(f"{path}, line {number}: {error}") from None
        if key.kid in keys:
            raise click.UsageError(f"{path}, line {number}: there is a key {key.kid!r} already")
        keys[key.kid] = key.secret
    if not keys:
        raise click.UsageError(
            f"{path} has no key: write lines of an id, and a secret of 16 bytes or more in hex digits"
        )
    return keys


def _read_key(words: list[str]) -> Key:
    if len(words) != 2:
        raise ValueError("a line has two words: the id of a key, and its secret in hex digits")
    kid, secret = words
    id = _from_hex(kid[2:], "the id behind 0x") if kid.startswith("0x") else kid.encode()
    return Key(id, _from_hex(secret, "the secret"))


def _from_hex(digits: str, what: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{what} is not made of pairs of hex digits") from None
