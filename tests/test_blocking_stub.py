from __future__ import annotations

from collections.abc import Iterator

import pytest

from rpc import blocking
from tests.blocking_served import Calc, Point, calc, probe, told
from tests.cli_tools import PATIENCE, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[blocking.Client]:
    with (
        serving([probe, calc], [f"unix:{tmp_path_factory.mktemp('blocking')}/s"]) as [address],
        blocking.connect(address, timeout=PATIENCE) as client,
    ):
        yield client


def test_by_name(client: blocking.Client) -> None:
    stub = client.stub("probe")
    assert stub.add(2, b=3) == 5
    with stub.countdown.stream(2) as numbers:
        assert list(numbers) == [2, 1]
    assert told.get(timeout=PATIENCE) == "closed"
    with stub.lease.enter("x") as token:
        assert token == "lease of x"
    assert told.get(timeout=PATIENCE) == "left"
    stub.observe.notify("a", 1)
    assert told.get(timeout=PATIENCE) == ("a", 1.0)
    assert repr(stub) == "<stub of probe>"
    assert repr(stub.add) == "<stub of probe.add>"
    with pytest.raises(AttributeError, match="begin with _ are not served"):
        stub._add  # noqa: B018


def test_by_contract(client: blocking.Client) -> None:
    stub = client.stub(Calc)
    assert stub.shift(Point(1, 2), by=3) == Point(4, 5)
    with stub.count(3) as numbers:
        assert list(numbers) == [0, 1, 2]
    stub.note("hello")
    assert told.get(timeout=PATIENCE) == "hello"
    assert repr(stub) == "<stub of calc by Calc>"
    with pytest.raises(AttributeError, match="'shft' is no method of the contract Calc; did you mean shift"):
        stub.shft(1)
    assert type(client.stub(Calc)) is type(stub)


def test_what_is_no_contract(client: blocking.Client) -> None:
    with pytest.raises(TypeError, match="contract"):
        client.stub(Point)
