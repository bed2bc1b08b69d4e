"""The difference of two trees, and the steps from one to the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.supervisors.core import events as on
from harmonium.supervisors.plan import Action, diff, plan
from harmonium.supervisors.spec import child, dynamic_supervisor, supervisor
from harmonium.supervisors.words import ONE_FOR_ALL, TEMPORARY
from tests.supervisors.harness import World, agent, kid, tree


def lines(steps) -> list[str]:
    return [f"{step.action.value} {step.path} {step.child}".strip() for step in steps]


def test_equal_trees_need_no_steps():
    """By value, not by identity."""
    assert plan(tree("A", "B"), tree("A", "B")) == ()
    assert diff(tree("A", "B"), tree("A", "B")) == ()


def test_a_change_of_limits_moves_nobody():
    """One reconfiguration, which says what changed."""
    old, new = tree("A"), tree(kid("A", shutdown=1.0), within=9.0)
    (step,) = plan(old, new)
    assert (step.path, step.action, step.spec) == ("/top", Action.RECONFIGURE, new)
    assert step.why == "within, A.shutdown"
    assert str(step) == "reconfigure /top: within, A.shutdown"


def test_children_come_and_go():
    """The last of the removed ones stops first; new ones start behind the rest."""
    steps = plan(tree("A", "B", kid("T", restart=TEMPORARY)), tree("A", "C", "D"))
    assert lines(steps) == [
        "stop /top T",
        "stop /top B",
        "delete /top B",
        "reconfigure /top",
        "start /top C",
        "start /top D",
    ]
    assert steps[4].spec == kid("C")


def test_a_child_whose_start_changed_is_restarted_at_its_place():
    """Its siblings are not touched."""
    new = tree(child(agent, 1, id="A", start_timeout=None), "B")
    assert lines(plan(tree("A", "B"), new)) == [
        "reconfigure /top",
        "stop /top A",
        "restart /top A",
    ]


def test_a_temporary_child_whose_start_changed_is_replaced():
    """A stopped temporary child has no spec to be restarted by."""
    old = tree(kid("A", restart=TEMPORARY))
    new = tree(child(agent, 1, id="A", restart=TEMPORARY))
    assert lines(plan(old, new)) == ["reconfigure /top", "stop /top A", "start /top A"]


def test_changes_deep_in_the_tree_touch_only_their_supervisor():
    """Supervisors on the way take over the new spec and restart nobody."""
    old = tree("A", tree("K", name="inner"))
    new = tree("A", tree("K", "L", name="inner"))
    steps = plan(old, new)
    assert lines(steps) == ["reconfigure /top", "reconfigure /top/inner", "start /top/inner L"]
    assert steps[0].why == "its list of children, or a tree below it"


@pytest.mark.parametrize("new", [kid("x"), child(dynamic_supervisor("x"))])
def test_a_supervisor_that_becomes_something_else_is_restarted(new):
    """An agent, or a supervisor of another kind."""
    assert lines(plan(tree(tree("K", name="x")), tree(new))) == [
        "reconfigure /top",
        "stop /top x",
        "restart /top x",
    ]


def test_the_root_cannot_change_its_kind():
    """The plan says so, and does nothing else."""
    (step,) = plan(tree("A"), dynamic_supervisor("top"))
    assert step.action is Action.REPLACE
    assert "cannot become a dynamic one" in step.why


def test_two_names_are_two_systems():
    """A plan between them is refused."""
    with pytest.raises(SpecError, match="keep its name"):
        plan(tree("A"), tree("A", name="other"))


def test_differences_are_listed_one_by_one():
    """Fields, children, order, and the trees below."""
    old = tree("A", "B", tree("K", name="inner", within=1.0), max_restarts=3)
    new = tree("B", "A", tree("K", name="inner", within=2.0), strategy=ONE_FOR_ALL, max_restarts=3)
    assert [str(change) for change in diff(old, new)] == [
        "/top.strategy: one_for_one -> one_for_all",
        "/top/inner.within: 1.0 -> 2.0",
        "/top.children: ('A', 'B', 'inner') -> ('B', 'A', 'inner')",
    ]


def test_a_difference_of_kind_is_a_difference_of_start():
    """An agent that becomes a supervisor."""
    (change,) = [one for one in diff(tree("x"), tree(tree("K", name="x"))) if one.field == "start"]
    assert change.path == "/top/x"


specs = st.lists(
    st.tuples(st.sampled_from("ABCDEF"), st.integers(0, 2), st.sampled_from([1.0, 2.0])),
    max_size=5,
    unique_by=lambda one: one[0],
)


def made(parts):
    children = [
        child(agent, *[number] * bool(number), id=id, shutdown=limit, start_timeout=None)
        for id, number, limit in parts
    ]
    return supervisor("top", children=children)


@given(specs, specs)
def test_carrying_a_plan_out_gives_the_new_tree(old, new):
    """The children are those of the new tree; unchanged ones keep their incarnation."""
    before, after = made(old), made(new)
    world = World(before).boot()
    kept = {one.id for one in before.children if after.named(one.id) is not None}
    same = {id for id in kept if before.named(id).start == after.named(id).start}
    cells = {id: world.top.cells[id] for id in same}
    for step in plan(before, after):
        order = {
            Action.RECONFIGURE: lambda s: world.order(on.Reconfigure, s.spec),
            Action.STOP: lambda s: world.stop(s.child),
            Action.DELETE: lambda s: world.delete(s.child),
            Action.RESTART: lambda s: world.restart(s.child),
            Action.START: lambda s: world.start(s.spec),
        }[step.action]
        assert order(step).ok
    table = world.top.state.table
    assert {one.id: one.spec for one in table} == {one.id: one for one in after.children}
    assert sorted(world.alive()) == sorted(one.id for one in after.children)
    assert all(world.top.cells[id] is cell for id, cell in cells.items())
    assert all(cell.incarnation == 1 for cell in cells.values())
