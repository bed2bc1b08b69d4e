"""Case S80: the coordinated stop, and what else its plan has to hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.supervisors.phase_spec import StopPhase
from harmonium.supervisors.phases import (
    AddTask,
    Begin,
    BeginPhase,
    CancelTasks,
    Done,
    PhaseOver,
    PhaseTimer,
    Progress,
    RunTask,
    Stopped,
    TaskOver,
    decide,
    plan_of,
)


class Stop:
    """A stop that is carried out by hand."""

    def __init__(self, *phases: StopPhase, **tasks: list[str]):
        self.progress = Progress(plan_of(phases, tasks))
        self.log: list = []

    def feed(self, event) -> Stop:
        self.progress, effects = decide(self.progress, event)
        self.log += effects
        return self

    def running(self) -> list[str]:
        return [one.task for one in self.log if isinstance(one, RunTask)]

    def over(self, phase: str, *tasks: str, error: str = "") -> Stop:
        for task in tasks:
            self.feed(TaskOver(phase, task, error))
        return self

    @property
    def stopped(self):
        return next((one for one in self.log if isinstance(one, Stopped)), None)


def line(*names: str, **fields) -> list[StopPhase]:
    """Phases one behind the other."""
    before = (None, *names)
    return [
        StopPhase(name, (last,) if last else (), **fields)
        for last, name in zip(before, names, strict=False)
    ]


def test_s80_phases_run_in_order_and_their_tasks_side_by_side():
    """A phase begins when the one before it is over."""
    stop = Stop(*line("intake", "drain", "close"), intake=["a", "b"], close=["c"])
    stop.feed(Begin("bye"))
    assert stop.log == [BeginPhase("intake", 5.0), RunTask("intake", "a"), RunTask("intake", "b")]
    stop.over("intake", "a")
    assert stop.running() == ["a", "b"]
    stop.over("intake", "b")
    assert stop.log[3:] == [
        Done("intake", PhaseOver.DONE),
        BeginPhase("close", 5.0),
        RunTask("close", "c"),
    ]
    stop.over("close", "c")
    assert stop.stopped == Stopped("bye", clean=True)
    assert stop.progress.finished


def test_s80_branches_of_the_graph_run_side_by_side():
    """A join waits for both."""
    phases = [
        StopPhase("root"),
        StopPhase("left", ("root",)),
        StopPhase("right", ("root",)),
        StopPhase("join", ("left", "right")),
    ]
    stop = Stop(*phases, root=["r"], left=["l"], right=["x"], join=["j"]).feed(Begin("bye"))
    stop.over("root", "r")
    assert stop.running() == ["r", "l", "x"]
    stop.over("right", "x")
    assert stop.running() == ["r", "l", "x"]
    stop.over("left", "l")
    assert stop.running() == ["r", "l", "x", "j"]


@pytest.mark.parametrize("how", ["failure", "timeout"])
def test_s80_a_phase_that_may_recover_is_passed_over(how):
    """The stop goes on and says that it was not clean."""
    stop = Stop(*line("one", "two"), one=["a", "b"], two=["c"]).feed(Begin("bye"))
    if how == "failure":
        stop.over("one", "a", error="boom").over("one", "b")
        expected = [Done("one", PhaseOver.FAILED)]
    else:
        stop.over("one", "a").feed(PhaseTimer("one"))
        expected = [CancelTasks("one", ("b",)), Done("one", PhaseOver.TIMEOUT)]
    assert stop.log[3 : 3 + len(expected)] == expected
    assert stop.running()[-1] == "c"
    stop.over("two", "c")
    assert stop.stopped == Stopped("bye", clean=False)
    assert not stop.progress.aborted


@pytest.mark.parametrize("how", ["failure", "timeout"])
def test_s80_a_phase_that_must_not_fail_ends_the_stop(how):
    """What is left is given up: phases under way, and those that have not begun."""
    phases = [
        StopPhase("flush", recover=False),
        StopPhase("beside"),
        StopPhase("after", ("flush",)),
    ]
    stop = Stop(*phases, flush=["f"], beside=["b"], after=["c"]).feed(Begin("bye"))
    if how == "failure":
        stop.over("flush", "f", error="disk full")
    else:
        stop.feed(PhaseTimer("flush"))
    assert stop.running() == ["f", "b"]
    assert CancelTasks("beside", ("b",)) in stop.log
    assert Done("beside", PhaseOver.ABORTED) in stop.log
    assert stop.progress.over["after"] is PhaseOver.ABORTED
    assert stop.progress.aborted
    assert stop.stopped == Stopped("bye", clean=False)
    before = stop.log[:]
    stop.over("beside", "b").feed(PhaseTimer("beside"))
    assert stop.log == before


def test_s80_it_runs_once_and_the_first_reason_wins():
    """A second order changes nothing, neither before nor after the end."""
    stop = Stop(*line("one"), one=["a"]).feed(Begin("first")).feed(Begin("second"))
    assert stop.running() == ["a"]
    stop.over("one", "a").feed(Begin("third"))
    assert [one for one in stop.log if isinstance(one, Stopped)] == [Stopped("first", clean=True)]


def test_s80_a_circle_is_refused_when_the_plan_is_made():
    """The error shows it."""
    phases = [StopPhase("a", ("c",)), StopPhase("b", ("a",)), StopPhase("c", ("b",))]
    with pytest.raises(SpecError, match=r"stop_phases: a circle: (a|b|c) -> .* -> "):
        plan_of(phases)


def test_s80_a_disabled_phase_is_skipped_and_the_next_ones_run():
    """Its tasks do not run."""
    phases = [StopPhase("one", enabled=False), StopPhase("two", ("one",))]
    stop = Stop(*phases, one=["a"], two=["b"]).feed(Begin("bye"))
    assert stop.running() == ["b"]
    assert stop.progress.over["one"] is PhaseOver.SKIPPED
    assert stop.over("two", "b").stopped == Stopped("bye", clean=True)


def test_s80_it_may_begin_with_a_later_phase():
    """Those that it waits for are skipped, directly and indirectly."""
    phases = [*line("one", "two", "three"), StopPhase("other")]
    stop = Stop(*phases, one=["a"], two=["b"], three=["c"], other=["d"])
    stop.feed(Begin("bye", first="three"))
    assert stop.running() == ["d", "c"]
    assert stop.progress.over == {"one": PhaseOver.SKIPPED, "two": PhaseOver.SKIPPED}
    with pytest.raises(SpecError, match="did you mean 'three'"):
        decide(Progress(plan_of(phases)), Begin("bye", first="threee"))


def test_s80_tasks_may_be_added_to_phases_that_have_not_begun():
    """Too late is too late, and so is an unknown phase."""
    stop = Stop(*line("one", "two"), one=["a"]).feed(Begin("bye"))
    stop.feed(AddTask("one", "late")).feed(AddTask("two", "b")).feed(AddTask("three", "x"))
    assert stop.running() == ["a"]
    stop.over("one", "a")
    assert stop.running() == ["a", "b"]
    assert stop.stopped is None
    stop.over("two", "b").feed(AddTask("two", "late"))
    assert stop.running() == ["a", "b"]


def test_s80_a_task_that_comes_too_late_changes_nothing():
    """Neither in a phase under way, nor in one that is over, nor in an unknown one."""
    stop = Stop(*line("one", "two", "three"), one=["a"], two=["b"]).feed(Begin("bye"))
    stop.over("one", "a")
    for phase in ("one", "two", "four"):
        before = stop.progress
        stop.feed(AddTask(phase, "late"))
        assert stop.progress is before


def test_s80_a_phase_that_must_not_fail_and_does_not_is_no_end():
    """The next ones run, and the stop is clean."""
    phases = [StopPhase("flush", recover=False), StopPhase("close", ("flush",))]
    stop = Stop(*phases, flush=["f"], close=["c"]).feed(Begin("bye"))
    stop.over("flush", "f").over("close", "c")
    assert stop.running() == ["f", "c"]
    assert stop.stopped == Stopped("bye", clean=True)


def test_s80_what_is_reported_twice_or_late_is_inert():
    """A task that is over stays over; a phase without a timer is not timed out."""
    stop = Stop(*line("one", "two"), one=["a", "b"], two=["c"]).feed(Begin("bye"))
    stop.over("one", "a", "a").over("one", "x").over("two", "c")
    assert stop.running() == ["a", "b"]
    stop.over("one", "b").feed(PhaseTimer("one"))
    assert stop.running() == ["a", "b", "c"]
    assert stop.progress.over == {"one": PhaseOver.DONE}


def test_a_stop_without_tasks_is_over_at_once():
    """Also one without phases."""
    assert Stop(*line("one", "two")).feed(Begin("bye")).stopped == Stopped("bye", clean=True)
    assert Stop().feed(Begin("bye")).stopped == Stopped("bye", clean=True)


def test_nothing_happens_before_it_begins():
    """Tasks may be added; nothing runs."""
    stop = Stop(*line("one")).feed(AddTask("one", "a"))
    assert stop.log == []
    assert stop.feed(Begin("bye")).running() == ["a"]


@pytest.mark.parametrize(
    ("phases", "tasks", "text"),
    [
        ([StopPhase("a", ("b",))], {}, "there is no phase 'b'"),
        ([StopPhase("a"), StopPhase("a")], {}, "the name stands twice"),
        ([StopPhase("drain")], {"drian": ["x"]}, "did you mean 'drain'"),
    ],
)
def test_names_are_checked(phases, tasks, text):
    """A plan that cannot be carried out is refused."""
    with pytest.raises(SpecError, match=text):
        plan_of(phases, tasks)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": ""}, "is no name"),
        ({"name": "a", "timeout": 0}, "stop_phases.a.timeout"),
        ({"name": "a", "recover": 1}, "stop_phases.a.recover"),
        ({"name": "a", "enabled": None}, "stop_phases.a.enabled"),
    ],
)
def test_a_phase_is_checked(fields, text):
    """The error names the field."""
    with pytest.raises(SpecError, match=text):
        StopPhase(**fields)


@given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=10), st.randoms())
def test_any_graph_is_sorted_and_carried_through(edges, chance):
    """Every phase runs behind those it waits for, whatever order the tasks end in."""
    phases = [
        StopPhase(str(n), tuple(str(m) for m in sorted(before) if m < n))
        for n, before in enumerate(edges)
    ]
    chance.shuffle(phases)
    stop = Stop(*phases, **{phase.name: [f"t{phase.name}"] for phase in phases})
    stop.feed(Begin("bye"))
    ended: list[str] = []
    while stop.stopped is None:
        under_way = [one for one in stop.running() if one[1:] not in ended]
        task = chance.choice(under_way)
        after = {phase.name: phase.after for phase in phases}[task[1:]]
        assert set(after) <= set(ended)
        ended.append(task[1:])
        stop.over(task[1:], task)
    assert len(ended) == len(phases)
