"""Broadcast, scatter, and whose answer counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.routing import (
    BROADCAST,
    SCATTER_FIRST,
    Members,
    Race,
    ScatterFirst,
    Standing,
)

IDS = st.integers(0, 8).map(lambda n: tuple(f"m{i}" for i in range(n)))
DRAWS = st.floats(0, 1, exclude_max=True)


@given(IDS, DRAWS)
def test_all_get_a_broadcast(ids, draw):
    """Broadcast and scatter without a limit choose every member once."""
    assert BROADCAST.route(None, "key", Members(ids), draw)[1] == ids
    assert SCATTER_FIRST.route(None, "key", Members(ids), draw)[1] == ids


@given(IDS, st.integers(1, 10), DRAWS)
def test_scatter_chooses_as_many_as_it_may(ids, fan_out, draw):
    """A limited scatter chooses that many different members, or all."""
    _, chosen = ScatterFirst(fan_out=fan_out).route(None, None, Members(ids), draw)
    assert len(set(chosen)) == len(chosen) == min(fan_out, len(ids))
    assert set(chosen) <= set(ids)


def test_scatter_begins_anywhere():
    """Over all draws each member is the first as often as any other."""
    router, members = ScatterFirst(fan_out=2), Members(("a", "b", "c"))
    found = [router.route(None, None, members, (n + 0.5) / 3)[1] for n in range(3)]
    assert found == [("a", "b"), ("b", "c"), ("c", "a")]


@given(IDS.filter(bool), st.lists(st.tuples(st.sampled_from(["m0", "m1", "m9"]), st.booleans())))
def test_one_answer_counts(ids, answers):
    """Of any answers at most one ends the race, and all after it are late."""
    race, seen = Race(ids), []
    for member, failed in answers:
        race, standing = race.answered(member, failed=failed)
        seen.append(standing)
    ends = [standing for standing in seen if standing in {Standing.WON, Standing.LOST}]
    assert len(ends) <= 1
    if ends:
        assert all(each is Standing.LATE for each in seen[seen.index(ends[0]) + 1 :])


def test_all_must_fail_before_the_race_is_lost():
    """A failure waits for the others, and the last failure loses."""
    race, first = Race(("a", "b")).answered("a", failed=True)
    again, second = race.answered("a", failed=True)
    assert (first, second) == (Standing.WAITING, Standing.LATE)
    assert again.answered("b", failed=True)[1] is Standing.LOST
    assert again.answered("b")[1] is Standing.WON


def test_a_scatter_reaches_somebody():
    """A fan-out below 1 is refused."""
    with pytest.raises(SpecError, match="at least 1"):
        ScatterFirst(fan_out=0)
