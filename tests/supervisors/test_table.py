"""The persistent table of children."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harmonium.supervisors.core.child import Child, copy_child
from harmonium.supervisors.core.table import Table
from harmonium.supervisors.spec import child


def _child(id: str) -> Child:
    return Child(child(dict, id=id), id)


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "change", "remove"]), st.integers(0, 12), st.integers(0, 10**6)
    ),
    max_size=60,
)


@given(steps)
def test_every_version_stays_as_it_was(steps):
    """Any version equals the plain dict it stands for, however the others go on."""
    versions = [(Table(), {})]
    for what, number, pick in steps:
        table, model = versions[pick % len(versions)]
        id = f"c{number}"
        model = dict(model)
        if what == "put" and id not in model:
            one = _child(id)
            table = table.put(one)
            model[id] = one
        elif what == "change" and id in model:
            one = copy_child(model[id])
            one.restarts += 1
            table, model[id] = table.put(one), one
        elif what == "remove" and id in model:
            table = table.remove(model.pop(id))
        versions.append((table, model))
    for table, model in versions:
        assert list(table) == list(model.values())
        assert len(table) == len(model)
        assert [table.get(f"c{n}") for n in range(13)] == [model.get(f"c{n}") for n in range(13)]


@given(st.integers(0, 2000), st.sets(st.integers(0, 1999)), st.integers(0, 2100))
def test_it_is_walked_from_any_place_in_both_directions(size, removed, place):
    """Upward and downward walks begin at a place and skip what was removed."""
    table = Table()
    for number in range(size):
        table = table.put(_child(str(number)))
    for number in sorted(removed & set(range(size))):
        table = table.remove(table.get(str(number)))
    left = [n for n in range(size) if n not in removed]
    assert [one.place for one in table.upward(place)] == [n for n in left if n >= place]
    assert [one.place for one in table.downward(place)] == [n for n in reversed(left) if n <= place]


def test_a_place_is_never_given_out_twice():
    """A child that is added after another was removed stands behind all that ever were."""
    table = Table().put(_child("a")).put(_child("b"))
    table = table.remove(table.get("b")).put(_child("c"))
    assert [(one.id, one.place) for one in table] == [("a", 0), ("c", 2)]
