"""Files of keys, and the commands that take them."""

from __future__ import annotations

import queue
from pathlib import Path

import click
import pytest

import rpc
from rpc.cli.keys import read_keys
from tests.cli_tools import PATIENCE, rpc_command, serving

SECRET = bytes(range(16))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"k1 {SECRET.hex()}\n")
    return path


def test_keys_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# the new one first\nk2\t{bytes(32).hex()}  \n\n0x6b31 {SECRET.hex().upper()}\n  # end")
    assert list(read_keys(path).items()) == [(b"k2", bytes(32)), (b"k1", SECRET)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no key: write lines of an id, and a secret of 16 bytes or more in hex digits"),
        ("# nothing", "has no key"),
        ("k1", "keys, line 1: a line has two words"),
        (f"\nk1 {SECRET.hex()} more", "keys, line 2: a line has two words"),
        ("k1 not.hex", "keys, line 1: the secret is not made of pairs of hex digits"),
        ("k1 abc", "keys, line 1: the secret is not made of pairs of hex digits"),
        (f"0xyz {SECRET.hex()}", "keys, line 1: the id behind 0x is not made of pairs of hex digits"),
        ("k1 abcdef", "keys, line 1: the secret of key b'k1' has 3 bytes; at least 16 are needed"),
        (f"k1 {SECRET.hex()}\nk1 {SECRET.hex()}", "keys, line 2: there is a key b'k1' already"),
    ],
)
def test_a_file_that_is_of_no_use(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(click.UsageError, match=r"keys") as caught:
        read_keys(path)
    assert why in caught.value.message
    for secret in ("not.hex", "abcdef", SECRET.hex()):
        assert secret not in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="No such file or directory"):
        read_keys(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(click.UsageError, match="it is not text"):
        read_keys(tmp_path / "binary")


# --- Commands ------------------------------------------------------------------------------------------------------


def test_notify_seals_with_the_first_key(file: Path) -> None:
    observed: queue.Queue[str] = queue.Queue()
    service = rpc.Service("probe")

    @service.notification
    def observe(name: str) -> None:
        observed.put(name)

    with serving(service, ["udp://127.0.0.1:0"], datagram_keys={b"k1": SECRET}) as [address]:
        assert rpc_command("notify", address, "probe.observe", "unsealed").exit_code == 0
        result = rpc_command("notify", address, "probe.observe", "sealed", "--datagram-key-file", str(file))
        assert (result.exit_code, result.output) == (0, "")
        assert observed.get(timeout=PATIENCE) == "sealed"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["unix:/run/s", "a.b", "--datagram-key-file", "{file}"], "--datagram-key-file is for datagrams"),
        (["udp://239.1.2.3%lo:9", "a.b"], "nothing is taken without --datagram-key-file"),
        (["udp://127.0.0.1:9", "a.b", "--datagram-key-file", "{file}.missing"], "does not exist"),
    ],
)
def test_notify_needs_a_key_where_one_is_of_use(file: Path, words: list[str], why: str) -> None:
    result = rpc_command("notify", *(word.format(file=file) for word in words))
    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-b", "udp://0.0.0.0:0"], "give --datagram-key-file, bind to 127.0.0.1"),
        (["-b", "udp://239.1.2.3%lo:0"], "a multicast address, to which anyone can send: give --datagram-key-file"),
        (["-b", "unix:s", "--datagram-key-file", "keys"], "--datagram-key-file is given, and no address would use it"),
        (
            ["-b", "udp://127.0.0.1:0", "--datagram-key-file", "calc.py"],
            "calc.py, line 1: the secret is not made of pairs",
        ),
    ],
)
def test_serve_speaks_of_its_own_option(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    (file.parent / "calc.py").write_text("import rpc\n\ncalc = rpc.Service('calc')\n")
    monkeypatch.chdir(file.parent)
    result = rpc_command("serve", "calc:calc", *words)
    assert result.exit_code == 2
    assert why in result.stderr


def test_serve_takes_the_keys_of_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    monkeypatch.setattr(rpc, "run", lambda *words, datagram_keys, **options: taken.append(datagram_keys))
    monkeypatch.chdir(file.parent)
    (file.parent / "calc.py").write_text("import rpc\n\ncalc = rpc.Service('calc')\n")
    for words in (["--datagram-key-file", "keys"], []):
        assert rpc_command("serve", "calc:calc", "-b", "udp://127.0.0.1:0", *words).exit_code == 0
    assert taken == [{b"k1": SECRET}, None]
