"""`Thinning`: few lines for many alike events, and none of a kind unseen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.thinning import Thinning


def test_the_first_ones_then_powers_of_ten_are_picked() -> None:
    """Ten lines, then one for ten times as many each."""
    thin = Thinning()
    picked = [number for _ in range(2_500) if (number := thin.count("full", 0.0))]
    assert picked == [*range(1, 11), 100, 1_000]


def test_after_a_quiet_time_it_is_logged_again() -> None:
    """A new trouble of an old kind is not hidden by the old one."""
    thin = Thinning(first=1, quiet=60.0)
    assert [thin.count("full", now) for now in (0.0, 60.0, 120.0, 180.5)] == [1, 0, 0, 1]


@given(kinds=st.lists(st.integers(0, 50)), limit=st.integers(1, 20))
def test_memory_is_bounded_and_new_kinds_are_seen(kinds: list[int], limit: int) -> None:
    """It never remembers more than it may; the first of a kind it does not know is picked."""
    thin = Thinning(kinds=limit)
    for kind in kinds:
        known = kind in thin._spells
        picked = thin.count(kind, 0.0)
        assert picked or known
        assert len(thin._spells) <= limit
