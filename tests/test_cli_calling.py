from __future__ import annotations

import math

import click
import pytest

import rpc
from rpc.address import parse
from rpc.cli import calling
from rpc.cli.calling import connected, told
from rpc.cli.failure import ExitCode, Failure
from tests.blocking_peers import scripted, silent
from tests.cli_tools import rpc_command, serving


def told_of(error: Exception) -> BaseException:
    """What comes out of a command that raises this."""
    with pytest.raises((Failure, click.UsageError)) as caught, told():
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def test_an_error_of_a_call_is_a_failure() -> None:
    failure = told_of(rpc.NotFound("no such key"))
    assert isinstance(failure, Failure)
    assert failure.exit_code == ExitCode.FAILED


def test_a_timeout_is_a_deadline() -> None:
    failure = told_of(TimeoutError("calc.slow: no answer within 0.5 s"))
    assert isinstance(failure, Failure)
    assert (failure.message, failure.exit_code) == ("calc.slow: no answer within 0.5 s", ExitCode.DEADLINE)


@pytest.mark.parametrize("error", [rpc.EncodeError("[0]: cannot travel"), ValueError("metadata too large")])
def test_what_cannot_be_sent_is_wrong_usage(error: Exception) -> None:
    failure = told_of(error)
    assert isinstance(failure, click.UsageError)
    assert failure.message == str(error)


def test_a_block_has_the_time_it_needs() -> None:
    service = rpc.Service("probe")

    @service.method
    def has_deadline(context: rpc.Context[None]) -> bool:
        return context.deadline != math.inf

    with serving(service, ["tcp://127.0.0.1:0"]) as [address], connected(parse(address), 0) as client:
        assert client.call(has_deadline) is False


def test_nobody_there_is_told_at_once() -> None:
    with pytest.raises(Failure, match="no such socket file") as caught, connected(parse("unix:/nowhere/calc.sock"), 0):
        raise AssertionError
    assert caught.value.exit_code == ExitCode.NO_CONNECTION


def test_silence_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "_PATIENCE", 0.01)
    with scripted(silent) as address:
        message = f"cannot connect to {address}: no answer within 0.01 s"
        with pytest.raises(Failure, match=message) as caught, connected(parse(address), 0):
            raise AssertionError
    assert caught.value.exit_code == ExitCode.NO_CONNECTION


def test_a_command_may_have_less_patience() -> None:
    with scripted(silent) as address:
        message = f"cannot connect to {address}: no answer within 0.01 s"
        with pytest.raises(Failure, match=message) as caught, connected(parse(address), 0, 0.01):
            raise AssertionError
    assert caught.value.exit_code == ExitCode.NO_CONNECTION


@pytest.mark.parametrize("command", ["call", "notify", "ping", "list", "describe", "stub"])
def test_the_timeout_of_a_command_is_for_connecting_too(command: str) -> None:
    method = ["calc.add"] if command in ("call", "notify") else []
    with scripted(silent) as address:
        result = rpc_command(command, address, *method, "-t", "0.01")
    assert result.exit_code == ExitCode.NO_CONNECTION
    assert "no answer within 0.01 s" in result.stderr
