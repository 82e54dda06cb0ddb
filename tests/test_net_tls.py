from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from rpc.net.tls import ReloadingContext, check, client_tls, explain, names_of, server_tls
from tests.certificates import LONG_AGO, Authority

TOMORROW = datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


class Side:
    """One end of a handshake in memory."""

    def __init__(self, context: ssl.SSLContext, host: str | None) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=host is None, server_hostname=host)
        self.is_server = host is None
        self.said: str | None = None
        self.is_open = False

    def step(self) -> None:
        try:
            if self.is_open:
                self.tls.read(1)
            else:
                self.tls.do_handshake()
                self.is_open = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.said = self.said or explain(error, self.is_server, self.tls)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str = "localhost") -> tuple[Side, Side]:
    sides = Side(client, host), Side(server, None)
    for _ in range(4):
        for side, other in (sides, sides[::-1]):
            if side.said is None:
                side.step()
            other.incoming.write(side.outgoing.read())
    return sides


def serial(side: Side) -> Any:
    """Which certificate the other side has shown."""
    certificate = side.tls.getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


# --- Contexts ----------------------------------------------------------------------------------------------------


def test_a_client_and_a_server_of_one_authority(authority: Authority) -> None:
    client, server = shake_hands(authority.client(), authority.server())
    assert client.is_open
    assert server.is_open
    assert client.tls.version() == "TLSv1.3"
    assert names_of(client.tls.getpeercert()) == ("localhost", "127.0.0.1")
    assert names_of(server.tls.getpeercert()) == ()


def test_mutual_tls_tells_the_clients_names(authority: Authority) -> None:
    client, server = shake_hands(authority.client("alice"), authority.server(client_ca=authority.ca))
    assert client.said is None
    assert names_of(server.tls.getpeercert()) == ("alice",)


def test_no_session_tickets_are_sent(authority: Authority) -> None:
    assert authority.server().num_tickets == 0


def test_the_key_may_be_in_the_file_of_the_certificate(authority: Authority) -> None:
    cert, key = authority.issue("bob")
    both = authority.folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    client, _ = shake_hands(client_tls(authority.ca, both), authority.server(client_ca=authority.ca))
    assert client.said is None


def test_files_that_are_of_no_use_are_named(authority: Authority) -> None:
    cert, key = authority.issue("one")
    _, other = authority.issue("two")
    junk = authority.folder / "junk.pem"
    junk.write_text("nothing of the kind")
    missing = authority.folder / "missing.pem"
    for files in ((missing, key), (cert, missing), (cert, key, missing)):
        with pytest.raises(FileNotFoundError) as caught:
            server_tls(*files)
        assert os.fspath(caught.value.filename) == str(missing)
    with pytest.raises(ValueError, match=r"the key in .*two\.key does not belong to the certificate in .*one\.pem"):
        server_tls(cert, other)
    with pytest.raises(ValueError, match=r"junk\.pem and .*one\.key hold no certificate with its key, in PEM form"):
        server_tls(junk, key)
    with pytest.raises(ValueError, match=r"one\.pem and .*one\.pem hold no certificate with its key"):
        client_tls(authority.ca, cert)
    with pytest.raises(ValueError, match=r"junk\.pem holds no certificate in PEM form"):
        server_tls(cert, key, junk)
    with pytest.raises(ValueError, match=r"junk\.pem holds no certificate in PEM form"):
        client_tls(junk)


def test_a_key_that_is_encrypted_is_not_asked_about_at_the_terminal(authority: Authority) -> None:
    cert, key = authority.issue("locked")
    private = load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase")))
    with pytest.raises(ValueError, match=r"locked\.key: the key is encrypted: write it without a passphrase"):
        server_tls(cert, key)


def test_a_key_needs_its_certificate() -> None:
    with pytest.raises(ValueError, match="a key needs its certificate: give cert= too"):
        client_tls(key="some.key")


def test_without_an_authority_those_of_the_system_are_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = shake_hands(client_tls(), authority.server())
    assert client.said is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    client, _ = shake_hands(client_tls(), authority.server())
    assert client.said is None


# --- Roles -------------------------------------------------------------------------------------------------------


def test_a_context_of_the_other_role_is_refused() -> None:
    with pytest.raises(ValueError, match="a server needs a context of its own kind: make it with rpc"):
        check(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), is_server=True)
    with pytest.raises(ValueError, match="a client needs a context of its own kind: make it with rpc"):
        check(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), is_server=False)


def test_tls_1_3_is_the_least() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    check(context, is_server=True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ValueError, match=r"its maximum_version is TLSv1_2, and TLS 1\.3 is the least here"):
        check(context, is_server=False)


# --- Reading files again -----------------------------------------------------------------------------------------


def test_a_new_certificate_is_shown_to_the_next_connection(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server = authority.server(file="renewed")
    first, _ = shake_hands(authority.client(), server)
    again, _ = shake_hands(authority.client(), server)
    assert serial(first) == serial(again)
    assert caplog.messages == []
    authority.issue("localhost", file="renewed")
    second, _ = shake_hands(authority.client(), server)
    third, _ = shake_hands(authority.client(), server)
    assert serial(first) != serial(second) == serial(third)
    [message] = caplog.messages
    assert message.startswith("TLS: read anew: ")
    assert first.tls.getpeercert() is not None  # what is open goes on


def test_files_that_cannot_be_used_are_told_once_and_the_old_ones_stay(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    server = authority.server(file="broken")
    first, _ = shake_hands(authority.client(), server)
    (authority.folder / "broken.pem").write_text("half a cert")
    for _ in range(2):
        second, _ = shake_hands(authority.client(), server)
        assert serial(second) == serial(first)
    [message] = caplog.messages
    assert message.startswith("TLS: what was read before stays in use: ")
    os.unlink(authority.folder / "broken.key")
    third, _ = shake_hands(authority.client(), server)
    assert serial(third) == serial(first)
    authority.issue("localhost", file="broken")
    fourth, _ = shake_hands(authority.client(), server)
    assert serial(fourth) != serial(first)


def test_a_certificate_that_comes_before_its_key_is_not_mixed_up_with_the_old_one(authority: Authority) -> None:
    server = authority.server(file="slow")
    old_key = (authority.folder / "slow.key").read_bytes()
    first, _ = shake_hands(authority.client(), server)
    _, key = authority.issue("localhost", file="slow")
    new_key = key.read_bytes()
    key.write_bytes(old_key)
    second, _ = shake_hands(authority.client(), server)
    assert serial(second) == serial(first)
    key.write_bytes(new_key)
    third, _ = shake_hands(authority.client(), server)
    assert serial(third) != serial(first)


def test_an_authority_that_is_taken_out_of_the_file_is_no_longer_trusted(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.ca.read_bytes())
    server = authority.server(client_ca=trusted)
    assert shake_hands(authority.client("alice"), server)[1].said is None
    trusted.write_bytes(other.ca.read_bytes())
    assert shake_hands(authority.client("alice"), server)[1].said is not None
    own = client_tls(authority.ca, *other.issue("bob"))
    assert shake_hands(own, server)[1].said is None


def test_it_can_be_told_to_read_again(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    server = authority.server(file="told")
    assert isinstance(server, ReloadingContext)
    server.reload()
    assert len(caplog.messages) == 1
    assert shake_hands(authority.client(), server)[0].said is None


def test_sockets_get_what_is_in_the_files_too(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[ssl.SSLContext] = []

    def wrap_socket(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        wrapped.append(self)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap_socket)
    server = authority.server(file="socket")
    server.wrap_socket(None)  # type: ignore[arg-type]
    authority.issue("localhost", file="socket")
    server.wrap_socket(None)  # type: ignore[arg-type]
    assert wrapped[0] is server
    assert type(wrapped[1]) is ssl.SSLContext


# --- Words -------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_servers_certificate(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    ours = authority.client()
    cases = {
        "the server's certificate expired on Jan 31 00:00:00 2020 GMT": (
            ours,
            authority.server("localhost", file="expired", until=LONG_AGO),
        ),
        "the server's certificate is not valid before Dec  2 00:00:00 2998 GMT": (
            ours,
            authority.server("localhost", file="early", until=TOMORROW),
        ),
        "the server's certificate is not for this host, but for calc.lan, 10.0.0.1: connect by that name, "
        "or let it be issued for this one": (ours, authority.server("calc.lan", "10.0.0.1")),
        "the server's certificate is of an authority that is not trusted here; trust it with "
        "rpc.client_tls(ca=...) if it is yours": (other.client(), authority.server()),
    }
    for words, (client, server) in cases.items():
        near, far = shake_hands(client, server)
        assert near.said == words
        assert far.said is not None
        assert far.said.startswith("it does not accept our certificate: ")


def test_what_is_wrong_with_a_clients_certificate(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    server = authority.server(client_ca=authority.ca)
    near, far = shake_hands(authority.client(), server)
    assert near.said == "it wants a certificate of ours: give client_tls its cert= and key="
    assert far.said == "it showed no certificate, and client_ca asks for one"
    near, far = shake_hands(client_tls(authority.ca, *other.issue("mallory")), server)
    assert near.said == "it does not accept our certificate: its authority is not known there"
    assert far.said is not None
    assert far.said.endswith("not trusted here; trust it with client_ca if it is yours")
    near, far = shake_hands(authority.client("late", until=LONG_AGO), server)
    assert near.said == "it does not accept our certificate: it has expired"
    assert far.said is not None
    assert far.said.startswith("the client's certificate ")


def test_a_peer_that_speaks_an_older_version(authority: Authority) -> None:
    old = ssl.create_default_context(cafile=str(authority.ca))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    near, far = shake_hands(old, authority.server())
    assert far.said == "it does not speak TLS 1.3"
    assert near.said == "it does not speak TLS 1.3"


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "it speaks HTTP and no TLS"),
        (bytes(12), "it does not speak TLS: without TLS its address is tcp://"),
        (bytes.fromhex("0000000f d9d9f7830001a1"), "it does not speak TLS: without TLS its address is tcp://"),
    ],
)
def test_a_peer_that_speaks_no_tls(authority: Authority, spoken: bytes, words: str) -> None:
    server = Side(authority.server(), None)
    server.incoming.write(spoken)
    server.step()
    assert server.said == words


def test_what_has_no_words_of_its_own() -> None:
    error = ssl.SSLError(1, "[SSL] something new")
    error.reason = "SOMETHING_NEW"
    assert explain(error, False) == "TLS: something new"
    assert explain(ssl.SSLEOFError(8, "EOF"), False) == "the peer closed the connection"
    assert explain(ConnectionResetError(), False) == "the peer closed the connection"
    assert explain(None, True) == "the peer closed the connection"


def failed(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_code, error.verify_message = code, "unsuitable purpose"
    return error


def test_a_certificate_that_this_python_does_not_show() -> None:
    assert explain(failed(10), True) == "the client's certificate has expired"
    assert explain(failed(9), True) == "the client's certificate is not valid before some day to come"
    assert "but for no host at all" in explain(failed(62), False)
    assert explain(failed(26), False) == "the server's certificate is not accepted: unsuitable purpose"


def test_the_names_in_a_certificate() -> None:
    subject = ((("organizationName", "us"),), (("commonName", "alice"),))
    alternatives = (("DNS", "calc.lan"), ("URI", "spiffe://lan/calc"), ("DirName", (("x", "y"),)))
    assert names_of({"subject": subject}) == ("alice",)
    assert names_of({"subject": subject, "subjectAltName": alternatives}) == ("calc.lan", "spiffe://lan/calc")
    assert names_of({}) == names_of(None) == ()
