from __future__ import annotations

import math

import click
import pytest
import trio
import trio.testing

import rpc
from rpc.address import parse
from rpc.cli import running
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.running import connected, run, within


def failing_with(error: BaseException) -> BaseException:
    """What comes out of `run` where the command raises this."""

    async def main() -> None:
        await trio.lowlevel.checkpoint()
        raise error

    with pytest.raises((Exception, KeyboardInterrupt)) as caught:
        run(main)
    return caught.value


def test_a_result_comes_out() -> None:
    async def main() -> int:
        await trio.lowlevel.checkpoint()
        return 5

    assert run(main) == 5


def test_an_error_of_a_call_is_a_failure() -> None:
    failure = failing_with(rpc.NotFound("no such key"))
    assert isinstance(failure, Failure)
    assert failure.exit_code == ExitCode.FAILED


@pytest.mark.parametrize("error", [rpc.EncodeError("[0]: cannot travel"), ValueError("metadata too large")])
def test_what_cannot_be_sent_is_wrong_usage(error: Exception) -> None:
    failure = failing_with(error)
    assert isinstance(failure, click.UsageError)
    assert failure.message == str(error)


def test_an_interrupt_is_found_in_a_group() -> None:
    nested = BaseExceptionGroup("nursery", [ValueError(), BaseExceptionGroup("inner", [KeyboardInterrupt()])])
    assert type(failing_with(nested)) is KeyboardInterrupt
    assert type(failing_with(KeyboardInterrupt())) is KeyboardInterrupt


def test_other_groups_are_bugs_and_stay_what_they_are() -> None:
    group = ExceptionGroup("nursery", [RuntimeError()])
    assert failing_with(group) is group


async def test_within_leaves_the_block_alone(autojump_clock: trio.testing.MockClock) -> None:
    with within(1, "it"):
        await trio.sleep(0.9)


async def test_within_says_what_did_not_answer(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(Failure) as caught, within(0.5, "calc.slow"):
        await trio.sleep(1)
    assert (caught.value.message, caught.value.exit_code) == ("calc.slow: no answer within 0.5 s", ExitCode.DEADLINE)


async def test_a_connection_has_no_deadline() -> None:
    service = rpc.Service("probe")

    @service.method
    def has_deadline(context: rpc.Context[None]) -> bool:
        return context.deadline != math.inf

    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(rpc.serve, service, "tcp://127.0.0.1:0")
        async with connected(parse(address), 0) as client:
            assert not await client.call(has_deadline)
        nursery.cancel_scope.cancel()


async def test_nobody_there_is_unavailable_at_once() -> None:
    with pytest.raises(rpc.Unavailable, match="no such socket file"):
        async with connected(parse("unix:/nowhere/calc.sock"), 0):
            raise AssertionError


async def test_silence_is_given_up(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "rpc", SilentRpc)
    start = trio.current_time()
    with pytest.raises(rpc.Unavailable, match=r"cannot connect to unix:/a: no answer within 12 s") as caught:
        async with connected(parse("unix:/a"), 2):
            raise AssertionError
    assert trio.current_time() - start == pytest.approx(12)
    assert caught.value.processed == rpc.Processed.NOT_PROCESSED


class SilentRpc:
    """`rpc` with a `connect` to which nobody ever answers."""

    Unavailable = rpc.Unavailable
    Processed = rpc.Processed

    class connect:
        def __init__(self, address: rpc.Address, *, wait: float) -> None:
            pass

        async def __aenter__(self) -> None:
            await trio.sleep_forever()

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError
