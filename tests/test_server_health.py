"""What an application says of itself."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import rpc
from rpc.server.health import Condition, Health


def test_a_new_one_serves() -> None:
    health = Health()
    report = health.report(["a", "b"])
    assert (report.status, report.message) == ("serving", "")
    assert report.services == {"a": Condition("serving"), "b": Condition("serving")}
    assert repr(health) == "<Health: serving>"


def test_what_is_said_of_the_server_is_said_of_its_services() -> None:
    health = Health()
    health.set("degraded", "the disk is full")
    report = health.report(["a"])
    assert (report.status, report.message) == ("degraded", "the disk is full")
    assert report.services == {"a": Condition("degraded", "the disk is full")}


def test_a_service_may_have_a_condition_of_its_own() -> None:
    health = Health()
    health.set("closed", service=rpc.Service("b"))
    health.set("broken", "no paper", service="printer")
    report = health.report(["a", "b"])
    assert report.status == "serving"
    assert report.services == {
        "a": Condition("serving"),
        "b": Condition("closed"),
        "printer": Condition("broken", "no paper"),
    }


def test_who_drains_says_nothing_else() -> None:
    health = Health()
    health.set("closed", service="a")
    report = health.report(["a"], is_draining=True)
    assert report.status == "draining"
    assert report.services == {"a": Condition("draining", "the server is stopping")}


def test_a_status_is_a_word() -> None:
    with pytest.raises(ValueError, match="a status is a word"):
        Health().set("")


async def test_those_who_wait_hear_of_each_change() -> None:
    health = Health()
    heard: list[str] = []

    async def listen() -> None:
        await health.changed()
        heard.append(health.report([]).status)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        assert heard == []
        health.set("degraded")
    assert heard == ["degraded", "degraded"]
