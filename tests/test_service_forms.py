from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from msgspec import inspect

from rpc.service.forms import loosened

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def loosen(annotation: Any, value: Any) -> Any:
    return loosened(inspect.type_info(annotation), value)


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (datetime, "2026-01-02T12:00:00Z", NOON),
        (datetime, "2026-01-02T14:00:00+02:00", NOON.astimezone(timezone(timedelta(hours=2)))),
        (datetime | None, "2026-01-02T12:00:00Z", NOON),
        (Decimal, "1.50", Decimal("1.50")),
        (Decimal, 3, Decimal(3)),
        (Decimal, 0.1, Decimal("0.1")),
        (Decimal | None, "-2e3", Decimal("-2e3")),
        (list[datetime], ["2026-01-02T12:00:00Z", 5], [NOON, 5]),
        (dict[str, list[Decimal]], {"a": ["1"], "b": [2]}, {"a": [Decimal(1)], "b": [Decimal(2)]}),
    ],
)
def test_text_is_read_where_nothing_has_to_be_guessed(annotation: Any, value: Any, result: Any) -> None:
    read = loosen(annotation, value)
    assert read == result
    assert repr(read) == repr(result)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (datetime, "2026-01-02T12:00:00"),
        (datetime, "2026-01-02"),
        (datetime, "noon"),
        (datetime, 1_767_355_200),
        (Decimal, "NaN"),
        (Decimal, "-Infinity"),
        (Decimal, "sNaN"),
        (Decimal, "-0"),
        (Decimal, "1e999999999"),
        (Decimal, "9" * 1000),
        (Decimal, "a lot"),
        (Decimal, float("nan")),
        (Decimal, True),
        (Decimal, b"1"),
        (int | Decimal, 3),
        (float | Decimal, 0.5),
        (str, "2026-01-02T12:00:00Z"),
        (None, "2026-01-02T12:00:00Z"),
    ],
)
def test_everything_else_is_left_as_it_came(annotation: Any, value: Any) -> None:
    assert loosen(annotation, value) is value


def test_containers_are_changed_in_place() -> None:
    inner = ["2026-01-02T12:00:00Z"]
    value = {"times": inner}
    assert loosen(dict[str, list[datetime]], value) is value
    assert inner == [NOON]
