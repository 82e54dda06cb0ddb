from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import pytest

import rpc
from rpc.peer import Peer

SOMEBODY = Peer(address="tls://127.0.0.1:4000", transport="tls")


@pytest.mark.parametrize(
    ("credential", "identity"),
    [(b"one", "alice"), (b"two", {"name": "bob"}), (b"", None), (None, None), (b"on", None), (b"onee", None)],
)
async def test_who_has_which_token(credential: bytes | None, identity: object) -> None:
    people: dict[str | bytes, object] = {"one": "alice", b"two": {"name": "bob"}}
    authenticate = rpc.tokens(people)
    assert await authenticate(credential, SOMEBODY) == identity


async def test_all_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticate = rpc.tokens({f"secret {number}": number for number in range(10)})
    compared: list[tuple[Any, Any]] = []
    compare = hmac.compare_digest

    def remember(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", remember)
    for credential in (b"secret 0", b"secret 9", b"something of another length", None):
        compared.clear()
        await authenticate(credential, SOMEBODY)
        assert len(compared) == 10
        assert {len(digest) for pair in compared for digest in pair} == {32}
        assert not any(b"secret" in digest for pair in compared for digest in pair)


@pytest.mark.parametrize("identities", [{}, {"": "alice"}, {b"": "alice"}, {"one": None}, {"one": 1, b"one": 2}])
def test_what_would_let_in_nobody_or_anybody(identities: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="tokens: "):
        rpc.tokens(identities)


def test_tokens_say_whose_they_are() -> None:
    wrong: Any = ["secret"]
    with pytest.raises(TypeError, match="tokens: give a dict of each secret and whose it is"):
        rpc.tokens(wrong)


def test_no_secret_shows() -> None:
    assert "one" not in repr(rpc.tokens({"one": "alice"})).replace("None", "")
