"""Keys hash to the same number everywhere."""

import datetime as dt
import enum
import uuid
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.stable_hash import stable_hash


class Colour(enum.Enum):
    RED = 1


KEYS = st.recursive(
    st.one_of(
        st.text(), st.binary(), st.integers(), st.decimals(allow_nan=False), st.uuids(), st.none()
    ),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("order-1", 2709196713320186429),
        (b"order-1", 17521046710393819645),
        (1, 12194342687039902145),
        (("a", 1), 13746421519004024747),
        (None, 14658487808803342944),
        (Colour.RED, 7623371599969801700),
        (Decimal("1.50"), 18057037506786841314),
        (uuid.UUID(int=5), 1220352896829545270),
        (dt.date(2010, 12, 1), 3656716750214815573),
    ],
)
def test_the_numbers_are_fixed(key, expected):
    """The hash is part of what a running system relies on: these numbers never change."""
    assert expected == stable_hash(key)


@given(KEYS, KEYS)
def test_keys_of_different_texts_differ(one, other):
    """Different keys have different hashes, equal ones the same."""
    same = repr(one) == repr(other)
    assert same is (stable_hash(one) == stable_hash(other))


def test_it_is_even():
    """Consecutive keys fall evenly: 64,000 keys into 64 bins, each within 5 sigma."""
    bins = Counter(stable_hash(f"key-{n}") % 64 for n in range(64_000))
    assert all(abs(count - 1000) < 5 * 1000**0.5 for count in bins.values())


@pytest.mark.parametrize("key", [object(), ["list"], {"a": 1}, (1, object())])
def test_a_key_without_a_stable_text_is_refused(key):
    """An object whose text may hold its address is no key."""
    with pytest.raises(SpecError, match="is no routing key"):
        stable_hash(key)
