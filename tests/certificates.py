"""Certificates for tests: an authority, and files with what it issued."""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path

import trustme

import rpc

__all__ = ["LONG_AGO", "Authority"]

LONG_AGO = datetime.datetime(2020, 1, 31, tzinfo=datetime.UTC)


class Authority:
    """An authority whose files are in a folder of the test's own.

    Attributes:
        folder: where the files are.
        ca: the file with its own certificate.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.name = name
        self._authority = trustme.CA()
        self.ca = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, *names: str, file: str = "", until: datetime.datetime | None = None) -> tuple[Path, Path]:
        """Files with a certificate for these names, and with its key."""
        since = None if until is None else until - datetime.timedelta(days=30)
        issued = self._authority.issue_cert(*names, not_after=until, not_before=since)
        stem = file or f"{self.name}-{names[0]}"
        cert, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        # Written beside and renamed, as whoever renews a certificate does.
        for path, blobs in ((cert, issued.cert_chain_pems), (key, [issued.private_key_pem])):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(b"".join(blob.bytes() for blob in blobs))
            os.replace(fresh, path)
        return cert, key

    def server(self, *names: str, client_ca: Path | None = None, **options: object) -> ssl.SSLContext:
        """The context of a server for these names."""
        cert, key = self.issue(*(names or ("localhost", "127.0.0.1")), **options)  # type: ignore[arg-type]
        return rpc.server_tls(cert, key, client_ca)

    def client(self, name: str = "", **options: object) -> ssl.SSLContext:
        """The context of a client that trusts this authority, and has a certificate of it where it has a name."""
        cert, key = self.issue(name, **options) if name else (None, None)  # type: ignore[arg-type]
        return rpc.client_tls(self.ca, cert, key)
