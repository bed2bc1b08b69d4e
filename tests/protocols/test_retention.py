"""Retention: bounds that are checked, and nothing deleted by default."""

from __future__ import annotations

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.retention import Retention


def test_nothing_goes_unless_it_is_said():
    """One bound is enough; how often is looked is none."""
    assert not Retention().deletes
    assert not Retention(every=1.0).deletes
    assert Retention(entries=0).deletes
    assert Retention(seconds=1.0).deletes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"entries": -1}, "Retention.entries: -1 is too small"),
        ({"entries": 1.5}, "Retention.entries: 1.5 is no whole number"),
        ({"seconds": 0}, "Retention.seconds: 0 s is out of bounds"),
        ({"seconds": float("inf")}, "Retention.seconds: inf s is out of bounds"),
        ({"seconds": "1h"}, "Retention.seconds: '1h' is no number of seconds"),
        ({"every": 0.0}, "Retention.every: 0 s is out of bounds"),
        ({"every": True}, "Retention.every: True is no number of seconds"),
    ],
    ids=str,
)
def test_a_wrong_bound_is_refused(wrong, said):
    """With the field and the remedy."""
    with pytest.raises(SpecError) as refused:
        Retention(**wrong)
    assert str(refused.value).startswith(said)
