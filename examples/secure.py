r"""A notice board for a network of strangers: TLS, tokens, and who may do what.

A certificate that is its own authority, and a token for each of two people, one line each::

    openssl req -x509 -newkey ed25519 -nodes -days 30 -subj /CN=board -addext subjectAltName=DNS:localhost \
        -keyout key.pem -out cert.pem
    echo "editor $(openssl rand -hex 16)" >> tokens; echo "reader $(openssl rand -hex 16)" >> tokens
    chmod 600 key.pem tokens

The server in one terminal, and in another, in the same directory, two who want something of it::

    python examples/secure.py serve
    TOKEN=$(grep editor tokens | cut -d' ' -f2) python examples/secure.py pin "tea is ready"
    TOKEN=$(grep reader tokens | cut -d' ' -f2) python examples/secure.py read

The reader may not pin, and somebody without a token runs nothing at all. When the certificate is renewed, the files are
overwritten; the server need not be told.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

import rpc

ADDRESS = "tls://localhost:9443"

board = rpc.Service("board")
notices: list[str] = []


def is_editor(context: rpc.Context) -> bool:
    return bool(context.peer.identity == "editor")


@board.method(allow=is_editor)
def pin(context: rpc.Context, text: str) -> None:
    """Pin a notice; for editors."""
    notices.append(f"{text} ({context.peer.identity})")


@board.method
def read() -> list[str]:
    """All notices; for everybody who has a token."""
    return notices


def serve(address: str = ADDRESS) -> None:
    people = {token: name for name, token in map(str.split, Path("tokens").read_text().splitlines())}
    rpc.run(board, address, tls=rpc.server_tls("cert.pem", "key.pem"), authenticate=rpc.tokens(people))


async def use(what: str, *words: str, address: str = ADDRESS) -> None:
    token = os.environ.get("TOKEN", "")
    async with rpc.connect(address, tls=rpc.client_tls("cert.pem"), credential=token, wait=5) as client:
        try:
            if what == "pin":
                await client.call(pin, " ".join(words))
            for notice in await client.call(read):
                print(notice)
        except rpc.PermissionDenied as error:
            print(f"refused: {error}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case [("pin" | "read") as what, *words]:
            trio.run(use, what, *words)
        case _:
            print(__doc__)
