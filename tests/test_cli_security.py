from __future__ import annotations

import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import rpc
from rpc.address import parse
from rpc.cli.security import connect_options, connecting_options, server_context, serving_options
from tests.certificates import Authority
from tests.cli_tools import Program, rpc_command, serving


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("cli"))


def calculator() -> rpc.Service:
    service = rpc.Service("calc", doc="Arithmetic.")

    @service.method
    def add(a: int, b: int) -> int:
        return a + b

    @service.notification
    def observe(name: str) -> None: ...

    return service


# --- Commands that connect ---------------------------------------------------------------------------------------


def test_every_command_that_connects_does_so_over_tls(authority: Authority) -> None:
    with serving(calculator(), ["tls://127.0.0.1:0"], tls=authority.server()) as [address]:
        trust = ["--tls-ca", str(authority.ca)]
        for words in (
            ["call", address, "calc.add", "1", "2"],
            ["notify", address, "calc.observe", "fps"],
            ["ping", address],
            ["list", address],
            ["describe", address],
        ):
            result = rpc_command(*words, *trust)
            assert (result.exit_code, result.stderr) == (0, ""), words
            result = rpc_command(*words)
            assert result.exit_code == 3
            assert "is of an authority that is not trusted here; trust it with --tls-ca if it is yours" in result.stderr


def test_with_a_certificate_of_our_own(authority: Authority) -> None:
    cert, key = authority.issue("alice")
    both = authority.folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    with serving(calculator(), ["tls://127.0.0.1:0"], tls=authority.server(client_ca=authority.ca)) as [address]:
        trusting = ["call", address, "calc.add", "1", "2", "--tls-ca", str(authority.ca)]
        assert rpc_command(*trusting, "--tls-cert", str(cert), "--tls-key", str(key)).stdout == "3\n"
        assert rpc_command(*trusting, "--tls-cert", str(both)).stdout == "3\n"
        result = rpc_command(*trusting)
        assert result.exit_code in (1, 3)
        assert "it wants a certificate of ours: give --tls-cert and --tls-key" in result.stderr


def test_with_a_credential(tmp_path: Path) -> None:
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("a secret\n")
    wrong.write_text("another\n")
    bind = f"unix:{tmp_path}/s"
    with serving(calculator(), [bind], authenticate=rpc.tokens({"a secret": "alice"})):
        words = ["call", bind, "calc.add", "1", "2"]
        assert rpc_command(*words, "--credential-file", str(secret)).stdout == "3\n"
        for credential in (["--credential-file", str(wrong)], []):
            result = rpc_command(*words, *credential)
            assert result.exit_code == 3
            assert "credential refused" in result.stderr
            assert "another" not in result.stderr


def run_with(decorate: Any, ask: Any, *words: str) -> Any:
    """What a command with these options finds, or the message of its wrong usage."""
    found: list[Any] = []

    def command() -> None:
        found.append(ask())

    program: click.Command = click.command()(decorate(command))
    result = CliRunner().invoke(program, list(words))
    assert result.exit_code in (0, 2), result.output
    return found[0] if found else result.output


def connecting(address: str, *words: str) -> Any:
    return run_with(connecting_options, lambda: connect_options(parse(address)), *words)


def test_without_options_nothing_is_said() -> None:
    assert connecting("tls://localhost:1") == {}
    assert connecting("tcp://localhost:1") == {}
    assert connect_options(parse(":1")) == {}  # and where no command runs


def test_options_that_do_not_suit_the_address(authority: Authority) -> None:
    ca = str(authority.ca)
    for address in ("tcp://localhost:1", "unix:/run/s", "udp://localhost:1"):
        assert "the options of TLS are for tls:// addresses, not for " in connecting(address, "--tls-ca", ca)
    for address in ("tcp://localhost:1", "udp://localhost:1"):
        assert "is sent to tls:// and unix: addresses only" in connecting(address, "--credential-file", ca)
    result = rpc_command("notify", "udp://127.0.0.1:1", "calc.observe", "--tls-ca", ca)
    assert result.exit_code == 2
    assert "not for udp://127.0.0.1:1" in result.stderr


def test_files_that_are_of_no_use(authority: Authority) -> None:
    assert "does not exist" in connecting("tls://localhost:1", "--tls-ca", "nowhere.pem")
    _, key = authority.issue("carol")
    assert "a key needs its certificate: give --tls-cert too" in connecting("tls://localhost:1", "--tls-key", str(key))
    assert "holds no certificate in PEM form" in connecting("tls://localhost:1", "--tls-ca", str(key))


# --- The command that serves -------------------------------------------------------------------------------------


def served(*words: str) -> Any:
    return run_with(serving_options, server_context, *words)


def test_the_context_of_a_server(authority: Authority) -> None:
    cert, key = map(str, authority.issue("localhost"))
    assert served() is None
    context = served("--tls-cert", cert, "--tls-key", key)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_NONE
    context = served("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", str(authority.ca))
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_options_of_a_server_that_do_not_fit_together(authority: Authority) -> None:
    cert, key = map(str, authority.issue("localhost"))
    assert "the other options of TLS need --tls-cert" in served("--tls-key", key)
    assert "hold no certificate with its key" in served("--tls-cert", cert)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-b", "tls://127.0.0.1:0"], "it needs a certificate: give --tls-cert and --tls-key"),
        (["-b", "tls://0.0.0.0:0", "CERT"], "give --tls-client-ca, or pass --insecure where"),
        (["-b", "tcp://127.0.0.1:0", "CERT"], "--tls-cert is given, and no address would use it"),
    ],
)
def test_what_a_server_refuses_is_told_in_the_words_of_the_command(
    words: list[str], message: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vault.py").write_text("import rpc\ncalc = rpc.Service('calc')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    if words[-1] == "CERT":
        cert, key = map(str, authority.issue("localhost"))
        words = [*words[:-1], "--tls-cert", cert, "--tls-key", key]
    result = rpc_command("serve", "vault:calc", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_server_in_a_process_of_its_own_takes_a_new_certificate(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "vault.py").write_text("import rpc\ncalc = rpc.Service('calc')\n")
    cert, key = authority.issue("localhost", file="process")
    words = ["serve", "vault:calc", "-b", "tls://127.0.0.1:0", "--tls-cert", str(cert), "--tls-key", str(key), "-v"]
    with Program(*words, directory=tmp_path) as server:
        address = server.wait_for("listening on").rpartition(" ")[2]
        first = certificate_at(address, authority)
        authority.issue("localhost", file="process")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("TLS: read anew: ")
        assert certificate_at(address, authority) != first
        server.process.terminate()
        assert server.end()[0] == 0


def certificate_at(address: str, authority: Authority) -> bytes | None:
    """What a server shows."""
    port = int(address.rpartition(":")[2])
    context = authority.client()
    with (
        socket.create_connection(("127.0.0.1", port)) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as stream,
    ):
        return stream.getpeercert(binary_form=True)
