"""The guard of the speed: that it counts the same twice, and that each kind of loss makes it red."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
import trio
from click.testing import CliRunner

import rpc
from benchmarks.guard import __main__ as guard
from benchmarks.guard.ceilings import HERE, VERSION, falls, nearest, rises, updated, written
from benchmarks.guard.measure import Counts, measure, measure_blocking
from benchmarks.guard.workloads import WORKLOADS
from rpc.net import calls
from rpc.net.link import Buffer, SocketLink

ONE_CALL = WORKLOADS[:1]
NAME = ONE_CALL[0].name


@pytest.fixture(scope="module")
def usual() -> dict[str, Counts]:
    return measure(ONE_CALL)


def risen(usual: dict[str, Counts]) -> set[str]:
    """Which counts of one call are over what they usually are."""
    return {rise.what for rise in rises({VERSION: usual}, measure(ONE_CALL))}


def test_the_same_is_counted_twice(usual: dict[str, Counts]) -> None:
    again = measure(ONE_CALL)
    for what in ("bytecodes", "calls", "system calls", "switches", "passes"):
        assert again[NAME][what] == usual[NAME][what] > 0, what
    assert not rises({VERSION: usual}, again)


# --- What makes it red ---------------------------------------------------------------------------------------------


def test_an_encode_more(usual: dict[str, Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    def encode_first(link: SocketLink, buffers: list[Buffer]) -> list[Buffer]:
        cbor2.dumps([1, 2])
        return send(link, buffers)

    send = SocketLink.send_nowait
    monkeypatch.setattr(SocketLink, "send_nowait", encode_first)
    assert "encodes" in risen(usual)


def test_a_send_more(usual: dict[str, Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    def send_in_two(link: SocketLink, buffers: list[Buffer]) -> list[Buffer]:
        [buffer] = buffers
        assert not send(link, [buffer[:2]])
        return send(link, [buffer[2:]])

    send = SocketLink.send_nowait
    monkeypatch.setattr(SocketLink, "send_nowait", send_in_two)
    assert "system calls" in risen(usual)


def test_a_checkpoint_more(usual: dict[str, Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    async def call_late(*args: Any, **kwargs: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return await call(*args, **kwargs)

    call = calls.call
    monkeypatch.setattr(calls, "call", call_late)
    assert {"switches", "passes"} <= risen(usual)


def test_more_work_in_python(usual: dict[str, Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "def count_to_the_end(link, buffers):\n    for _ in range(40):\n        pass\n    return send(link, buffers)"
    )
    names: dict[str, Any] = {"send": SocketLink.send_nowait}
    exec(compile(source, str(Path(rpc.__file__).with_name("slow.py")), "exec"), names)
    monkeypatch.setattr(SocketLink, "send_nowait", names["count_to_the_end"])
    assert risen(usual) == {"bytecodes"}


def test_memory_that_is_kept(usual: dict[str, Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(link: SocketLink, buffers: list[Buffer]) -> list[Buffer]:
        kept.append([bytes(1000)])
        return send(link, buffers)

    send, kept = SocketLink.send_nowait, list[list[bytes]]()
    monkeypatch.setattr(SocketLink, "send_nowait", keep)
    assert {"kept", "peak"} <= risen(usual)


def test_a_blocking_client_is_counted_without_its_server() -> None:
    [counts] = measure_blocking().values()
    assert counts["system calls"] == 3
    assert "switches" not in counts


# --- Ceilings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "ceiling", "count", "is_over"),
    [
        ("bytecodes", 1000.0, 1029.0, False),
        ("bytecodes", 1000.0, 1031.0, True),
        ("encodes", 0.0, 0.005, False),
        ("encodes", 0.0, 1.0, True),
        ("peak", 10.0, 25.0, False),
        ("peak", 10.0, 27.0, True),
        ("kept", 0.0, 1.0, False),
        ("kept", 0.0, 1.1, True),
        ("passes", 2.0, 1.0, False),
    ],
)
def test_what_is_over(what: str, ceiling: float, count: float, is_over: bool) -> None:
    assert bool(rises({"3.11": {"a": {what: ceiling}}}, {"a": {what: count}}, "3.11")) is is_over


@pytest.mark.parametrize(
    ("what", "ceiling", "count", "is_far_under"),
    [
        ("bytecodes", 1000.0, 901.0, False),
        ("bytecodes", 1000.0, 899.0, True),
        ("encodes", 1.0, 0.0, True),
        ("peak", 20.0, 5.0, False),
        ("peak", 200.0, 170.0, True),
    ],
)
def test_what_is_far_under(what: str, ceiling: float, count: float, is_far_under: bool) -> None:
    assert bool(falls({"3.11": {"a": {what: ceiling}}}, {"a": {what: count}}, "3.11")) is is_far_under


def test_what_is_told() -> None:
    found = rises({"3.11": {"a": {"calls": 1000.0}}}, {"a": {"calls": 1100.0, "encodes": 1.0}}, "3.11")
    assert [str(rise) for rise in found] == ["a: calls 1,000 -> 1,100 (+10.0 %)", "a: encodes 0 -> 1 (there were none)"]


def test_a_version_without_ceilings_is_held_to_the_nearest_in_what_versions_share() -> None:
    known = {"3.11": {"a": {"bytecodes": 100.0, "calls": 10.0}}, "3.13": {"a": {"bytecodes": 50.0, "calls": 10.0}}}
    assert [nearest(known, version) for version in ("3.11", "3.12", "3.13", "3.14")] == ["3.11", "3.11", "3.13", "3.13"]
    counted = {"a": {"bytecodes": 200.0, "calls": 20.0}}
    assert [rise.what for rise in rises(known, counted, "3.14")] == ["calls"]


def test_other_versions_are_changed_in_proportion() -> None:
    known = {"3.13": {"a": {"calls": 50.0}}, "3.11": {"a": {"calls": 100.0}, "gone": {"calls": 1.0}}}
    new = updated(known, {"a": {"calls": 110.0, "encodes": 2.0}, "new": {"calls": 12345.6}}, "3.11")
    assert new == {
        "3.11": {"a": {"calls": 110.0, "encodes": 2.0}, "new": {"calls": 12346.0}},
        "3.13": {"a": {"calls": 55.0, "encodes": 2.0}, "new": {"calls": 6173.0}},
    }
    assert list(new) == ["3.11", "3.13"]


def test_what_is_new_is_guessed_for_other_versions_by_what_both_know() -> None:
    a, b = {"bytecodes": 100.0, "encodes": 0.0}, {"bytecodes": 200.0, "encodes": 0.0}
    known = {"3.11": {"a": a, "b": b}, "3.12": {"a": {"bytecodes": 90.0}, "b": {"bytecodes": 180.0}}}
    new = {"a": a, "b": b, "c": {"bytecodes": 1000.0, "encodes": 2.0}}
    assert updated(known, new, "3.11")["3.12"]["c"] == {"bytecodes": 900.0, "encodes": 2.0}
    assert updated({"3.12": {}}, new, "3.11")["3.12"] == new


def test_a_version_that_changes_alone() -> None:
    known = {"3.11": {"a": {"calls": 100.0}}, "3.12": {"a": {"calls": 90.0}}}
    assert updated(known, {"a": {"calls": 50.0}}, "3.12", alone=True) == {
        "3.11": {"a": {"calls": 100.0}},
        "3.12": {"a": {"calls": 50.0}},
    }


def test_the_ceilings_are_written_as_they_are_read() -> None:
    text = HERE.read_text(encoding="utf-8")
    assert written(json.loads(text)) == text


# --- The command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of ceilings, and counts that cost nothing."""
    here = tmp_path / "ceilings.json"
    here.write_text(written({VERSION: {"a": {"calls": 100.0}}}), encoding="utf-8")
    monkeypatch.setattr(guard, "HERE", here)
    monkeypatch.setattr(guard, "measure", lambda: {"a": {"calls": 103.0}})
    monkeypatch.setattr(guard, "measure_blocking", dict)
    return here


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(guard.main, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_nothing_has_risen(here: Path) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.endswith("nothing has risen\n")


def test_a_rise_fails_and_says_what_to_do(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "measure", lambda: {"a": {"calls": 104.0}})
    code, _, err = run()
    assert code == 1
    assert "a: calls 100 -> 104 (+4.0 %)" in err
    assert "make guard-update" in err


def test_a_fall_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "measure", lambda: {"a": {"calls": 50.0}})
    code, out, _ = run()
    assert code == 0
    assert "a: calls 100 -> 50 (-50.0 %)\n\nLower these ceilings" in out


def test_an_update_makes_it_the_ceiling(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "measure", lambda: {"a": {"calls": 204.0}})
    assert run("--update")[0] == 0
    assert json.loads(here.read_text(encoding="utf-8")) == {VERSION: {"a": {"calls": 204.0}}}
    assert run()[0] == 0


def test_an_unknown_version_is_told(here: Path) -> None:
    here.write_text(written({"3.2": {"a": {"calls": 100.0}}}), encoding="utf-8")
    code, out, _ = run()
    assert code == 0
    assert f"Python {VERSION} has no ceilings: those of 3.2 hold" in out
