"""``rpc list`` and ``rpc describe``, against live servers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import attrs
import msgspec
import pytest

import rpc
from rpc.address import parse
from rpc.cli.described import ask
from rpc.cli.failure import Failure
from tests.cli_tools import Program, rpc_command, serving

shop = rpc.Service("shop", doc="A shop.\nOpen always.")
post = rpc.Service("post")


@attrs.define
class Tea:
    """A kind of tea."""

    kind: str
    cups: int = 1


@attrs.define
class SoldOut(Exception):
    """There is no more."""

    kind: str


@shop.method(raises=[SoldOut, rpc.NotFound], idempotent=True)
def order(tea: Tea, times: Annotated[int, msgspec.Meta(ge=1)] = 1) -> int:
    """Order tea.

    As often as you like.
    """
    return tea.cups * times


@shop.method
async def sip(cups: int) -> AsyncIterator[int]:
    yield cups


@post.notification
def send(text: str) -> None:
    """Send it \x1b[31m."""  # noqa: D301 - the escape is meant


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = f"unix:{tmp_path_factory.mktemp('described')}/s"
    with serving([shop, post], [path]) as [bound]:
        yield bound


LIST = """\
shop: A shop.
  shop.order(tea: Tea, times: int = 1) -> int
      Order tea.
  streaming shop.sip(cups: int) -> AsyncIterator[int]

post
  notification post.send(text: str) -> None
      Send it \\x1b[31m.
"""


def test_list(address: str) -> None:
    result = rpc_command("list", address)
    assert (result.exit_code, result.stdout, result.stderr) == (0, LIST, "")


def test_list_for_machines(address: str) -> None:
    result = rpc_command("list", address, "--json")
    listed = json.loads(result.stdout)
    assert [method["name"] for method in listed] == ["shop.order", "shop.sip", "post.send"]
    assert listed[1] == {
        "name": "shop.sip",
        "kind": "streaming",
        "signature": "(cups: int) -> AsyncIterator[int]",
        "doc": "",
    }


ORDER = """\
shop
    A shop.
    Open always.

shop.order(tea: Tea, times: int = 1) -> int
    Order tea.

    As often as you like.
  idempotent: a call that may have run may be made again
  times: int, at least 1
  raises shop.SoldOut(kind: str) UNKNOWN: There is no more.
  raises rpc.NotFound() NOT_FOUND: What was asked for does not exist.

Classes

Tea (attrs)
    A kind of tea.
  kind: str
  cups: int = 1
"""


def test_describe_a_method(address: str) -> None:
    result = rpc_command("describe", address, "shop.order")
    assert (result.exit_code, result.stdout, result.stderr) == (0, ORDER, "")


def test_describe_everything(address: str) -> None:
    result = rpc_command("describe", address)
    head, classes = ORDER.split("\nClasses\n")
    sip = "\nstreaming shop.sip(cups: int) -> AsyncIterator[int]\n"
    send = "\nnotification post.send(text: str) -> None\n    Send it \\x1b[31m.\n"
    assert result.stdout == f"{head}{sip}{send}\nClasses\n{classes}"


def test_describe_the_service_that_describes(address: str) -> None:
    result = rpc_command("describe", address, "rpc.health")
    assert "\nrpc.health() -> HealthReport\n" in result.stdout
    assert "\nHealthReport (attrs)\n" in result.stdout


def test_describe_what_needs_no_classes(address: str) -> None:
    assert rpc_command("describe", address, "post").stdout == (
        "notification post.send(text: str) -> None\n    Send it \\x1b[31m.\n"
    )


def test_describe_for_machines(address: str) -> None:
    described = json.loads(rpc_command("describe", address, "shop.order", "--json").stdout)
    assert list(described) == ["services", "definitions"]
    [method] = described["services"][0]["methods"]
    assert method["result"] == {"type": "integer"}
    assert method["parameters"][0]["schema"] == {"$ref": "#/$defs/Tea"}
    assert method["parameters"][1] == {
        "name": "times",
        "kind": "either",
        "schema": {"type": "integer", "minimum": 1},
        "required": False,
        "default": 1,
        "stream": False,
    }
    assert method["raises"][0]["schema"]["properties"] == {"kind": {"type": "string"}}
    assert described["definitions"]["Tea"]["required"] == ["kind"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["describe", "{}", "shop.ordr"], 5, "there is no method or service shop.ordr; did you mean shop.order?"),
        (["describe", "{}", "zzz"], 5, "there is no method or service zzz"),
        (["call", "{}", "shop.ordr"], 5, "there is no method shop.ordr; did you mean shop.order? (UNIMPLEMENTED)"),
        (["list", "unix:missing/s"], 3, "cannot connect to unix:missing/s: no such socket file"),
        (["list", "udp://127.0.0.1:1"], 2, "udp://127.0.0.1:1 takes nothing but notifications"),
    ],
)
def test_what_goes_wrong_is_one_line(words: list[str], code: int, told: str, address: str) -> None:
    result = rpc_command(*(word.format(address) for word in words))
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_connection_that_is_lost_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot connect to"):
        ask(parse(f"unix:{tmp_path}/s"), 0, 30)


MODULE = """
import rpc

calc = rpc.Service("calc")

@calc.method
def add(a: int, b: int = 0) -> int:
    return a + b

if __name__ == "__main__":
    import trio
    trio.run(rpc.serve_stdio, calc)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "shelf_of_calc.py").write_text(MODULE)
    return tmp_path


def test_a_program_that_serves_tells_what(here: Path) -> None:
    with Program("serve", "shelf_of_calc:calc", "-b", "tcp://127.0.0.1:0", directory=here) as program:
        address = program.wait_for("listening on").rpartition(" ")[2]
        result = rpc_command("list", address)
        assert result.stdout == "calc\n  calc.add(a: int, b: int = 0) -> int\n"
        assert rpc_command("call", address, "calc.ad").stderr.endswith("; did you mean calc.add? (UNIMPLEMENTED)\n")
        assert json.loads(rpc_command("call", address, "rpc.health").stdout)["status"] == "serving"


def test_a_program_that_does_not(here: Path) -> None:
    words = ["serve", "shelf_of_calc:calc", "-b", "tcp://127.0.0.1:0", "--no-describe"]
    with Program(*words, directory=here) as program:
        address = program.wait_for("listening on").rpartition(" ")[2]
        for command in ("list", "describe"):
            result = rpc_command(command, address)
            assert (result.exit_code, result.stdout) == (5, "")
            assert result.stderr.startswith(f"error: {address} does not describe itself: ")
            assert result.stderr.count("\n") == 1
        assert rpc_command("call", address, "calc.ad").stderr == ("error: there is no method calc.ad (UNIMPLEMENTED)\n")
