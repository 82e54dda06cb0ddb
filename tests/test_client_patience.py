from __future__ import annotations

import pytest

import rpc
from rpc.client.patience import Patience
from rpc.errors import Reason


def failure(cause: BaseException | None = None) -> rpc.Unavailable:
    error = rpc.Unavailable("nobody is there")
    error.__cause__ = cause
    return error


def test_pauses_grow_up_to_a_quarter_of_a_second() -> None:
    patience = Patience(100, now=7)
    for longest in (0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25):
        pause = patience.pause(failure(), now=8)
        assert pause is not None
        assert longest / 2 <= pause <= longest


def test_none_goes_beyond_its_end() -> None:
    patience = Patience(1, now=7)
    assert patience.pause(failure(), now=7.98) is not None
    assert patience.pause(failure(), now=7.99) is None


def test_without_time_there_is_one_try() -> None:
    assert Patience(0, now=7).pause(failure(), now=7) is None


@pytest.mark.parametrize(("reason", "is_final"), [(Reason.CREDENTIAL, True), (Reason.TOO_MANY, False)])
def test_who_is_turned_away_is_so_at_once(reason: Reason, is_final: bool) -> None:
    refusal = failure(rpc.ProtocolError("no", reason=reason))
    assert (Patience(100, now=7).pause(refusal, now=7) is None) is is_final
