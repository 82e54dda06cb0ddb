"""TLS: contexts of files that are read anew when they change, and what a handshake failed of, in words.

A context is asked for with each connection, and that is when it looks at its files: a connection that is open keeps
what it began with, and the next one has what is in the files now.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from rpc.text import quote

__all__ = ["NO_TLS_HERE", "ReloadingContext", "check", "client_tls", "explain", "is_foreign", "names_of", "server_tls"]

_logger = logging.getLogger("rpc")

Path: TypeAlias = str | os.PathLike[str]

_LEAST: Final = ssl.TLSVersion.TLSv1_3

NO_TLS_HERE: Final = bytes.fromhex("15 0301 0002 0246")
"""A fatal alert, protocol_version (RFC 8446, section 6): what a peer is told whose first bytes are no TLS."""


class ReloadingContext(ssl.SSLContext):
    """A context that reads its files again before a handshake, where they have changed.

    Files that cannot be used are logged, and those before them stay in use. Change nothing on a context of this
    class: what is read anew is a new context. Who needs other settings makes an `ssl.SSLContext`.
    """

    def __new__(
        cls, protocol: int, configure: Callable[[ssl.SSLContext], None], files: tuple[Path, ...]
    ) -> ReloadingContext:
        return super().__new__(cls, protocol)

    def __init__(self, protocol: int, configure: Callable[[ssl.SSLContext], None], files: tuple[Path, ...]) -> None:
        self._configure = configure
        self._files = files
        self._stamp = _stamp(files)
        self._latest: ssl.SSLContext | None = None
        configure(self)

    def reload(self) -> None:
        """Read the files again, whether or not they have changed."""
        self._stamp = _stamp(self._files)
        fresh = ssl.SSLContext(self.protocol)
        try:
            self._configure(fresh)
        except (OSError, ValueError) as error:
            _logger.error("TLS: what was read before stays in use: %s", error)
        else:
            self._latest = fresh
            _logger.info("TLS: read anew: %s", ", ".join(os.fspath(file) for file in self._files))

    def _current(self) -> ssl.SSLContext | None:
        """The context for the next connection; None for this one itself."""
        if _stamp(self._files) != self._stamp:
            self.reload()
        return self._latest

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As `ssl.SSLContext.wrap_bio`, with what the files hold now."""
        current = self._current()
        return super().wrap_bio(*args, **kwargs) if current is None else current.wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As `ssl.SSLContext.wrap_socket`, with what the files hold now."""
        current = self._current()
        return super().wrap_socket(*args, **kwargs) if current is None else current.wrap_socket(*args, **kwargs)


def _stamp(files: tuple[Path, ...]) -> list[tuple[int, int, int] | None]:
    """What changes when a file does."""
    stamps: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            status = os.stat(file)
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return stamps


# --- Contexts --------------------------------------------------------------------------------------------------


def server_tls(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """The context of a server: ``rpc.serve(calc, "tls://:9000", tls=rpc.server_tls("cert.pem", "key.pem"))``.

    The files are read again before the next handshake after they have changed; connections that are open stay.

    Args:
        cert: a file with the server's certificate, and those between it and its authority, in PEM form.
        key: a file with its private key, in PEM form and not encrypted.
        client_ca: a file with the certificates of the authorities whose clients are let in, in PEM form. Then a
            client without a certificate of one of them is turned away (mutual TLS), and `Peer.names` has the names
            in the certificate of one that was let in. None to let any client in.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is of no use; the message says which and why.
    """

    def configure(context: ssl.SSLContext) -> None:
        context.minimum_version = _LEAST
        # Nobody resumes a session here, and a ticket that is not read can turn the end of a connection into a reset.
        context.num_tickets = 0
        _load_chain(context, cert, key)
        if client_ca is not None:
            _load_authorities(context, client_ca)
            context.verify_mode = ssl.CERT_REQUIRED

    files = (cert, key) if client_ca is None else (cert, key, client_ca)
    return ReloadingContext(ssl.PROTOCOL_TLS_SERVER, configure, files)


def client_tls(ca: Path | None = None, cert: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """The context of a client: ``rpc.connect("tls://calc.lan:9000", tls=rpc.client_tls("ca.pem"))``.

    The server's certificate must be of an authority that is trusted, and be valid for the host in the address. The
    files are read again before the next handshake after they have changed.

    Args:
        ca: a file with the certificates of the authorities that are trusted, in PEM form; None for the system's.
        cert: a file with this client's own certificate, for a server that wants one, in PEM form.
        key: a file with its private key, in PEM form and not encrypted; None where it is in `cert` too.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is of no use, or there is a key without a certificate.
    """
    if key is not None and cert is None:
        raise ValueError("a key needs its certificate: give cert= too")

    def configure(context: ssl.SSLContext) -> None:
        context.minimum_version = _LEAST
        if ca is None:
            context.load_default_certs()
        else:
            _load_authorities(context, ca)
        if cert is not None:
            _load_chain(context, cert, key)

    files = tuple(file for file in (ca, cert, key) if file is not None)
    return ReloadingContext(ssl.PROTOCOL_TLS_CLIENT, configure, files)


def check(context: ssl.SSLContext, *, is_server: bool) -> None:
    """Look whether a context is for this role, and set TLS 1.3 as the least that it speaks.

    Raises:
        ValueError: it is for the other role, or allows nothing above TLS 1.2.
    """
    if context.protocol is (ssl.PROTOCOL_TLS_CLIENT if is_server else ssl.PROTOCOL_TLS_SERVER):
        role, maker = ("server", "rpc.server_tls") if is_server else ("client", "rpc.client_tls")
        raise ValueError(f"tls: a {role} needs a context of its own kind: make it with {maker}")
    if 0 < context.maximum_version < _LEAST:
        raise ValueError(f"tls: its maximum_version is {context.maximum_version.name}, and TLS 1.3 is the least here")
    context.minimum_version = _LEAST


def _load_chain(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    def refuse_to_ask() -> str:
        raise ValueError(f"{key or cert}: the key is encrypted: write it without a passphrase, readable by you alone")

    _check_readable(cert if key is None else key)
    _check_readable(cert)
    try:
        context.load_cert_chain(cert, key, password=refuse_to_ask)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"the key in {key or cert} does not belong to the certificate in {cert}") from error
        raise ValueError(f"{cert} and {key or cert} hold no certificate with its key, in PEM form") from error


def _load_authorities(context: ssl.SSLContext, file: Path) -> None:
    _check_readable(file)
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError as error:
        raise ValueError(f"{os.fspath(file)} holds no certificate in PEM form") from error


def _check_readable(file: Path) -> None:
    """Raise what opening raises, with the name of the file in it, which `ssl` leaves out."""
    with open(file, "rb"):
        pass


# --- Words -----------------------------------------------------------------------------------------------------


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names in a verified certificate, as `ssl` gives it: the alternative ones, or where it has none its common.

    Only the alternative names have kinds that an authority can be held to (RFC 9525); where there are some, the
    common name is but a remark.
    """
    if not certificate:
        return ()
    alternatives = tuple(value for _, value in certificate.get("subjectAltName", ()) if isinstance(value, str))
    if alternatives:
        return alternatives
    subject = certificate.get("subject", ())
    return tuple(value for part in subject for kind, value in part if kind == "commonName")


_NO_TLS = "it does not speak TLS: without TLS its address is tcp://"
_CLOSED = "the peer closed the connection"
_HTTP = "it speaks HTTP and no TLS"
_REFUSED = "it does not accept our certificate"

_REASONS = {
    "HTTP_REQUEST": _HTTP,
    "HTTPS_PROXY_REQUEST": _HTTP,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate, and client_ca asks for one",
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "SSLV3_ALERT_BAD_CERTIFICATE": f"{_REFUSED}: it is not valid there",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": f"{_REFUSED}: it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": f"{_REFUSED}: it is revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": f"{_REFUSED}: it is not of a kind for this",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of ours: give client_tls its cert= and key=",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it does not speak TLS 1.3",
    "UNEXPECTED_EOF_WHILE_READING": _CLOSED,
    "TLSV1_ALERT_UNKNOWN_CA": f"{_REFUSED}: its authority is not known there",
    "UNSUPPORTED_PROTOCOL": "it does not speak TLS 1.3",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "WRONG_SSL_VERSION": _NO_TLS,
}
"""What OpenSSL calls an end of a handshake, as a sentence about the peer; an ALERT is what the peer said."""

_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_IP = 10, 9, 62, 64
_UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21, 27}
"""Of X509_verify_cert(3): why a certificate was not accepted."""


_FOREIGN = {reason for reason, words in _REASONS.items() if words in (_NO_TLS, _HTTP)}


def is_foreign(error: OSError) -> bool:
    """Whether what the peer sent is no TLS at all."""
    return isinstance(error, ssl.SSLError) and getattr(error, "reason", None) in _FOREIGN


def explain(error: BaseException | None, is_server: bool, tls: ssl.SSLObject | ssl.SSLSocket | None = None) -> str:
    """What a handshake, or a connection, failed of: one sentence about the peer.

    Args:
        error: what was raised, or the cause of it.
        is_server: whether this side is the server, so that the certificate in question is the client's.
        tls: the object that failed, which still has the certificate that was not accepted.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error, is_server, _unverified(tls))
    reason: str | None = getattr(error, "reason", None)  # which the end of a stream has not
    if isinstance(error, ssl.SSLError) and reason:
        return _REASONS.get(reason, f"TLS: {reason.lower().replace('_', ' ')}")
    return _CLOSED


def _explain_certificate(error: ssl.SSLCertVerificationError, is_server: bool, shown: Mapping[str, Any]) -> str:
    whose = "the client's certificate" if is_server else "the server's certificate"
    code = error.verify_code
    if code == _EXPIRED:
        return f"{whose} expired on {quote(shown['notAfter'])}" if "notAfter" in shown else f"{whose} has expired"
    if code == _NOT_YET:
        return f"{whose} is not valid before {quote(shown.get('notBefore', 'some day to come'))}"
    if code in (_OTHER_HOST, _OTHER_IP):
        names = ", ".join(quote(name) for name in names_of(shown)[:8]) or "no host at all"
        return f"{whose} is not for this host, but for {names}: connect by that name, or let it be issued for this one"
    if code in _UNKNOWN_AUTHORITY:
        fix = "client_ca" if is_server else "rpc.client_tls(ca=...)"
        return f"{whose} is of an authority that is not trusted here; trust it with {fix} if it is yours"
    return f"{whose} is not accepted: {error.verify_message}"


def _unverified(tls: ssl.SSLObject | ssl.SSLSocket | None) -> Mapping[str, Any]:
    """The certificate that the peer has shown, whatever it is worth; empty where this Python does not tell.

    The standard library gives it away only from 3.13 on, and then without its meaning; inside it is there before.
    """
    try:
        chain = getattr(tls, "_sslobj").get_unverified_chain()  # noqa: B009 - no part of the typed interface
        shown: Mapping[str, Any] = chain[0].get_info()
    except (AttributeError, TypeError, IndexError, ssl.SSLError):
        return {}
    return shown
