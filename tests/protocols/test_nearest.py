"""Mistyped names are answered with the nearest known one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.nearest import did_you_mean, nearest

WORDS = ["permanent", "transient", "temporary"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("permanant", "permanent"), ("TRANSIENT", "transient"), ("zzz", None), ("", None)],
)
def test_nearest(name, expected):
    """The word that looks most alike wins, whatever its case; nothing alike gives None."""
    assert expected == nearest(name, WORDS)


@given(st.sampled_from(WORDS))
def test_a_known_word_is_its_own_nearest(word):
    """A word that is known is found again."""
    assert word == nearest(word, WORDS)


def test_the_remedy_lists_all_where_nothing_is_near():
    """Without a guess the reader sees every known word, sorted."""
    assert did_you_mean("zzz", WORDS) == "known are permanent, temporary, transient"
