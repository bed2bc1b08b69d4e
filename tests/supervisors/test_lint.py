"""Trees that are allowed and still unwise."""

from __future__ import annotations

import math

import pytest

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.budget import Budget
from harmonium.protocols.waiting import Stash
from harmonium.supervisors.lint import lint, lint_mapping, stop_time
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.spec import child, dynamic_supervisor, supervisor
from harmonium.supervisors.words import KILL, NEVER_GIVE_UP, ONE_FOR_ALL, REST_FOR_ONE
from tests.supervisors.harness import agent, kid, tree


def rules(spec) -> list[tuple[str, str]]:
    return [(one.path, one.rule) for one in lint(spec)]


def test_a_sound_tree_has_no_findings():
    """Defaults are sound."""
    inner = tree("K", name="inner")
    assert lint(tree("A", kid("B", backoff=Backoff()), inner)) == []


@pytest.mark.parametrize(
    ("strategy", "limits", "found"),
    [
        (ONE_FOR_ALL, (1.0, 1.0), False),
        (ONE_FOR_ALL, (2.5, 2.5), True),
        (ONE_FOR_ALL, (2.4, 2.5), False),
        (REST_FOR_ONE, (9.0, 1.0), False),
        (REST_FOR_ONE, (0.0, 5.0), True),
        (ONE_FOR_ALL, (NEVER_GIVE_UP, KILL), True),
        (ONE_FOR_ALL, (9.0,), False),
    ],
)
def test_s36_stops_that_never_let_the_window_fill(strategy, limits, found):
    """The sum of the limits against the spacing of affordable restarts."""
    children = [kid(f"c{n}", shutdown=limit) for n, limit in enumerate(limits)]
    spec = tree(*children, strategy=strategy, max_restarts=2, within=10)
    expected = [("/top", "immortal")] if found else []
    assert rules(spec) == expected


def test_s36_the_finding_names_the_figures():
    """And a window that is long enough."""
    spec = tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=2, within=10)
    (one,) = lint(spec)
    assert one.sentence == (
        "stopping the group may take 10 s, and 2 restarts within 10 s are one in 5 s: "
        "the window may never fill"
    )
    assert one.remedy == "make `within` longer than 20 s, or the limits shorter"
    assert str(one).startswith("/top: stopping the group")


def test_s36_without_restarts_nothing_is_immortal():
    """Nor in a strategy without a group."""
    assert rules(tree("A", "B", strategy=ONE_FOR_ALL, max_restarts=0)) == []
    assert rules(tree("A", "B", max_restarts=5)) == []


def test_s35_budgets_multiply():
    """Found where the agent is, with the number of starts."""
    low = tree("leaf", name="low", max_restarts=4)
    mid = tree(low, name="mid", max_restarts=4)
    spec = tree(mid, max_restarts=4)
    (one,) = lint(spec)
    assert (one.path, one.rule) == ("/top/mid/low", "budget-product")
    assert "started up to 125 times" in one.sentence


def test_s35_a_subtree_budget_ends_the_product():
    """Where it stands, no more restarts come together."""
    low = tree("leaf", name="low", max_restarts=9)
    mid = tree(low, name="mid", max_restarts=9, subtree=Budget(20, 60.0))
    assert rules(tree(mid, max_restarts=3)) == []


def test_s35_one_level_is_no_product():
    """A large number by itself is somebody's choice."""
    assert rules(tree("A", max_restarts=1000)) == []


@pytest.mark.parametrize("limit", [0.5, 9.0])
def test_s52_a_finite_limit_above_a_supervisor(limit):
    """The finding names the limit and what the tree below may take."""
    inner = tree(kid("K", shutdown=3.0), kid("L", shutdown=3.0), name="inner")
    (one,) = lint(tree(child(inner, shutdown=limit, forced=True)))
    assert (one.path, one.rule) == ("/top/inner", "finite-shutdown")
    assert f"killed after {limit:g} s, and its tree may take 6 s" in one.sentence


def test_a_quarantine_that_is_shorter_than_the_backoff():
    """A child that is given up would be tried sooner than one that is not."""
    one = kid("A", backoff=Backoff(1.0, 60.0))
    assert rules(tree(one)) == [("/top/A", "minimum-above-maximum")]
    assert rules(tree(kid("A", backoff=Backoff(1.0, 30.0)))) == []


def test_a_stash_that_does_not_fit_the_mailbox():
    """It could never be full."""
    assert rules(tree(kid("A", mail=Stash(11), mailbox=10))) == [
        ("/top/A", "minimum-above-maximum")
    ]
    assert rules(tree(kid("A", mail=Stash(10), mailbox=10))) == []


@pytest.mark.parametrize(("limit", "found"), [(None, True), (10, True), (9, False)])
def test_a_root_on_the_default_budget_with_many_dynamic_children(limit, found):
    """One restart in 5 s took whole nodes down elsewhere."""
    crowd = dynamic_supervisor("crowd", max_children=limit)
    expected = [("/top", "root-budget")] if found else []
    assert rules(tree(crowd)) == expected
    assert rules(tree(crowd, max_restarts=10)) == []
    assert rules(tree(crowd, within=60.0)) == []


def test_a_dynamic_root_on_the_default_budget():
    """The same holds for the root itself."""
    assert rules(dynamic_supervisor("top")) == [("/top", "root-budget")]


def test_s80_a_circle_of_stop_phases():
    """The stop would never end, so the tree is refused."""
    phases = (StopPhase("a", ("b",)), StopPhase("b", ("a",)))
    (one,) = lint(tree("A", stop_phases=phases))
    assert one.rule == "stop-phases"
    assert "a circle" in one.sentence


def test_the_template_of_a_dynamic_supervisor_is_looked_at():
    """Every copy would have the same mistake."""
    template = kid("job", mail=Stash(11), mailbox=10)
    spec = dynamic_supervisor("top", template=template, max_children=3)
    assert rules(spec) == [("/top/job", "minimum-above-maximum")]


def test_how_long_a_stop_may_take():
    """In a row for declared children, side by side for dynamic ones."""
    assert stop_time(kid("A", shutdown=2.0)) == 2.0
    assert stop_time(kid("A", shutdown=KILL)) == 0.0
    assert stop_time(kid("A", shutdown=NEVER_GIVE_UP)) == math.inf
    inner = tree(kid("K", shutdown=2.0), kid("L", shutdown=3.0), name="inner")
    assert stop_time(inner) == 5.0
    assert stop_time(child(inner)) == 5.0
    assert stop_time(child(inner, shutdown=1.0, forced=True)) == 1.0
    assert stop_time(dynamic_supervisor("d", template=child(agent, id="j", shutdown=4.0))) == 4.0
    assert stop_time(supervisor("empty")) == 0.0


def test_a_malformed_file_is_a_finding():
    """With the place and the remedy of the error."""
    (one,) = lint_mapping({"name": "top", "strateg": "x"})
    assert (one.path, one.rule) == ("/top.strateg", "malformed")
    assert one.remedy == "did you mean 'strategy'?"


def test_a_minimum_above_its_maximum_in_a_file():
    """The rule is named."""
    backoff = {"initial": 5, "maximum": 1}
    data = {"name": "top", "children": [{"id": "A", "agent": "builtins:dict", "backoff": backoff}]}
    (one,) = lint_mapping(data)
    assert (one.path, one.rule) == ("/top/A.backoff.maximum", "minimum-above-maximum")


def test_a_sound_file_is_linted_as_a_tree():
    """Rules of trees hold for files, too."""
    data = {"name": "top", "kind": "dynamic"}
    assert [one.rule for one in lint_mapping(data)] == ["root-budget"]
