"""Definitions: what is wrong is refused when it is written, with the place and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.fallback import Fail, Hedge, Prefer, Retry, Skip, To, Use
from harmonium.protocols.pipeline.gather import Gather
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting import Majority
from tests.protocols.pipeline.world import Order, Work

INNER = Pipeline(Order, [Step("in", to="x")])


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "it has no steps"),
        ([Step("a")], "step 'a': it does nothing; give it one of to, topic"),
        ([Step("a", to="x", topic="t")], "it does 2 things: to, topic; split it"),
        ([Step("a", to="x"), Step("a", to="y")], "step 'a': two steps have this name"),
        ([Step("a b", to="x")], "other signs than letters, digits, _ and -"),
        ([Step("stok", to="x"), Step("b", to="y", after="stock")], "did you mean 'stok'?"),
        (
            [
                Step("a", to="x", after="c"),
                Step("b", to="x", after="a"),
                Step("c", to="x", after="b"),
            ],
            "in a circle",
        ),
        ([Step("a", to="x", after="a")], "in a circle: a needs a"),
        ([Step("a", to="x", concurrency=0)], "its concurrency is below 1"),
        ([Step("a", to="x", timeout=0.0)], "a timeout is not above 0"),
        ([Step("a", to="x", timeout=float("nan"))], "a timeout is not above 0"),
        ([Step("a", to="x", undo_to="y")], "it says how to undo but not what; give undo="),
        ([Step("a", person="ann", undo=Work)], "an undo without an action"),
        ([Step("a", vote=Vote("v", rule=Majority()), undo=Work)], "an undo without an action"),
        ([Step("a", pipeline=INNER, undo=Work)], "a sub-pipeline undoes its own steps"),
        ([Step("a", to="x", fallback=[Prefer("a")])], "Prefer resolves conflicts only"),
        ([Step("a", person="ann", fallback=[To("x")])], "the step asks no single agent"),
        ([Step("a", topic="t", fallback=[Hedge(1.0)])], "the step asks no single agent"),
        ([Step("a", topic="t", fallback=[Use(Work)])], "the step asks no single agent"),
        ([Step("a", to="x", undo=Work, undo_fallback=[Use(1)])], "Use undoes nothing"),
        ([Step("a", to="x", undo=Work, undo_fallback=[Hedge(1.0)])], "Hedge undoes nothing"),
        ([Step("a", to="x", fallback=[Skip(), Retry()])], "Retry comes after Skip: never reached"),
        ([Step("a", to="x", fallback=[Fail(), Retry()])], "Retry comes after Fail: never reached"),
        ([Step("a", to="x", fallback=[Use(1), Retry()])], "Retry comes after Use: never reached"),
    ],
)
def test_a_wrong_step_is_refused(steps: list[Step[Any]], text: str) -> None:
    """Each mistake names its step, says what is wrong and what to write instead."""
    with pytest.raises(SpecError) as caught:
        Pipeline(Order, steps)
    assert text in str(caught.value)
    assert caught.value.path.startswith("pipeline Order")


@pytest.mark.parametrize(
    ("conflict", "text"),
    [
        (Conflict("x", [], when=bool), "it is between no steps"),
        (Conflict("x", "a", when=bool), "it is between one step and itself"),
        (Conflict("x", ["a", "c"], when=bool), "it needs 'c', which is no step"),
        (Conflict("a", ["a", "b"], when=bool), "two steps have this name"),
        (Conflict("x", ["a", "b"], when=bool, resolve=Prefer("c")), "which has no part in it"),
        (Conflict("x", ["a", "b"], when=bool, resolve=Retry()), "Retry resolves nothing"),
        (Conflict("x", ["a", "b"], when=bool, resolve=Use(Work)), "Use resolves nothing"),
    ],
)
def test_a_wrong_conflict_is_refused(conflict: Conflict, text: str) -> None:
    """A conflict that cannot be looked for or resolved is refused."""
    with pytest.raises(SpecError) as caught:
        Pipeline(Order, [Step("a", to="x"), Step("b", to="y")], conflicts=[conflict])
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Pipeline(Order, [Step("a", to="x")], timeout=0.0),
        lambda: Pipeline(Order, [Step("a", to="x")], within=-1.0),
        lambda: Pipeline(Order, [Step("a", to="x")], undo_fallback=Use(1)),
        lambda: Gather(1, least=2),
        lambda: Gather(0),
        lambda: Vote("v", rule=Majority(), deadline=0.0),
    ],
)
def test_wrong_numbers_are_refused(make: Any) -> None:
    """Times have to be above 0, and a gather cannot want less than it needs."""
    with pytest.raises(SpecError):
        make()


def test_all_mistakes_are_named_at_once() -> None:
    """The error has the first mistake, and counts and names the others."""
    steps = [Step("a"), Step("b", to="x", after="c"), Step("d", to="x", after="b")]
    with pytest.raises(SpecError) as caught:
        Pipeline(Order, steps)
    assert "(and 2 more: " in caught.value.remedy
    assert "'a': it does nothing" in str(caught.value)


def test_what_a_circle_cuts_off_is_named() -> None:
    """A step that waits for a circle, and is not in it, is never reached."""
    steps = [
        Step("a", to="x", after="b"),
        Step("b", to="x", after="a"),
        Step("late", to="x", after="a"),
    ]
    with pytest.raises(SpecError, match="'late': it is never reached: it waits for 'a'"):
        Pipeline(Order, steps)


def test_short_forms_mean_what_they_say() -> None:
    """One name, rule or type may stand alone; steps may be named by themselves."""
    first = Step("first", to="x", expect=Work, fallback=Retry(2))
    second = Step("second", to="x", after=first, refused=(Work, Order))
    assert first.expect == (Work,)
    assert first.fallback == (Retry(2),)
    assert second.after == ("first",)
    assert Pipeline(Order, [second, first]).graph.index == {"first": 0, "second": 1}


def test_layers_follow_the_longest_way() -> None:
    """A step stands one layer below the lowest of its needs."""
    steps = [
        Step("a", to="x"),
        Step("b", to="x", after="a"),
        Step("c", to="x", after=["a", "b"]),
        Step("d", to="x", after="a"),
    ]
    layers = Pipeline(Order, steps).graph.layers()
    assert [[node.name for node in row] for row in layers] == [["a"], ["b", "d"], ["c"]]


def test_who_needs_both_sides_waits_for_the_resolution() -> None:
    """A conflict stands before the steps that need all its sides, and no others."""
    steps = [
        Step("a", to="x"),
        Step("b", to="x"),
        Step("one", to="x", after="a"),
        Step("both", to="x", after=["one", "b"]),
    ]
    graph = Pipeline(Order, steps, conflicts=[Conflict("x", ["a", "b"], when=bool)]).graph

    def needs(name: str) -> set[str]:
        return {graph.nodes[need].name for need in graph.nodes[graph.index[name]].needs}

    assert needs("one") == {"a"}
    assert needs("both") == {"one", "b", "x"}
