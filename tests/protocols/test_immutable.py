"""The mapping that a dict becomes in a message."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.immutable import FrozenMap

dicts = st.dictionaries(st.text(max_size=3), st.integers(), max_size=5)


@given(dicts, dicts)
def test_it_is_as_the_dict_it_was_made_of(one: dict[str, int], two: dict[str, int]) -> None:
    """Reading, order and equality are those of a dict, and so is `|`."""
    frozen = FrozenMap(one)
    assert list(one.items()) == list(frozen.items())
    assert (list(one), list(one.values()), len(one)) == (
        list(frozen.keys()),
        list(frozen.values()),
        len(frozen),
    )
    assert (frozen == FrozenMap(two)) == (one == two) == (frozen == two)
    assert one | two == frozen | two == frozen | FrozenMap(two)
    assert [one.get(key) for key in two] == [frozen.get(key) for key in two]


@given(dicts)
def test_hash_does_not_depend_on_order(items: dict[str, int]) -> None:
    """Equal maps have equal hashes, in whatever order they were made."""
    backwards = dict(reversed(items.items()))
    assert FrozenMap(items) == FrozenMap(backwards)
    assert hash(FrozenMap(items)) == hash(FrozenMap(backwards))


def test_it_is_a_copy() -> None:
    """A change of the dict it was made of does not reach it."""
    source = {"a": 1}
    frozen = FrozenMap(source)
    source["a"] = 2
    assert frozen["a"] == 1


def test_nothing_changes_it() -> None:
    """It has no way to set or delete an item or an attribute."""
    frozen = FrozenMap({"a": 1})
    for change in (
        lambda: frozen.__setitem__("a", 2),
        lambda: frozen.__delitem__("a"),
        lambda: setattr(frozen, "_items", {}),
        lambda: delattr(frozen, "_items"),
        lambda: setattr(frozen, "other", 1),
    ):
        with pytest.raises(AttributeError):
            change()
    assert isinstance(frozen.items().mapping, MappingProxyType)
    assert {"a": 1} == frozen


def test_it_survives_pickle_and_copy() -> None:
    """Pickle and copy give an equal map of the same class."""
    frozen = FrozenMap({"a": (1, 2)})
    for again in (pickle.loads(pickle.dumps(frozen)), copy.copy(frozen), copy.deepcopy(frozen)):
        assert type(again) is FrozenMap
        assert frozen == again


def test_it_equals_no_other_thing() -> None:
    """A map is not equal to its items, and joins mappings only."""
    assert FrozenMap({"a": 1}) != [("a", 1)]
    with pytest.raises(TypeError):
        FrozenMap({"a": 1}) | [("b", 2)]  # type: ignore[operator]
