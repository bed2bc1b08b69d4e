"""Starting and stopping one child, inside the core: what is counted, which timers are left."""

from __future__ import annotations

from harmonium.protocols.budget import Budget
from harmonium.supervisors.core.effects import Start
from harmonium.supervisors.spec import child
from tests.supervisors.harness import World, kid, tree


def test_only_restarts_are_counted_as_restarts():
    """Not the first start, and not what an operator orders."""
    world = World(tree("A", max_restarts=9)).boot()
    assert world.rows()["A"].restarts == 0
    world.crash("A").crash("A").crash("A")
    assert world.rows()["A"].restarts == 3
    world.stop("A")
    world.restart("A")
    assert world.rows()["A"].restarts == 3
    world.start(kid("B"))
    assert world.rows()["B"].restarts == 0


def test_a_quarantined_child_that_an_operator_starts_is_not_tried_again():
    """The timer of its trial goes with its quarantine, though its start has no limit."""
    spec = tree(kid("A", budget=Budget(0, 60.0), start_timeout=None))
    world = World(spec).boot().crash("A")
    assert world.rows()["A"].state == "broken"
    world.restart("A")
    assert world.incarnation("A") == 2
    world.run(3600)
    assert (world.incarnation("A"), world.alive()) == (2, ["A"])


def test_only_supervisors_are_told_to_report_their_restarts():
    """Below a supervisor with a budget for its subtree."""
    spec = tree(kid("A"), child(tree("B", name="inner"), id="inner"), subtree=Budget(9, 60.0))
    world = World(spec).boot()
    reports = {one.child: one.reports for one in world.top.effects if isinstance(one, Start)}
    assert reports == {"A": False, "inner": True}
