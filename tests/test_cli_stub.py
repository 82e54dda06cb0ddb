"""``rpc stub``, against live servers; what it writes is used in ``test_examples_inventory``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import rpc
from examples.inventory import inventory
from rpc.generation.module import MARK
from tests.cli_tools import rpc_command, serving
from tests.shapes import MODULE, second, shapes

other = rpc.Service("other")


@other.method
def ping() -> None: ...


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = f"unix:{tmp_path_factory.mktemp('inventory')}/s"
    with serving([inventory, other], [path]) as [bound]:
        yield bound


def test_to_a_file_or_to_standard_output(address: str, tmp_path: Path) -> None:
    module = tmp_path / "client.py"
    result = rpc_command("stub", address, "inventory", "-o", str(module), "--wait", "1")
    assert (result.exit_code, result.output) == (0, "")
    assert rpc_command("stub", address, "inventory").stdout_bytes == module.read_bytes()
    assert rpc_command("stub", address, "inventory", "-o", "-").stdout_bytes == module.read_bytes()


def test_all_services_or_some(address: str) -> None:
    both = rpc_command("stub", address).stdout
    assert both.startswith('"""The services ``inventory`` and ``other``, as the server describes them.')
    assert "class Other(Protocol):\n    async def ping(self) -> None: ...\n" in both
    assert rpc_command("stub", address, "other", "other").stdout.count("class ") == 1


def test_every_shape_comes_over_the_wire(tmp_path: Path) -> None:
    with serving([shapes, second], [f"unix:{tmp_path}/s"]) as [bound]:
        assert rpc_command("stub", bound).stdout == MODULE.read_text()


def test_a_check_writes_nothing(address: str, tmp_path: Path) -> None:
    module = tmp_path / "client.py"
    check = partial(rpc_command, "stub", address, "other", "-o", str(module), "--check")
    missing = check()
    assert missing.exit_code == 1
    assert f"{module} is not what the server describes now: write it anew" in missing.stderr
    assert not module.exists()
    assert rpc_command("stub", address, "other", "-o", str(module)).exit_code == 0
    assert check().exit_code == 0
    module.write_text(module.read_text() + "\n")
    assert check().exit_code == 1
    nowhere = rpc_command("stub", address, "--check")
    assert (nowhere.exit_code, nowhere.stdout) == (2, "")
    assert "name it with -o" in nowhere.stderr


def test_what_somebody_wrote_is_kept(address: str, tmp_path: Path) -> None:
    module = tmp_path / "client.py"
    module.write_text("print('mine')\n")
    refused = rpc_command("stub", address, "-o", str(module))
    assert refused.exit_code == 2
    assert "was not written by 'rpc stub': remove it, or name another file" in refused.stderr
    assert module.read_text() == "print('mine')\n"
    module.write_text(f'"""{MARK}"""\n')
    assert rpc_command("stub", address, "-o", str(module)).exit_code == 0


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_a_file_that_cannot_be_used(address: str, tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "file").touch()
    result = rpc_command("stub", address, "-o", str(tmp_path / "file" / "client.py"), *option)
    assert result.exit_code == 1
    assert "client.py: Not a directory" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_service_that_is_not_there(address: str) -> None:
    result = rpc_command("stub", address, "inventary")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == f"error: {address} has no service 'inventary': see 'rpc list {address}'\n"


def test_a_server_that_does_not_describe_itself(tmp_path: Path) -> None:
    with serving(other, [f"unix:{tmp_path}/s"], describe=False) as [bound]:
        result = rpc_command("stub", bound)
    assert (result.exit_code, result.stdout) == (5, "")
    assert f"{bound} does not describe itself" in result.stderr


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (5, "expected Description, got int 5"),
        ({"services": [{"name": "a"}], "definitions": {}}, "at .services[0] lacks the field 'doc'"),
    ],
)
def test_a_description_that_is_none(said: object, told: str, tmp_path: Path) -> None:
    class Anything(rpc.Service):
        _reserved = ""

    server = Anything("rpc")

    @server.method
    def describe(method: object) -> object:
        return said

    with serving(server, [f"unix:{tmp_path}/s"], describe=False) as [bound]:
        result = rpc_command("stub", bound)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: rpc.describe: the result ")
    assert result.stderr.count("\n") == 1
    assert told in result.stderr


def test_nobody_is_there() -> None:
    result = rpc_command("stub", "unix:/nowhere/s", "-o", "client.py")
    assert result.exit_code == 3
    assert "no such socket file" in result.stderr


def test_a_server_without_methods(tmp_path: Path) -> None:
    with serving(rpc.Service("empty"), [f"unix:{tmp_path}/s"]) as [bound]:
        result = rpc_command("stub", bound)
    assert result.exit_code == 1
    assert f"no module can be written from what {bound} tells of itself: no service with a method" in result.stderr
