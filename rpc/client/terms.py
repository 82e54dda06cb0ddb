"""The terms of a call: what goes with it, and how what comes of it is told to the caller; the same without trio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from rpc.errors import Error, Internal, Processed
from rpc.service.convert import Writer
from rpc.service.faults import from_error
from rpc.service.function import WAYS
from rpc.service.handle import Entering, Handle, Method, Notification, Streaming
from rpc.wire import metadata as metadata_rows
from rpc.wire.gathering import Arrived
from rpc.wire.payload import decode
from rpc.wire.profile import ProfileError

__all__ = ["Options", "Terms", "name_of", "terms_of", "translator", "unpacked"]

_ATTEMPT, _IDEMPOTENCY_KEY = 3, 4
"""The protocol's own metadata keys (section 3)."""


@attrs.frozen(kw_only=True)
class Options:
    """What goes with each call of a client, beside the arguments."""

    metadata: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    timeout: float | None = None
    idempotency_key: bytes | None = None

    def changed(
        self, metadata: Mapping[str, Any] | None, timeout: float | None, idempotency_key: bytes | None
    ) -> Options:
        """These, and over them those that are given."""
        return Options(
            metadata={**self.metadata, **(metadata or {})},
            timeout=self.timeout if timeout is None else timeout,
            idempotency_key=idempotency_key or self.idempotency_key,
        )

    def encode(self) -> bytes:
        """The metadata as it stands in a frame.

        Raises:
            ValueError: a value cannot travel there, or it is more than 8192 bytes.
        """
        return self._encode({})

    def encode_again(self) -> bytes:
        """The metadata of a second try, which says so where it has room for that."""
        try:
            return self._encode({_ATTEMPT: 2})
        except ValueError:
            return self.encode()

    def _encode(self, fields: dict[int | str, Any]) -> bytes:
        fields |= {str(key): value for key, value in self.metadata.items()}
        if self.idempotency_key is not None:
            fields[_IDEMPOTENCY_KEY] = self.idempotency_key
        return metadata_rows.encode(fields)


@attrs.frozen
class Terms:
    """How what comes from a callee is told to the caller.

    Attributes:
        name: the method's wire name.
        convert: from a decoded item and its index to what the caller gets.
        translate: from an error that the callee answered to what the caller's code sees.
        write: lowers each item of the caller's stream, where its annotation asks for that.
    """

    name: str
    convert: Callable[[Any, int], Any]
    translate: Callable[[Error], Exception]
    write: Writer | None = None

    def refuse(self, problem: ProfileError, index: int) -> Error:
        """The error for an item that cannot be decoded."""
        message = f"{self.name}: item {index} cannot be decoded: {problem}"
        return Internal(message, processed=Processed.DO_NOT_RETRY)


def terms_of(target: Any, name: str) -> Terms:
    """The terms of a call with items, by name or by handle."""
    if isinstance(target, str):
        return Terms(name, lambda value, index: value, translator(target))
    signature = target.signature
    return Terms(name, signature.convert_item_out, translator(target), signature.write_item_in)


def translator(target: Any) -> Callable[[Error], Exception]:
    """From an error that the callee answered to what the caller's code sees."""

    def translate(error: Error) -> Exception:
        error.was_received = True
        return error if isinstance(target, str) else from_error(error, target.raises, target.service)

    return translate


def name_of(target: Any, kind: type[Handle], word: str) -> str:
    """The wire name of what is called, by its name or by its handle.

    Raises:
        TypeError: it is no handle of this kind.
    """
    if isinstance(target, str):
        return target
    if isinstance(target, kind):
        return target.name
    if isinstance(target, Method | Streaming | Entering | Notification):
        raise TypeError(f"{target.name} {WAYS[target.kind]}")
    raise TypeError(f"{target!r} is no {word}: give the decorated function, or its name as 'service.name'")


def unpacked(result: Arrived, name: str) -> Any:
    """The decoded result of a call.

    Raises:
        Internal: (do not retry) it cannot be decoded.
    """
    try:
        return decode(result)
    except ProfileError as error:
        message = f"the result of {name} cannot be decoded: {error}"
        raise Internal(message, processed=Processed.DO_NOT_RETRY) from error
