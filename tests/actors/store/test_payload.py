"""Payloads and names: what is stored comes back, and what could not is refused."""

from __future__ import annotations

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.actors.store.payload import decode, encode
from harmonium.actors.store.rows import prefix_end
from harmonium.protocols.errors import StoreCorrupt, StoreError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON | st.binary())
def test_payloads_come_back(payload: object) -> None:
    """Any JSON value and any bytes survive, and are not taken for each other."""
    again = decode(encode(payload), "x", 0)
    assert payload == again
    assert isinstance(again, bytes) == isinstance(payload, bytes)


def test_mappings_and_views_are_taken() -> None:
    """An immutable mapping is stored as a dict, a bytearray as bytes."""
    assert {"a": 1} == decode(encode(types.MappingProxyType({"a": 1})), "x", 0)
    assert b"ab" == decode(encode(bytearray(b"ab")), "x", 0)
    assert b"ab" == decode(encode(memoryview(b"ab")), "x", 0)


def test_a_payload_that_holds_itself_is_refused() -> None:
    """A cycle ends in an error and not in the depth of the stack."""
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(StoreError):
        encode(cycle)


@given(st.binary())
def test_foreign_bytes_are_corrupt_or_a_payload(stored: bytes) -> None:
    """Whatever lies on the disk, the only error is that it is corrupt, with the place."""
    try:
        decode(stored, "stream s", 3)
    except StoreCorrupt as error:
        found = (error.place, error.offset)
    else:
        found = ("stream s", 3)
    assert ("stream s", 3) == found


@given(st.text(), st.text(st.characters(exclude_categories=["Cs"])))
def test_the_end_of_a_prefix_bounds_all_that_begin_with_it(name: str, prefix: str) -> None:
    """A name begins with the prefix exactly when it lies between the prefix and its end."""
    end = prefix_end(prefix)
    for candidate in (name, prefix + name):
        between = prefix <= candidate and (end is None or candidate < end)
        assert between == candidate.startswith(prefix)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("", None), ("a", "b"), ("\ud7ff", "\ue000"), ("a\U0010ffff", "b"), ("\U0010ffff", None)],
)
def test_the_end_of_a_prefix_is_text(prefix: str, end: str | None) -> None:
    """Surrogates are stepped over, and the highest character carries."""
    assert end == prefix_end(prefix)
