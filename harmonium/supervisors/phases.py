"""A coordinated stop: phases as a graph, run once, as a pure machine.

A phase begins when all phases before it are over. Its tasks run side by side. A
phase that fails or takes too long is passed over (`recover`) or ends the stop.
The rules are those of Pekko's CoordinatedShutdown.
"""

from __future__ import annotations

import enum
import graphlib
from collections.abc import Iterable, Mapping

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.supervisors.phase_spec import StopPhase

__all__ = [
    "AddTask",
    "Begin",
    "BeginPhase",
    "CancelTasks",
    "Done",
    "PhaseOver",
    "PhaseTimer",
    "Plan",
    "Progress",
    "RunTask",
    "Stopped",
    "TaskOver",
    "decide",
    "plan_of",
]


@attrs.frozen(slots=True)
class Plan:
    """Phases in an order in which each comes behind those it waits for.

    Args:
        phases: The phases, sorted.
        tasks: Names of the tasks of each phase.
    """

    phases: tuple[StopPhase, ...]
    tasks: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


def plan_of(phases: Iterable[StopPhase], tasks: Mapping[str, Iterable[str]] | None = None) -> Plan:
    """Sort phases, keeping the given order where the graph leaves a choice.

    Raises:
        SpecError: If a name stands twice, a phase or a task names an unknown
            phase, or phases wait for one another in a circle.
    """
    named: dict[str, StopPhase] = {}
    for phase in phases:
        if phase.name in named:
            raise SpecError(f"stop_phases.{phase.name}", "the name stands twice", "rename one")
        named[phase.name] = phase
    _check_names(named, tasks or {})
    return Plan(_sorted(named), {name: tuple(each) for name, each in (tasks or {}).items()})


def _check_names(named: Mapping[str, StopPhase], tasks: Mapping[str, Iterable[str]]) -> None:
    wanted = [(one.name, name) for one in named.values() for name in one.after]
    for place, name in [*wanted, *((name, name) for name in tasks)]:
        if name not in named:
            hint = did_you_mean(name, named)
            raise SpecError(f"stop_phases.{place}", f"there is no phase {name!r}", hint)


def _sorted(named: Mapping[str, StopPhase]) -> tuple[StopPhase, ...]:
    sorter = graphlib.TopologicalSorter({one.name: one.after for one in named.values()})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise SpecError("stop_phases", f"a circle: {circle}", "take one `after` out") from None
    order: list[StopPhase] = []
    given = list(named)
    while sorter.is_active():
        for name in sorted(sorter.get_ready(), key=given.index):
            order.append(named[name])
            sorter.done(name)
    return tuple(order)


class PhaseOver(enum.Enum):
    """How a phase ended."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    ABORTED = "aborted"


@attrs.frozen(slots=True)
class Progress:
    """Where a coordinated stop is.

    Args:
        plan: What is to be done.
        reason: Why; the first one given. None before the stop has begun.
        over: How each phase that is over ended.
        waiting: Tasks of each phase under way that are not over.
        troubled: Phases under way of which a task has failed.
        finished: Whether all is over.
    """

    plan: Plan
    reason: str | None = None
    over: Mapping[str, PhaseOver] = attrs.field(factory=dict)
    waiting: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    troubled: frozenset[str] = frozenset()
    finished: bool = False

    @property
    def aborted(self) -> bool:
        """Whether a phase that must not fail has failed."""
        return PhaseOver.ABORTED in self.over.values()


# --- events ---


@attrs.frozen(slots=True)
class Begin:
    """Begin to stop. A second one changes nothing: the first reason counts.

    Args:
        reason: Why; it decides the exit code.
        first: The phase to begin with; those it waits for are skipped. None
            begins at the beginning.
    """

    reason: str
    first: str | None = None


@attrs.frozen(slots=True)
class AddTask:
    """Add a task to a phase that has not begun; too late, it is refused in silence."""

    phase: str
    task: str


@attrs.frozen(slots=True)
class TaskOver:
    """A task has ended.

    Args:
        phase: Its phase.
        task: Its name.
        error: Why it failed, as text; empty if it did not.
    """

    phase: str
    task: str
    error: str = ""


@attrs.frozen(slots=True)
class PhaseTimer:
    """The time of a phase is over."""

    phase: str


# --- effects ---


@attrs.frozen(slots=True)
class BeginPhase:
    """The phase begins: set its timer, send `PhaseTimer` after `timeout` seconds."""

    phase: str
    timeout: float


@attrs.frozen(slots=True)
class RunTask:
    """Run the task; send `TaskOver` when it has ended."""

    phase: str
    task: str


@attrs.frozen(slots=True)
class CancelTasks:
    """Give up on these tasks of a phase; what they still report is inert."""

    phase: str
    tasks: tuple[str, ...]


@attrs.frozen(slots=True)
class Done:
    """A phase is over; drop its timer."""

    phase: str
    how: PhaseOver


@attrs.frozen(slots=True)
class Stopped:
    """All is over. Tell everybody who asked.

    Args:
        reason: The first reason given.
        clean: Whether no phase failed or took too long.
    """

    reason: str
    clean: bool


Event = Begin | AddTask | TaskOver | PhaseTimer
Effect = BeginPhase | RunTask | CancelTasks | Done | Stopped


def decide(progress: Progress, event: Event) -> tuple[Progress, tuple[Effect, ...]]:
    """Decide about one event; pure, and inert for what comes late or twice."""
    effects: list[Effect] = []
    if isinstance(event, Begin):
        progress = _begin(progress, event)
    elif isinstance(event, AddTask):
        progress = _add(progress, event)
    elif isinstance(event, TaskOver):
        progress = _task_over(progress, event)
    elif event.phase in progress.waiting:
        left = progress.waiting[event.phase]
        effects.append(CancelTasks(event.phase, tuple(sorted(left))))
        progress = _end(progress, event.phase, PhaseOver.TIMEOUT, effects)
    return _go_on(progress, effects), tuple(effects)


def _begin(progress: Progress, event: Begin) -> Progress:
    if progress.reason is not None:
        return progress
    names = [phase.name for phase in progress.plan.phases]
    if event.first is not None and event.first not in names:
        hint = did_you_mean(event.first, names)
        raise SpecError("stop_phases", f"there is no phase {event.first!r}", hint)
    passed = _before(progress.plan, event.first) if event.first else frozenset()
    over = {name: PhaseOver.SKIPPED for name in names if name in passed}
    return attrs.evolve(progress, reason=event.reason, over=over)


def _before(plan: Plan, first: str) -> frozenset[str]:
    """Name all phases that `first` waits for, directly or not."""
    after = {phase.name: phase.after for phase in plan.phases}
    found: set[str] = set()
    rest = list(after[first])
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest.extend(after[name])
    return frozenset(found)


def _add(progress: Progress, event: AddTask) -> Progress:
    known = {phase.name for phase in progress.plan.phases}
    late = event.phase in progress.waiting or event.phase in progress.over
    if late or event.phase not in known:
        return progress
    tasks = dict(progress.plan.tasks)
    tasks[event.phase] = (*tasks.get(event.phase, ()), event.task)
    return attrs.evolve(progress, plan=attrs.evolve(progress.plan, tasks=tasks))


def _task_over(progress: Progress, event: TaskOver) -> Progress:
    left = progress.waiting.get(event.phase, frozenset())
    if event.task not in left:
        return progress
    waiting = {**progress.waiting, event.phase: left - {event.task}}
    troubled = progress.troubled | {event.phase} if event.error else progress.troubled
    return attrs.evolve(progress, waiting=waiting, troubled=troubled)


def _go_on(progress: Progress, effects: list[Effect]) -> Progress:
    """Close phases without tasks left, and begin those whose turn it is."""
    reason = progress.reason
    if reason is None or progress.finished:
        return progress
    for phase in progress.plan.phases:  # sorted: once through is enough
        progress = _move(progress, phase, effects)
    if len(progress.over) < len(progress.plan.phases):
        return progress
    bad = {PhaseOver.FAILED, PhaseOver.TIMEOUT, PhaseOver.ABORTED}
    effects.append(Stopped(reason, clean=not bad & set(progress.over.values())))
    return attrs.evolve(progress, finished=True)


def _move(progress: Progress, phase: StopPhase, effects: list[Effect]) -> Progress:
    """Take one phase a step further, if it can go."""
    name = phase.name
    if name in progress.over:
        return progress
    if name in progress.waiting:
        if progress.waiting[name]:
            return progress
        how = PhaseOver.FAILED if name in progress.troubled else PhaseOver.DONE
        return _end(progress, name, how, effects)
    if not all(each in progress.over for each in phase.after):
        return progress
    tasks = progress.plan.tasks.get(name, ())
    if not phase.enabled or not tasks:
        how = PhaseOver.DONE if phase.enabled else PhaseOver.SKIPPED
        return attrs.evolve(progress, over={**progress.over, name: how})
    effects.append(BeginPhase(name, phase.timeout))
    effects.extend(RunTask(name, task) for task in tasks)
    return attrs.evolve(progress, waiting={**progress.waiting, name: frozenset(tasks)})


def _end(progress: Progress, name: str, how: PhaseOver, effects: list[Effect]) -> Progress:
    phase = next(one for one in progress.plan.phases if one.name == name)
    waiting = {each: left for each, left in progress.waiting.items() if each != name}
    effects.append(Done(name, how))
    progress = attrs.evolve(progress, over={**progress.over, name: how}, waiting=waiting)
    if how is PhaseOver.DONE or phase.recover:
        return progress
    return _abort(progress, effects)


def _abort(progress: Progress, effects: list[Effect]) -> Progress:
    """Give up what has not ended: a phase failed that must not fail."""
    for name, left in progress.waiting.items():
        effects.append(CancelTasks(name, tuple(sorted(left))))
        effects.append(Done(name, PhaseOver.ABORTED))
    rest = {one.name: PhaseOver.ABORTED for one in progress.plan.phases}
    return attrs.evolve(progress, over={**rest, **progress.over}, waiting={})
