from __future__ import annotations

import pytest

from rpc.session import states
from rpc.session.states import CALLEE_STEPS, CALLEE_TAKES, CALLER_STEPS, CALLER_TAKES, State, Step
from rpc.wire.frames import Frame

Steps = dict[State, dict[Step, State]]
Takes = dict[State, frozenset[Frame]]

STEPS = pytest.mark.parametrize(
    ("steps", "first"),
    [pytest.param(CALLER_STEPS, State.QUEUED, id="caller"), pytest.param(CALLEE_STEPS, State.GATHERING, id="callee")],
)


def reached(steps: Steps, first: State) -> set[State]:
    """The states that can follow `first`, itself among them."""
    return {first}.union(*(reached(steps, state) for state in steps[first].values()))


@STEPS
def test_every_state_of_a_side_is_reached_and_none_comes_back(steps: Steps, first: State) -> None:
    assert reached(steps, first) == set(steps)
    for state, row in steps.items():
        assert all(state not in reached(steps, following) for following in row.values())


@STEPS
def test_a_call_ends_whatever_happens(steps: Steps, first: State) -> None:
    assert steps[State.ENDED] == {}
    for state, row in steps.items():
        assert State.ENDED in reached(steps, state)
        assert row.get(Step.LOST, State.ENDED) is State.ENDED
        assert (Step.LOST in row) == (state is not State.ENDED)


def test_the_tables_of_a_side_have_the_same_rows_and_together_all_states() -> None:
    assert set(CALLER_STEPS) == set(CALLER_TAKES)
    assert set(CALLEE_STEPS) == set(CALLEE_TAKES)
    assert set(CALLER_STEPS) | set(CALLEE_STEPS) == set(State)
    assert {step for table in (CALLER_STEPS, CALLEE_STEPS) for row in table.values() for step in row} == set(Step)


@pytest.mark.parametrize(
    ("takes", "frames"),
    [
        pytest.param(CALLER_TAKES, {Frame.DATA, Frame.REPLY, Frame.ERROR, Frame.CREDIT}, id="caller"),
        pytest.param(CALLEE_TAKES, {Frame.DATA, Frame.CANCEL, Frame.CREDIT}, id="callee"),
    ],
)
def test_a_side_takes_what_the_other_may_send_while_the_call_is_open(takes: Takes, frames: set[Frame]) -> None:
    for state, taken in takes.items():
        is_open = state in (State.OPEN, State.GIVEN_UP, State.GATHERING)
        assert taken == (frames if is_open else set())


def test_each_state_and_step_is_a_name_of_the_module_too() -> None:
    for member in (*State, *Step):
        assert getattr(states, member.name) is member
        assert member.name in states.__all__
