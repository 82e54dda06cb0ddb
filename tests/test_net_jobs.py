from __future__ import annotations

import pytest
import trio
import trio.testing

from rpc.errors import Code, Processed
from rpc.limits import Limits
from rpc.wire import frames
from tests.probe import Probe, answer
from tests.raw_peer import RawPeer, call, error_of, raw_client, result_of, serve_link, socket_links


@pytest.fixture
def probe() -> Probe:
    return Probe()


# --- Cancellation ------------------------------------------------------------------------------------------------


async def test_a_handler_is_cancelled_and_says_so(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.sleep", 100))
        await trio.sleep(1)
        error = error_of(await answer(peer, frames.cancel(1)))
        assert (error.code, error.processed) == (Code.CANCELLED, Processed.UNKNOWN)
        assert probe.told == ["started", "cancelled"]
        await peer.say(frames.cancel(1))
        assert result_of(await answer(peer, call(3, "probe.add", 1))) == 11


async def test_a_call_and_its_cancel_in_one_batch(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        for number in (1, 3):  # in a new worker, and in a kept one
            error = error_of(await answer(peer, call(number, "probe.sleep", 100), frames.cancel(number)))
            assert (error.code, error.processed) == (Code.CANCELLED, Processed.NOT_PROCESSED)
        assert probe.told == []
        quick = await answer(peer, call(5, "probe.add", 1), frames.cancel(5))
        assert result_of(quick) == 11  # it ran where it was read


async def test_a_cancel_that_crosses_the_answer(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        for number in range(1, 20, 4):
            await peer.say(call(number, "probe.add_later", 1))
            await peer.say(call(number + 2, "probe.add_later", 2), frames.cancel(number))
            assert sorted([(await peer.hear())[1], (await peer.hear())[1]]) == [number, number + 2]


async def test_a_cancel_strikes_no_later_call_of_the_same_worker(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, "probe.add_later", 1))) == 11
        await peer.say(call(3, "probe.sleep", 5), frames.cancel(1))
        await trio.sleep(1)
        await peer.say(frames.cancel(1))
        assert result_of(await peer.hear()) == "slept"


@pytest.mark.parametrize("method", ["probe.finish", "probe.swallow"])
async def test_a_handler_may_finish_although_it_was_cancelled(
    method: str, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, method, *([5] if method == "probe.finish" else [])))
        await trio.sleep(1)
        await peer.say(frames.cancel(1), call(3, "probe.sleep", 1))
        answers = [await peer.hear(), await peer.hear()]
    assert sorted(fields[1] for fields in answers) == [1, 3]
    assert {result_of(fields) for fields in answers} in ({"finished", "slept"}, {"returned anyway", "slept"})
    assert "cancelled" not in probe.told


@pytest.mark.parametrize(
    ("method", "raised"), [("probe.fail_when_cancelled", "KeyError"), ("probe.fail_in_nursery", "KeyError")]
)
async def test_an_error_over_the_cancellation_is_the_answer(
    method: str, raised: str, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, method))
        await trio.sleep(1)
        error = error_of(await answer(peer, frames.cancel(1)))
        assert (error.code, error.type) == (Code.UNKNOWN, raised)
        assert result_of(await answer(peer, call(3, "probe.add_later", 1))) == 11


@pytest.mark.parametrize("method", ["probe.fail_when_cancelled", "probe.fail_in_nursery"])
async def test_an_error_of_a_handler_whose_connection_ends_is_nothing_to_others(
    method: str, probe: Probe, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, method))
        await trio.sleep(1)
    assert [message for message in caplog.messages if "inside" in message] == []
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, method))
        await trio.sleep(1)
        peer.close()
        await trio.sleep(1)
    assert [message for message in caplog.messages if "inside" in message] == []


@pytest.mark.parametrize("method", ["probe.sleep", "probe.finish"])
async def test_the_end_of_the_connection_cancels_its_handlers(
    method: str, probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, method, 10))
        await trio.sleep(1)
        peer.close()
        await trio.sleep(20)
    assert probe.told == ["started", "cancelled" if method == "probe.sleep" else "finished"]


async def test_a_call_and_the_end_of_the_stream_in_one_batch(
    probe: Probe, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_client(probe.service) as peer:
        await peer.say(call(1, "probe.sleep", 10), call(3, "probe.add", 1))
        peer.close()
        await trio.sleep(20)
    assert probe.told in (["add"], ["add", "started", "cancelled"])
    assert not caplog.records


async def test_a_peer_that_calls_and_cancels_without_end_never_runs_more_than_max_calls(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = socket_links()
    peer = RawPeer(near)
    async with serve_link(far, probe.service, limits=Limits(max_calls=16)) as serving:
        await peer.greet()
        [connection] = serving.connections
        refused = 0
        for turn in range(12):  # a peer that goes on with it is cut
            numbers = range(1 + 40 * turn, 41 + 40 * turn, 2)
            await peer.say(*(call(number, "probe.finish", 1000) + frames.cancel(number) for number in numbers))
            await trio.testing.wait_all_tasks_blocked()
            assert len(connection.session.callee.calls) <= 16
            assert len(connection.nursery.child_tasks) <= 20
            for _ in numbers:
                error = error_of(await peer.hear())
                refused += error.code == Code.RESOURCE_EXHAUSTED
                assert error.processed is Processed.NOT_PROCESSED
        # Those that have begun, and finish although they are cancelled, hold their slots until then.
        await peer.say(*(call(number, "probe.finish", 1000) for number in range(5001, 5041, 2)))
        for _ in range(4):
            assert error_of(await peer.hear()).code == Code.RESOURCE_EXHAUSTED
        await trio.testing.wait_all_tasks_blocked()
        assert probe.told == ["started"] * 16
        peer.close()
    assert refused > 0


# --- Deadlines ---------------------------------------------------------------------------------------------------


async def test_a_deadline_cancels_the_handler(probe: Probe, autojump_clock: trio.testing.MockClock) -> None:
    async with raw_client(probe.service) as peer:
        for number in (1, 3):
            start = trio.current_time()
            error = error_of(await answer(peer, call(number, "probe.sleep", 100, timeout=2500)))
            assert trio.current_time() - start == pytest.approx(2.5)
            assert (error.code, error.processed) == (Code.DEADLINE_EXCEEDED, Processed.UNKNOWN)
        assert result_of(await answer(peer, call(5, "probe.sleep", 100))) == "slept"
        assert result_of(await answer(peer, call(7, "probe.sleep", 1, timeout=2500))) == "slept"


async def test_a_shielded_handler_finishes_after_its_deadline(
    probe: Probe, autojump_clock: trio.testing.MockClock
) -> None:
    async with raw_client(probe.service) as peer:
        assert result_of(await answer(peer, call(1, "probe.finish", 10, timeout=1000))) == "finished"
        assert result_of(await answer(peer, call(3, "probe.sleep", 5))) == "slept"


# --- Threads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["cancel", "close"])
async def test_a_thread_is_never_abandoned_and_can_ask(end: str, probe: Probe) -> None:
    with trio.fail_after(20):
        async with raw_client(probe.service) as peer:
            await peer.say(call(1, "probe.block"))
            await probe.thread_began.wait()
            if end == "cancel":
                await peer.say(frames.cancel(1))
            else:
                peer.close()
            await trio.testing.wait_all_tasks_blocked()
            assert probe.told == []
            probe.may_return.set()
    assert probe.told == ["cancelled"]


async def test_a_thread_may_finish_although_it_was_cancelled(probe: Probe) -> None:
    @probe.service.method(thread=True)
    def finish_in_thread() -> str:
        trio.from_thread.run_sync(probe.thread_began.set)
        probe.may_return.wait()
        return "finished"

    with trio.fail_after(20):
        async with raw_client(probe.service) as peer:
            await peer.say(call(1, "probe.finish_in_thread"))
            await probe.thread_began.wait()
            await peer.say(frames.cancel(1))
            await trio.testing.wait_all_tasks_blocked()
            probe.may_return.set()
            assert result_of(await peer.hear()) == "finished"
