from __future__ import annotations

import click
import pytest

import rpc
from rpc.address import Scheme
from rpc.cli.options import to_address, to_connectable, to_pair, to_seconds


def test_addresses() -> None:
    assert to_address(":9000") == rpc.Address(Scheme.TCP, host="127.0.0.1", port=9000)
    assert to_address("udp://127.0.0.1:9000").is_datagram
    with pytest.raises(click.BadParameter, match="'nowhere' is no address"):
        to_address("nowhere")


def test_nobody_connects_to_datagrams() -> None:
    assert to_connectable("unix:/a").path == "/a"
    with pytest.raises(click.BadParameter, match="takes nothing but notifications: use 'rpc notify'"):
        to_connectable("udp://127.0.0.1:9")


def test_seconds() -> None:
    assert (to_seconds("0.5"), to_seconds(3), to_seconds("inf")) == (0.5, 3.0, float("inf"))


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "1s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time in seconds"):
        to_seconds(text)


def test_pairs() -> None:
    assert to_pair("a=1") == ("a", 1)
    assert to_pair("a=b=c") == ("a", "b=c")
    assert to_pair("a=") == ("a", "")


@pytest.mark.parametrize("text", ["", "a", "=1"])
def test_what_is_no_pair(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write key=value"):
        to_pair(text)
