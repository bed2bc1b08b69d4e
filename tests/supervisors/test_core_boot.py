"""One decision about all that is ready as soon as it is built says the same as one for each."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.lifecycle import Phase, Started
from harmonium.supervisors.core import effects as to
from harmonium.supervisors.core import events as on
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import Status
from harmonium.supervisors.core.decide import AT_ONCE, decide, first_starts, initial
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.core.state import Mode
from harmonium.supervisors.spec import child, supervisor
from tests.supervisors.harness import agent, tree


def ids(count: int) -> tuple[str, ...]:
    return tuple(f"c{number}" for number in range(count))


def seen(state):
    """What a supervisor knows, without the numbers of its timers and decisions."""
    rows = [attrs.asdict(one, recurse=False) | {"serial": 0} for one in state.table]
    return rows, state.mode, state.group, state.steady_at


def orders(effects):
    return [one for one in effects if not isinstance(one, Record)]


@given(count=st.integers(1, 40), up=st.integers(0, 40))
def test_children_that_are_up_by_then_are_as_if_each_had_reported(count, up):
    """The state and the orders that are left are those of one report after the other."""
    up = min(up, count)
    before = initial(tree(*ids(count)))
    state, effects = decide(before, on.Boot(), 1.0)
    for number in range(up):
        state, effects = decide(state, Started(f"c{number}", 1), 1.0)
    at_once, left = decide(before, on.Boot(ids(up)), 1.0)
    assert seen(at_once) == seen(state)
    assert orders(left) == orders(effects)


def test_the_one_that_was_not_ready_is_waited_for():
    """With its time limit; the next one is started when it reports."""
    spec = supervisor("top", children=[child(agent, id=name, start_timeout=3.0) for name in "abc"])
    state, effects = decide(initial(spec), on.Boot(("a",), "b"), 0.0)
    (timer,) = orders(effects)
    assert isinstance(timer, to.SetTimer)
    assert (timer.token.child, timer.delay) == ("b", 3.0)
    assert [one.status for one in state.table] == [
        Status.RUNNING,
        Status.STARTING,
        Status.PENDING,
    ]
    _, effects = decide(state, Started("b", 1), 1.0)
    assert [one.child for one in effects if isinstance(one, to.Start)] == ["c"]


def test_the_last_one_is_waited_for_too():
    """The tree is ready when it is, and not when it was begun."""
    state, effects = decide(initial(tree("a", "b")), on.Boot(("a",), "b"), 0.0)
    assert to.Ready() not in effects
    state, effects = decide(state, Started("b", 1), 1.0)
    assert to.Ready() in effects
    assert state.group is None


def test_the_one_that_failed_rolls_the_boot_back():
    """Those that are up are stopped in reverse order, as in any boot."""
    state, _ = decide(initial(tree("a", "b", "c")), on.Boot(("a",), "b"), 0.0)
    failed = on.Failed("b", 1, Cause("no"), Phase.START)
    state, effects = decide(state, failed, 0.0)
    assert (state.mode, state.start_failed) == (Mode.DOWN, True)
    assert [one.child for one in effects if isinstance(one, to.Stop)] == ["b"]


@pytest.mark.parametrize("ready", [("nobody",), ("a", "nobody")])
def test_unknown_ids_change_nothing(ready):
    """A journal of another tree is replayed without an error."""
    state, _ = decide(initial(tree("a", "b")), on.Boot(ready, "nobody"), 0.0)
    assert [one.id for one in state.table] == ["a", "b"]


def test_first_starts_are_few_and_end_at_a_supervisor():
    """A boot holds nobody else up for long; a tree below decides for itself."""
    many = initial(tree(*ids(AT_ONCE + 8)))
    starts = list(first_starts(many))
    assert [one.child for one in starts] == list(ids(AT_ONCE))
    assert {one.incarnation for one in starts} == {1}
    mixed = initial(tree("a", child(tree("x", name="below")), "b"))
    assert [one.child for one in first_starts(mixed)] == ["a"]
    booted, _ = decide(many, on.Boot(), 0.0)
    assert list(first_starts(booted)) == []
