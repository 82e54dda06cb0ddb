from __future__ import annotations

import click
import pytest

import rpc
from rpc.cli.failure import ExitCode, Failure, failure_of, report


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (rpc.RemoteError("secret", type="KeyError"), 1, "KeyError: secret"),
        (rpc.NotFound("no such key"), 1, "no such key (NOT_FOUND)"),
        (rpc.Aborted(), 1, "there was no message (ABORTED)"),
        (rpc.RemoteError("(3,)", type="bank.Poor", details={"needed": 3}), 1, 'bank.Poor: (3,) {"needed": 3}'),
        (rpc.Unavailable("cannot connect", processed=1), 3, "cannot connect"),
        (rpc.Unavailable("connection lost", processed=0), 1, "connection lost (UNAVAILABLE)"),
        (rpc.DeadlineExceeded("too late"), 4, "too late (DEADLINE_EXCEEDED)"),
        (rpc.Unimplemented("there is no method x"), 5, "there is no method x (UNIMPLEMENTED)"),
        (rpc.InvalidArgument("expected int"), 5, "expected int (INVALID_ARGUMENT)"),
    ],
)
def test_an_error_becomes_a_line_and_an_exit_code(error: rpc.Error, code: int, message: str) -> None:
    failure = failure_of(error)
    assert (failure.exit_code, failure.message, failure.more) == (code, message, "")


def test_what_a_handler_says_is_left_as_it_is() -> None:
    message = "trust it with rpc.client_tls(ca=...)"
    assert failure_of(rpc.Aborted(message)).message == f"{message} (ABORTED)"
    assert failure_of(rpc.Unavailable(message, processed=1)).message == "trust it with --tls-ca"


def test_the_exit_codes_are_a_promise() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "NO_CONNECTION": 3,
        "DEADLINE": 4,
        "MISCALLED": 5,
        "INTERRUPTED": 130,
    }


def test_a_failure_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    report(Failure("no\nsuch \x1b[31mthing", ExitCode.FAILED))
    assert capsys.readouterr() == ("", "error: no\\nsuch \\x1b[31mthing\n")


def test_a_traceback_of_the_server_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    error = rpc.RemoteError("boom", type="KeyError", remote_traceback="Traceback:\n  a\x1b\nKeyError: boom\n")
    report(failure_of(error))
    assert capsys.readouterr().err == "Traceback:\n  a\\x1b\nKeyError: boom\nerror: KeyError: boom\n"


def test_wrong_usage_tells_the_way_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    ctx = click.Context(click.Command("call"), info_name="rpc call")
    report(click.UsageError("Missing argument 'ADDRESS'.", ctx))
    report(click.UsageError("no context"))
    report(click.ClickException("Something else."))
    assert capsys.readouterr().err.splitlines() == [
        "error: missing argument 'ADDRESS' (see 'rpc call --help')",
        "error: no context",
        "error: something else.",
    ]
