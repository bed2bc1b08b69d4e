"""Tables of more than one node: every change leaves the other children where they are."""

from __future__ import annotations

import pytest

from harmonium.supervisors.core.child import Child, copy_child
from harmonium.supervisors.core.table import Table
from tests.supervisors.harness import kid


def table(count: int) -> Table:
    found = Table()
    for number in range(count):
        found = found.put(Child(kid(f"c{number}"), f"c{number}"))
    return found


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100, 1100])
@pytest.mark.parametrize("place", [0, 3, 30])
def test_a_change_leaves_all_others_alone(count, place):
    """In either direction, for few and for many, and in the version before."""
    before = table(count)
    place = min(place, count - 1)
    old = before.get(f"c{place}")
    new = copy_child(old)
    new.restarts = 7
    after = before.put(new)
    ids = [f"c{number}" for number in range(count)]
    assert [one.id for one in after] == ids
    assert [one.id for one in after.downward()] == ids[::-1]
    assert [one.restarts for one in after] == [7 * (number == place) for number in range(count)]
    assert (before.get(old.id).restarts, after.get(old.id).restarts) == (0, 7)
    gone = after.remove(new)
    assert [one.id for one in gone] == ids[:place] + ids[place + 1 :]
    assert gone.get(old.id) is None
    assert (after.get(old.id), len(after), len(gone)) == (new, count, count - 1)


@pytest.mark.parametrize("count", [4, 32, 33, 1100])
def test_several_changes_at_once_are_the_same_as_one_after_the_other(count):
    """Whether the children stand in one node or in many."""
    before = table(count)
    changed = [copy_child(before.get(f"c{place}")) for place in sorted({0, 3, count - 1})]
    for one in changed:
        one.restarts = 7
    after = before.put_all(changed)
    assert sum(one.restarts for one in before) == 0
    assert [one.id for one in after if one.restarts] == [one.id for one in changed]
    assert all(after.get(one.id) is one for one in changed)
    assert len(after) == count


def nodes(node: tuple) -> int:
    return 1 + sum(nodes(one) for one in node if isinstance(one, tuple))


def test_children_that_are_gone_leave_nothing_behind():
    """A place is never used again; a supervisor of a million short lives must not grow."""
    found = table(1100)
    for child in list(found)[:-1]:
        found = found.remove(child)
    assert [one.id for one in found] == ["c1099"]
    assert nodes(found._root) == 3, "one for each level"


@pytest.mark.parametrize("count", [1, 33, 1100])
def test_a_table_that_was_emptied_takes_children_again(count):
    """Behind the places that were used before."""
    found = table(count)
    for child in list(found):
        found = found.remove(child)
    assert (list(found), list(found.downward()), len(found)) == ([], [], 0)
    found = found.put(Child(kid("new"), "new"))
    assert [(one.id, one.place) for one in found] == [("new", count)]
    assert found.get("new") is not None
