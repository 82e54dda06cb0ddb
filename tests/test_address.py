from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.address import Address, Scheme, parse

GOOD = {
    "unix:/run/calc.sock": Address(Scheme.UNIX, path="/run/calc.sock"),
    "unix:calc.sock": Address(Scheme.UNIX, path="calc.sock"),
    "unix:/run/a:b@c.sock": Address(Scheme.UNIX, path="/run/a:b@c.sock"),
    "unixgram:/run/calc.dg": Address(Scheme.UNIXGRAM, path="/run/calc.dg"),
    "tcp://127.0.0.1:9000": Address(Scheme.TCP, host="127.0.0.1", port=9000),
    "tcp://localhost:0": Address(Scheme.TCP, host="localhost", port=0),
    "tcp://:9000": Address(Scheme.TCP, host="", port=9000),
    "tcp://[::1]:65535": Address(Scheme.TCP, host="::1", port=65535),
    "tcp://[fe80::1%eth0]:1": Address(Scheme.TCP, host="fe80::1%eth0", port=1),
    "tls://calc.lan:9000": Address(Scheme.TLS, host="calc.lan", port=9000),
    "udp://127.0.0.1:9000": Address(Scheme.UDP, host="127.0.0.1", port=9000),
}


@pytest.mark.parametrize(("text", "address"), GOOD.items())
def test_an_address_and_its_text_are_the_same_thing(text: str, address: Address) -> None:
    assert parse(text) == address
    assert str(address) == text
    assert parse(address) is address


def test_a_port_alone_is_loopback() -> None:
    assert parse(":9000") == parse("tcp://127.0.0.1:9000")


def test_a_path_may_be_written_like_a_url() -> None:
    assert parse("unix:///run/calc.sock") == parse("unix:/run/calc.sock")


@pytest.mark.parametrize(
    ("text", "is_datagram", "is_path"),
    [
        ("unix:/a", False, True),
        ("tcp://a:1", False, False),
        ("tls://a:1", False, False),
        ("udp://a:1", True, False),
        ("unixgram:/a", True, True),
    ],
)
def test_what_travels_where(text: str, is_datagram: bool, is_path: bool) -> None:
    assert parse(text).is_datagram is is_datagram
    assert parse(text).is_path is is_path


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write unix:/path, tcp://host:port"),
        ("calc.sock", "write unix:calc.sock"),
        ("/run/calc.sock", "write unix:/run/calc.sock"),
        ("./calc", "write unix:./calc"),
        ("9000", "write :9000"),
        ("localhost:9000", "write tcp://localhost:9000, or tls://localhost:9000"),
        ("[::1]:9000", "write tcp://[::1]:9000"),
        ("calc", "tls://host:port or :port, and for notifications alone udp://host:port or unixgram:/path"),
        ("http://a:1", "write unix:/path, tcp://host:port"),
        ("UNIX:/a", "write unix:/path, tcp://host:port"),
        ("tcp", "write unix:/path, tcp://host:port"),
        ("unix", "write unix:/path, tcp://host:port"),
        ("unix:", "write unix:/path/of/the.sock"),
        ("unix://", "write unix:/path/of/the.sock"),
        ("unixgram:", "write unixgram:/path/of/the.sock"),
        ("unix:/a\0b", "write unix:/path/of/the.sock"),
        ("unix:@abstract", "has no permissions"),
        ("unix:\0abstract", "has no permissions"),
        ("unix://@abstract", "has no permissions"),
        ("tcp:a:1", "write tcp://host:port"),
        ("tcp:/a:1", "write tcp://host:port"),
        ("udp:a:1", "write udp://host:port"),
        ("tcp://a", "write tcp://host:port with a port of 0 to 65535"),
        ("tcp://a:", "a port of 0 to 65535"),
        ("tcp://a:-1", "a port of 0 to 65535"),
        ("tcp://a:+1", "a port of 0 to 65535"),
        ("tcp://a:65536", "a port of 0 to 65535"),
        ("tcp://a:1/", "a port of 0 to 65535"),
        ("tcp://a:٣", "a port of 0 to 65535"),
        ("tcp://a: 1", "a port of 0 to 65535"),
        ("tcp://::1:9000", "an IPv6 host in brackets"),
        ("tcp://[::1:9000", "an IPv6 host in brackets"),
        (":http", "a port of 0 to 65535"),
        (":", "a port of 0 to 65535"),
    ],
)
def test_what_is_no_address_is_told_what_is_one(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|abstract") as caught:
        parse(text)
    assert advice in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 9000, b"unix:/a", Path("/run/calc.sock")])
def test_an_address_is_text(wrong: Any) -> None:
    with pytest.raises(TypeError, match="an address is text, as unix:/path"):
        parse(wrong)


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_path_is_measured_in_bytes(letter: str) -> None:
    fits = "/" + letter * (106 // len(letter.encode()))
    assert parse(f"unix:{fits}").path == fits
    with pytest.raises(ValueError, match="at most 107 bytes"):
        parse(f"unix:{fits}{letter}")


@given(st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    for prefix in ("", "unix:", "tcp://", "udp://[", ":"):
        try:
            address = parse(prefix + text)
        except ValueError:
            continue
        assert parse(str(address)) == address


@pytest.mark.parametrize("text", ["unix:////run/x", "unix:///run/x", "unix:/run/x", "unix://x", "tcp://[::1]:9"])
def test_the_text_of_an_address_reads_back_as_itself(text: str) -> None:
    address = parse(text)
    assert parse(str(address)) == address


def test_empty_brackets_are_no_host() -> None:
    with pytest.raises(ValueError, match="in brackets"):
        parse("tcp://[]:9")
