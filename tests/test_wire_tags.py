from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.wire import tags
from rpc.wire.heads import ProfileError
from rpc.wire.tags import NO_TAGS, TAGS

offsets = st.integers(-86399, 86399).map(lambda seconds: timezone(timedelta(seconds=seconds)))

MOMENT = datetime(2013, 3, 21, 20, 4, tzinfo=UTC)


def read(tag: int, content: object) -> Any:
    """What a tag means, through cbor2 as in use."""
    try:
        return cbor2.loads(cbor2.dumps(cbor2.CBORTag(tag, content)), semantic_decoders=TAGS)
    except cbor2.CBORDecodeError as error:
        raise (error.__cause__ or error) from None


def read_back(written: cbor2.CBORTag) -> Any:
    return read(written.tag, written.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2013-03-21T20:04:00Z", MOMENT),
        ("2013-03-21t20:04:00z", MOMENT),
        ("2013-03-21T20:04:00+00:00", MOMENT),
        ("2013-03-21T22:04:00+02:00", MOMENT),
        ("2013-03-21T20:04:00.5Z", MOMENT.replace(microsecond=500_000)),
        ("2013-03-21T20:04:00.123456789Z", MOMENT.replace(microsecond=123_456)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        (
            "9999-12-31T23:59:59-23:59",
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=23, minutes=59))),
        ),
    ],
)
def test_date_times_are_read(text: str, value: datetime) -> None:
    assert read(0, text) == value


@pytest.mark.parametrize(
    "content",
    [
        "2013-03-21",
        "2013-03-21T20:04:00",
        "20130321T200400Z",
        "2013-03-21 20:04:00Z",
        "2013-W12-4T20:04:00Z",
        "x",
        "",
        5,
        "2013-03-21T20:04:00Z\n",
        "2013-03-21T20:04:00+0200",
        "\u0662013-03-21T20:04:00Z",
        b"2013-03-21T20:04:00Z",
    ],
)
def test_other_contents_are_no_date_times(content: object) -> None:
    with pytest.raises(ProfileError, match="tag 0 holds no RFC 3339 date-time"):
        read(0, content)


@pytest.mark.parametrize(
    ("tag", "content"), [(0, "2013-02-30T00:00:00Z"), (0, "2013-01-01T23:59:60Z"), (1004, "2013-13-01")]
)
def test_dates_that_do_not_exist_are_refused(tag: int, content: str) -> None:
    with pytest.raises(ProfileError, match="outside what can be held"):
        read(tag, content)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (1363896240, MOMENT),
        (1363896240.5, MOMENT.replace(microsecond=500_000)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_timestamps_are_read(content: object, value: datetime) -> None:
    assert read(1, content) == value


@pytest.mark.parametrize("content", [2**64 - 1, 2**400, -(2**63), 1e300, float("nan"), float("inf")])
def test_timestamps_out_of_range_are_refused(content: object) -> None:
    with pytest.raises(ProfileError, match="outside what can be held"):
        read(1, content)


@pytest.mark.parametrize("content", [True, None, "0", [0]])
def test_other_contents_are_no_timestamps(content: object) -> None:
    with pytest.raises(ProfileError, match="tag 1 holds no number"):
        read(1, content)


@given(st.datetimes(timezones=offsets))
def test_date_times_come_back(value: datetime) -> None:
    try:
        written = tags.write_datetime(value)
    except ValueError:
        assert value.year in (1, 9999)
        return
    back = read_back(written)
    assert back == value.astimezone(back.tzinfo)
    assert isinstance(written.value, str)
    assert len(written.value) <= len("2013-03-21T20:04:00.000000+00:00")


def test_an_offset_with_seconds_is_written_in_utc() -> None:
    value = datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=1, seconds=7)))
    assert tags.write_datetime(value).value == "1899-12-31T22:59:53Z"
    with pytest.raises(ValueError, match="outside the years"):
        tags.write_datetime(value.replace(year=1))


def test_a_subclass_of_datetime_is_written() -> None:
    class Moment(datetime):
        pass

    assert read_back(tags.write_datetime(Moment(2013, 3, 21, 21, 4, tzinfo=timezone(timedelta(hours=1))))) == MOMENT


def test_a_datetime_without_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        tags.write_datetime(datetime(2013, 3, 21))


@given(st.dates())
def test_dates_come_back(value: date) -> None:
    assert read_back(tags.write_date(value)) == value


@pytest.mark.parametrize("content", ["2013-3-21", "20130321", "2013-03-21T00:00:00Z", 5])
def test_other_contents_are_no_dates(content: object) -> None:
    with pytest.raises(ProfileError, match="tag 1004 holds no RFC 3339 date"):
        read(1004, content)


@pytest.mark.parametrize("value", [0, 1, 2**64, 2**512 - 1])
def test_big_integers_are_read(value: int) -> None:
    magnitude = value.to_bytes(64, "big")
    assert read(2, magnitude) == value
    assert read(3, magnitude) == -1 - value


@pytest.mark.parametrize("content", [bytes(65), 5, "5", [5]])
@pytest.mark.parametrize("tag", [2, 3])
def test_other_contents_are_no_big_integers(tag: int, content: object) -> None:
    with pytest.raises(ProfileError, match="no byte string of at most 64 bytes"):
        read(tag, content)


@pytest.mark.parametrize("encoded", ["a1c2410100", "d9010281c24101", "d9010281c34101"])
def test_big_integers_are_never_hashed(encoded: str) -> None:
    with pytest.raises(cbor2.CBORDecodeError) as caught:
        cbor2.loads(bytes.fromhex(encoded), semantic_decoders=TAGS)
    assert "map key or set member" in str(caught.value.__cause__)


def test_integers_of_64_bytes_can_travel() -> None:
    for value in (0, 2**512 - 1, -(2**512)):
        assert tags.check_integer(value) == value
    for value in (2**512, -(2**512) - 1):
        with pytest.raises(ValueError, match="more than 64 bytes"):
            tags.check_integer(value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_come_back(value: Decimal) -> None:
    if not value and value.is_signed():
        value = value.copy_abs()
    back = read_back(tags.write_decimal(value))
    assert back.as_tuple() == value.as_tuple()


@pytest.mark.parametrize("text", ["1E+6144", "-1E-6144", "0E+6144", str(2**512 - 1)])
def test_the_widest_decimals_come_back(text: str) -> None:
    assert read_back(tags.write_decimal(Decimal(text))).as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "NaN and infinite"),
        ("sNaN", "NaN and infinite"),
        ("-Infinity", "NaN and infinite"),
        ("-0", "-0 cannot travel"),
        ("-0.00", "-0 cannot travel"),
        ("1E+6145", "within 6144"),
        ("1E-6145", "within 6144"),
        ("1" * 156, "at most 155 digits"),
        (str(2**512), "more than 64 bytes"),
    ],
)
def test_some_decimals_are_not_written(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tags.write_decimal(Decimal(text))


@pytest.mark.parametrize("content", [[1], [1, 2, 3], [1, 2.0], ["1", 2], [True, 1], 5, "1.5", {0: 1, 1: 2}])
def test_other_contents_are_no_decimals(content: object) -> None:
    with pytest.raises(ProfileError, match="no pair of exponent and mantissa"):
        read(4, content)


@pytest.mark.parametrize("exponent", [6145, -6145, 2**64 - 1])
def test_decimals_with_far_exponents_are_refused(exponent: int) -> None:
    with pytest.raises(ProfileError, match="exponent is beyond 6144"):
        read(4, [exponent, 1])


def test_uuids_come_back() -> None:
    value = UUID("12345678-1234-5678-1234-567812345678")
    assert read_back(tags.write_uuid(value)) == value


@pytest.mark.parametrize("content", [bytes(15), bytes(17), "12345678-1234-5678-1234-567812345678", 5])
def test_other_contents_are_no_uuids(content: object) -> None:
    with pytest.raises(ProfileError, match="tag 37 holds no 16 bytes"):
        read(37, content)


def test_sets_come_back() -> None:
    value = {"a", b"a", 1, -(2**64), 2**64 - 1}
    assert read_back(tags.write_set(list(value))) == value
    assert read_back(tags.write_set([])) == set()


@pytest.mark.parametrize("member", [1.0, True, None, [], {}, [1]])
def test_sets_hold_text_bytes_and_integers(member: object) -> None:
    with pytest.raises(ProfileError, match="a set member that is no text"):
        read(258, [member])


@pytest.mark.parametrize("members", [["a", "a"], [b"a", "b", b"a"], [0, 0]])
def test_doubled_members_are_refused(members: list[object]) -> None:
    with pytest.raises(ProfileError, match="holds a member twice"):
        read(258, members)


@pytest.mark.parametrize("content", [1, "ab", {1: 2}])
def test_other_contents_are_no_sets(content: object) -> None:
    with pytest.raises(ProfileError, match="tag 258 holds no array"):
        read(258, content)


@pytest.mark.parametrize(
    "tag", [5, 25, 28, 29, 30, 35, 36, 52, 54, 63, 76, 88, 100, 256, 260, 261, 1040, 43000, 55799, 2**64 - 1]
)
def test_other_tags_are_refused(tag: int) -> None:
    with pytest.raises(ProfileError, match=f"tag {tag} is not allowed here"):
        read(tag, [1, 2])


def test_an_envelope_has_no_tags() -> None:
    for tag in TAGS:
        with pytest.raises(ProfileError, match=f"tag {tag} is not allowed here"):
            NO_TAGS[tag]
