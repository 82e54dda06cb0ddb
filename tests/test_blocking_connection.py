"""Many threads on one connection, and peers that die, lie, or say nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

import rpc
from rpc import blocking
from rpc.blocking.connection import scratch
from rpc.errors import Reason
from rpc.wire import frames
from tests.blocking_peers import Spoken, scripted
from tests.blocking_served import add, probe, told
from tests.cli_tools import PATIENCE, serving
from tests.raw_peer import call, data, failure, greeting, notify, reply


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(probe, [f"unix:{tmp_path_factory.mktemp('blocking')}/s"]) as [address]:
        yield address


def in_threads(*works: Callable[[], object]) -> list[object]:
    """What each of these gives, or raises, all run at once."""
    results: list[object] = [None] * len(works)

    def run(index: int) -> None:
        try:
            results[index] = works[index]()
        except BaseException as failure:
            results[index] = failure

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return results


# --- Threads -------------------------------------------------------------------------------------------------------


def test_threads_share_a_connection(address: str) -> None:
    with blocking.connect(address, timeout=PATIENCE) as client:

        def work() -> bool:
            return all(client.call(add, number, 1) == number + 1 for number in range(100))

        assert in_threads(*[work] * 16) == [True] * 16


def test_more_threads_than_the_server_takes_calls(tmp_path_factory: pytest.TempPathFactory) -> None:
    bind = f"unix:{tmp_path_factory.mktemp('blocking')}/s"
    with (
        serving(probe, [bind], limits=rpc.Limits(max_calls=16)) as [address],
        blocking.connect(address, timeout=PATIENCE) as client,
    ):
        payload = bytes(100_000)

        def work() -> bool:
            return all(client.call("probe.echo", payload) == payload for _ in range(5))

        assert in_threads(*[work] * 40) == [True] * 40


def test_large_and_small_and_late_at_once(address: str) -> None:
    with blocking.connect(address, timeout=PATIENCE) as client:
        brief = client.with_options(timeout=0.5)

        def large() -> int:
            return len(client.call("probe.echo", bytes(3_000_000)))

        def small() -> int:
            return sum(client.call(add, 1) for _ in range(50))

        def late() -> str:
            with pytest.raises(TimeoutError):
                brief.call("probe.doze")
            return "late"

        def streamed() -> int:
            with client.stream("probe.double", iter(range(500))) as numbers:
                return sum(numbers)

        works: list[Callable[[], object]] = [large, small, late, streamed] * 3
        assert in_threads(*works) == [3_000_000, 50, "late", 2 * sum(range(500))] * 3


def test_whoever_has_its_reply_hands_the_reading_on() -> None:
    begun: queue.Queue[int] = queue.Queue()

    def script(peer: Spoken) -> None:
        peer.greet()
        first, second = peer.hear_call(), begun.get(timeout=PATIENCE) and peer.hear_call()
        peer.say(reply(first, "first"))
        peer.say(reply(second, "second"))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address, timeout=PATIENCE) as client:

        def later() -> object:
            begun.put(1)
            return client.call("probe.second")

        assert sorted(map(str, in_threads(lambda: client.call("probe.first"), later))) == ["first", "second"]


def test_closing_ends_the_calls_of_other_threads(address: str) -> None:
    client = blocking.connect(address)

    def close() -> None:
        assert [told.get(timeout=PATIENCE) for _ in range(2)] == ["asleep"] * 2
        client.close()

    def sleep() -> object:
        return client.call("probe.sleep")

    *lost, _ = in_threads(sleep, sleep, close)
    for error in lost:
        assert isinstance(error, rpc.Unavailable)
        assert str(error) == "the connection was lost: this client was closed"
        assert error.processed is rpc.Processed.UNKNOWN
    assert [told.get(timeout=PATIENCE) for _ in range(2)] == ["cancelled"] * 2


# --- Peers ---------------------------------------------------------------------------------------------------------


def lost_of(script: Callable[[Spoken], None], **options: object) -> rpc.Unavailable:
    """What a call raises to whose peer this happens."""
    with scripted(script) as address, blocking.connect(address, **options) as client:  # type: ignore[arg-type]
        with pytest.raises(rpc.Unavailable) as caught:
            client.call("probe.add", 1)
        return caught.value


def test_a_peer_that_dies() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.hear_call()

    error = lost_of(script)
    assert str(error) == "the connection was lost: the peer closed the connection"
    assert error.processed is rpc.Processed.UNKNOWN


def test_a_peer_that_dies_in_the_midst_of_a_frame() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), bytes(200_000))[:100_000])

    assert "in the midst of a frame" in str(lost_of(script))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"\x00\x00\x00\x01\xff", "frame"),
        (b"\xff\xff\xff\xff", "a frame of"),
        (reply(77, 1), "REPLY for call 77, which is not open"),
    ],
)
def test_a_peer_that_lies_is_told_why(words: bytes, told: str) -> None:
    heard: list[frames.Fields] = []

    def script(peer: Spoken) -> None:
        peer.greet()
        peer.hear_call()
        peer.say(words)
        heard.extend(peer.hear_all())

    assert told in str(lost_of(script))
    [goaway] = heard
    assert goaway[0] == frames.GOAWAY


def test_a_peer_that_takes_no_more_calls() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.hear_call()
        peer.say(frames.goaway(0, Reason.TOO_SLOW, "too slow"))
        peer.hear_all()

    error = lost_of(script, reconnect=False)
    assert "too slow" in str(error)
    assert error.processed is rpc.Processed.NOT_PROCESSED


def test_a_frame_that_is_never_whole() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        peer.say(reply(peer.hear_call(), 1)[:5])
        peer.hear_all()

    assert "a frame was not whole within 0.02 s" in str(lost_of(script, limits=rpc.Limits(frame_timeout=0.02)))


def test_a_peer_that_reads_nothing() -> None:
    over = threading.Event()

    def script(peer: Spoken) -> None:
        peer.greet()
        over.wait(PATIENCE)

    limits = rpc.Limits(stall_timeout=0.02)
    with scripted(script) as address, blocking.connect(address, limits=limits) as client:
        with pytest.raises(rpc.Unavailable, match=r"the peer read nothing for 0\.02 s"):
            client.call("probe.echo", bytes(10_000_000))
        over.set()


def test_a_timeout_in_the_midst_of_a_large_payload_leaves_whole_frames() -> None:
    read = threading.Event()
    heard: list[frames.Fields] = []

    def script(peer: Spoken) -> None:
        peer.greet(greeting(max_frame=2**18))
        read.wait(PATIENCE)
        for fields in iter(peer.hear, None):
            heard.append(fields)
            if fields[0] == frames.CALL and fields[3] == "probe.add":
                peer.say(reply(heard[0][1], None), reply(fields[1], 3))

    with scripted(script) as address, blocking.connect(address, timeout=PATIENCE) as client:
        with pytest.raises(TimeoutError):
            client.with_options(timeout=0.2).call("probe.echo", bytes(10_000_000))
        read.set()
        assert client.call("probe.add", 1, 2) == 3
    assert [fields[0] for fields in heard if fields[0] != frames.DATA] == [frames.CALL, frames.CANCEL, frames.CALL]


def test_what_the_peer_asks_and_tells_is_answered_or_dropped() -> None:
    heard: list[frames.Fields] = []

    def script(peer: Spoken) -> None:
        peer.greet()
        first = peer.hear_call()
        peer.say(
            frames.ping(7), frames.pong(8), notify("theirs.observe", 1), call(2, "theirs.add", 1), frames.cancel(2)
        )
        heard.extend(fields for fields in (peer.hear(), peer.hear()) if fields is not None)
        peer.say(reply(first, "answer"))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address, timeout=PATIENCE) as client:
        assert client.call("probe.add") == "answer"
    assert sorted(fields[0] for fields in heard) == sorted([frames.PONG, frames.ERROR])


def test_items_for_a_call_that_was_given_up_are_nothing() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        first = peer.hear_call()
        assert (peer.hear() or [None])[0] == frames.CANCEL
        peer.say(data(first, b"\x01"), failure(first, rpc.Cancelled("stopped")))
        peer.say(reply(peer.hear_call(), "answer"))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address, timeout=PATIENCE) as client:
        with pytest.raises(KeyboardInterrupt), client.stream("probe.items"):
            raise KeyboardInterrupt
        assert client.call("probe.add") == "answer"


def test_a_deadline_that_the_callee_sees_first_is_our_own() -> None:
    def script(peer: Spoken) -> None:
        peer.greet()
        late = rpc.DeadlineExceeded("late")
        peer.say(failure(peer.hear_call(), late))
        fields = peer.hear()
        if fields is not None and fields[0] == frames.CANCEL:  # the machine is busy: the caller has seen it first
            fields = peer.hear()
        assert fields is not None
        assert fields[0] == frames.CALL
        peer.say(failure(fields[1], late))
        peer.hear_all()

    with scripted(script) as address, blocking.connect(address) as client:
        with pytest.raises(TimeoutError):
            client.with_options(timeout=0.04).call("probe.sleep")
        with pytest.raises(rpc.DeadlineExceeded):
            client.with_options(timeout=PATIENCE).call("probe.sleep")


def test_an_interrupted_step_is_the_end(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("receive", "take"):
        with blocking.connect(address) as client:
            with monkeypatch.context() as patch:
                patch.setattr(client._line.connection.session, step, interrupted)
                with pytest.raises(KeyboardInterrupt):
                    client.call(add, 1)
            assert client._line.connection.is_over
            assert client.call(add, 1) == 1  # over another connection


def test_connections_of_one_thread_read_into_one_space() -> None:
    space = scratch.space
    assert scratch.space is space
    others: list[object] = []
    thread = threading.Thread(target=lambda: others.append(scratch.space))
    thread.start()
    thread.join()
    assert others[0] is not space
