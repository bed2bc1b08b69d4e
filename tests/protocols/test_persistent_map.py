"""A mapping whose changes are new mappings."""

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.persistent_map import PersistentMap


class Colliding:
    """A key whose hash says nothing."""

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return 7

    def __eq__(self, other):
        return isinstance(other, Colliding) and self.name == other.name


KEYS = st.one_of(
    st.integers(-100, 100),
    st.integers(0, 100).map(lambda n: n << 40),
    st.text("ab", max_size=4),
    st.integers(0, 60).map(Colliding),
)
CHANGES = st.lists(st.tuples(st.booleans(), KEYS, st.integers()), max_size=300)


@given(CHANGES)
def test_it_behaves_like_a_dict(changes):
    """After any changes it holds what a dict holds."""
    model, mapping = {}, PersistentMap()
    for put, key, value in changes:
        mapping = mapping.set(key, value) if put else mapping.discard(key)
        model.update({key: value}) if put else model.pop(key, None)
        assert len(model) == len(mapping)
        assert model.get(key, "none") == mapping.get(key, "none")
        assert (key in model) is (key in mapping)
    assert model == mapping
    assert model == dict(mapping)


@given(st.dictionaries(KEYS, st.integers(), max_size=100), CHANGES)
def test_the_old_one_stays_as_it_was(items, changes):
    """No change is seen through an older mapping."""
    old = PersistentMap(items)
    new = old
    for put, key, value in changes:
        new = new.set(key, value) if put else new.discard(key)
    assert items == old


@given(st.dictionaries(KEYS, st.integers(), max_size=100))
def test_how_it_was_built_does_not_matter(items):
    """One built at once equals one built key by key."""
    built = PersistentMap()
    for key, value in items.items():
        built = built.set(key, value)
    assert PersistentMap(items) == built


def test_ten_thousand_keys():
    """Deep tries find, replace and lose every key."""
    mapping = PersistentMap({f"key-{n}": n for n in range(10_000)})
    assert all(mapping[f"key-{n}"] == n for n in range(10_000))
    for n in range(10_000):
        mapping = mapping.discard(f"key-{n}")
    assert mapping == {}


def test_a_missing_key():
    """Asking for a missing key raises, discarding it gives the same mapping."""
    mapping = PersistentMap({"a": None})
    assert mapping["a"] is None
    assert mapping.discard("b") is mapping
    with pytest.raises(KeyError, match="b"):
        mapping["b"]


def test_a_pickle_is_read_by_a_process_with_other_hashes():
    """Strings hash otherwise in another process; the mapping still finds them there."""
    mapping = PersistentMap({f"key-{n}": n for n in range(200)})
    program = (
        "import pickle, sys\n"
        "mapping = pickle.loads(sys.stdin.buffer.read())\n"
        "assert all(mapping[f'key-{n}'] == n for n in range(200))\n"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps(mapping),
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
        )


def test_the_repr_shows_the_items():
    """The repr shows what it holds."""
    assert repr(PersistentMap({"a": 1})) == "PersistentMap({'a': 1})"
