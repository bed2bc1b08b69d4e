"""What becomes of mail for an agent that is away."""

from __future__ import annotations

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.waiting import (
    DROP,
    HOLD,
    Fate,
    Forward,
    Refuse,
    Reply,
    Stash,
    admit,
)


@pytest.mark.parametrize(
    ("policy", "fate"),
    [
        (HOLD, Fate.KEEP),
        (DROP, Fate.DEAD),
        (Reply("later"), Fate.REPLY),
        (Forward("/other"), Fate.FORWARD),
        (Refuse(None), Fate.REFUSE),
    ],
)
def test_each_policy_has_its_fate(policy, fate):
    """However many messages have arrived."""
    assert {admit(policy, arrived) for arrived in (0, 1, 10**6)} == {fate}


def test_a_stash_keeps_the_first_ones():
    """One more than its capacity is dropped."""
    fates = [admit(Stash(3), arrived) for arrived in range(5)]
    assert fates == [Fate.KEEP, Fate.KEEP, Fate.KEEP, Fate.DEAD, Fate.DEAD]
    assert admit(Stash(0), 0) is Fate.DEAD


def test_a_stash_has_a_capacity():
    """Less than none is refused."""
    with pytest.raises(SpecError, match="^Stash.capacity"):
        Stash(-1)
