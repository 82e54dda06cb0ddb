from __future__ import annotations

import pytest

from rpc.address import parse
from rpc.client.credential import checked

UNIX, TCP = parse("unix:/run/calc.sock"), parse("tcp://localhost:9000")


@pytest.mark.parametrize(("given", "encoded"), [(None, None), ("h\u00e9", b"h\xc3\xa9"), (b"\xff", b"\xff"), ("", b"")])
def test_text_travels_as_utf_8(given: str | bytes | None, encoded: bytes | None) -> None:
    assert checked(given, UNIX, None, insecure=False) == encoded


def test_it_is_shown_where_it_is_safe_or_said_to_be() -> None:
    with pytest.raises(ValueError, match="not safe on its way"):
        checked("secret", TCP, None, insecure=False)
    assert checked("secret", TCP, None, insecure=True) == b"secret"
    assert checked(None, TCP, None, insecure=False) is None


@pytest.mark.parametrize("insecure", [False, True])
def test_one_that_no_hello_can_hold(insecure: bool) -> None:
    with pytest.raises(ValueError, match="HELLO"):
        checked(bytes(20_000), UNIX, None, insecure=insecure)
