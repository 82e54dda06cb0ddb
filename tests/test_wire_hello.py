from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.errors import ProtocolError
from rpc.limits import MAX_FIRST_FRAME, Limits
from rpc.wire import hello
from rpc.wire.hello import VERSION, Settings

TAG = 55799
LEAST = {"max_frame": 16384, "max_message": 16384, "max_calls": 16, "window": 65536, "min_ping": 1000}


def body(*fields: Any, tag: int = TAG) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(tag, list(fields)))


def test_a_hello_begins_with_the_magic_of_self_described_cbor() -> None:
    encoded = hello.encode(Settings(agent="test", credential=b"secret"))
    assert encoded[:7] == (len(encoded) - 4).to_bytes(4, "big") + b"\xd9\xd9\xf7"
    assert cbor2.loads(encoded[7:]) == [
        0,
        VERSION,
        {0: 16384, 1: 16384, 2: 16, 3: 65536, 4: [], 5: "test", 6: b"secret", 7: 1000},
    ]


def test_what_is_offered_is_what_the_limits_accept() -> None:
    limits = Limits(max_frame=65_536, max_message=100_000, max_calls=17, window=70_000, min_ping=2000)
    offered = {name: getattr(limits, name) for name in LEAST}
    settings = Settings(agent="test", credential=b"secret", **offered)
    assert hello.offer(limits, "test", b"secret") == hello.encode(settings)


def test_a_credential_does_not_show() -> None:
    assert "secret" not in repr(Settings(agent="test", credential=b"secret"))


def test_no_credential_is_no_setting() -> None:
    assert 6 not in cbor2.loads(hello.encode(Settings())[7:])[2]


@given(
    st.builds(
        Settings,
        **{name: st.integers(least, 2**64 - 1) for name, least in LEAST.items()},
        features=st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
        agent=st.text(st.characters(codec="utf-8")),
        credential=st.none() | st.binary(),
    )
)
def test_settings_are_read_as_they_were_told(settings: Settings) -> None:
    assert hello.decode(hello.encode(settings)[4:]) == (VERSION, settings)


def test_what_is_not_told_has_its_least_value() -> None:
    version, settings = hello.decode(body(0, 1, {}))
    assert (version, settings) == (1, Settings())
    assert {name: getattr(settings, name) for name in LEAST} == LEAST
    assert (settings.features, settings.agent, settings.credential) == ((), "", None)


@pytest.mark.parametrize("version", [0, 1, 2, 2**64 - 1])
def test_which_versions_are_spoken_is_for_the_session_to_say(version: int) -> None:
    assert hello.decode(body(0, version, {})) == (version, Settings())


def test_unknown_settings_are_ignored() -> None:
    assert hello.decode(body(0, 1, {8: "new", 2**64 - 1: [1, {2: 3}], 0: 20_000})) == (1, Settings(max_frame=20_000))


KEYS = {"max_frame": 0, "max_message": 1, "max_calls": 2, "window": 3, "min_ping": 7}


@pytest.mark.parametrize("name", LEAST)
def test_a_number_has_a_least_value(name: str) -> None:
    key, least = KEYS[name], LEAST[name]
    assert getattr(hello.decode(body(0, 1, {key: least}))[1], name) == least
    for bad in (least - 1, 0, -1, float(least), True, None, str(least), [least]):
        with pytest.raises(ProtocolError, match=f"HELLO: the setting {name} is of the wrong type or too small"):
            hello.decode(body(0, 1, {key: bad}))


@pytest.mark.parametrize(
    ("key", "name", "values"),
    [
        (4, "features", [None, "text", {}, 1, [1], [b"bytes"], ["text", None]]),
        (5, "agent", [None, b"bytes", 1, ["text"]]),
        (6, "credential", [None, "text", 1, [b"bytes"]]),
    ],
)
def test_a_setting_has_one_type(key: int, name: str, values: list[Any]) -> None:
    for bad in values:
        with pytest.raises(ProtocolError, match=f"HELLO: the setting {name} is of the wrong type"):
            hello.decode(body(0, 1, {key: bad}))


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [0],
        [0, 1],
        [0, 1, {}, 1],
        [1, 1, {}],
        [False, 1, {}],
        [0.0, 1, {}],
        [None, 1, {}],
        ["0", 1, {}],
        [-1, 1, {}],
    ],
    ids=str,
)
def test_a_hello_has_three_fields_and_type_0(fields: list[Any]) -> None:
    with pytest.raises(ProtocolError, match=r"\[0, version, settings\] under tag 55799 was expected"):
        hello.decode(body(*fields))


@pytest.mark.parametrize("version", [-1, True, 1.0, None, "1"])
def test_the_version_is_an_unsigned_integer(version: Any) -> None:
    with pytest.raises(ProtocolError, match="the version is an unsigned integer, the settings a map"):
        hello.decode(body(0, version, {}))


@pytest.mark.parametrize("settings", [None, [], "text", 1, {"0": 1}, {-1: 1}, {b"0": 1}], ids=str)
def test_settings_are_a_map_with_unsigned_keys(settings: Any) -> None:
    with pytest.raises(ProtocolError, match="the version is an unsigned integer, the settings a map"):
        hello.decode(body(0, 1, settings))


@pytest.mark.parametrize(
    "first",
    [
        b"",
        cbor2.dumps([0, 1, {}]),
        body(0, 1, {}, tag=55798),
        b"\xd9\xd9\xf7",
        b"\xd9\xd9\xf7" + body(0, 1, {}),
        body(0, 1, {})[:-1],
        body(0, 1, {}) + b"\x00",
        body(0, 1, {8: cbor2.CBORTag(1, 0)}),
    ],
    ids=bytes.hex,
)
def test_what_breaks_the_profile_is_no_hello(first: bytes) -> None:
    with pytest.raises(ProtocolError, match="the first frame is no HELLO: "):
        hello.decode(first)


def test_a_map_is_no_hello() -> None:
    with pytest.raises(ProtocolError, match="was expected"):
        hello.decode(cbor2.dumps(cbor2.CBORTag(TAG, {0: 1})))


def test_a_hello_that_no_peer_would_read_is_not_made() -> None:
    room = MAX_FIRST_FRAME - (len(hello.encode(Settings(credential=bytes(1000)))) - 4 - 1000)
    assert len(hello.encode(Settings(credential=bytes(room)))) == 4 + MAX_FIRST_FRAME
    with pytest.raises(ValueError, match="a HELLO of 16385 bytes, credential and all; at most 16384 are read"):
        hello.encode(Settings(credential=bytes(room + 1)))
