from __future__ import annotations

import click
import pytest
import trio
import trio.testing

import rpc
from rpc.cli.failure import ExitCode, Failure
from rpc.cli.running import run, within


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
