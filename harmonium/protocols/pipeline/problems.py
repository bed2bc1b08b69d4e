"""Every definition error of a pipeline, found before anything runs."""

from __future__ import annotations

import graphlib
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harmonium.protocols.errors import SpecError
from harmonium.protocols.fallback import (
    Fail,
    FallbackRule,
    Hedge,
    Prefer,
    Retry,
    Skip,
    To,
    Use,
)
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.reliability.policy import Policy

if TYPE_CHECKING:
    from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step

__all__ = ["Problem", "as_error", "needs_of", "problems_of"]

Problem = tuple[str, str, str]
"""Place, what is wrong there, and the remedy."""

Rules = tuple[FallbackRule, ...]
Needs = dict[str, list[str]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_ACTIONS = ("to", "topic", "pipeline", "vote", "person")
_OF_UNDO = ("undo_to", "undo_timeout", "undo_fallback", "undo_policy", "undo_in_doubt")


def problems_of(pipeline: Pipeline[Any, Any]) -> list[Problem]:
    """Give every problem of a pipeline's own definition, in the order of declaration."""
    needs = needs_of(pipeline)
    found = [*_pipeline_problems(pipeline), *_name_problems(pipeline, needs)]
    place = f"pipeline {pipeline.name}"
    for step in pipeline.steps:
        found += _step_problems(f"{place}, step {step.name!r}", step)
    for conflict in pipeline.conflicts:
        found += _conflict_problems(f"{place}, conflict {conflict.name!r}", conflict)
    return [*found, *_cycles(place, needs), *_unreached(place, needs)]


def needs_of(pipeline: Pipeline[Any, Any]) -> Needs:
    """Give what each step and conflict needs, by name, as it was declared."""
    needs = {step.name: list(step.after) for step in pipeline.steps}
    return needs | {conflict.name: list(conflict.between) for conflict in pipeline.conflicts}


def as_error(problems: list[Problem]) -> SpecError:
    """Make one error of them: the first one, and the others in its remedy."""
    place, problem, remedy = problems[0]
    if len(problems) > 1:
        rest = "; ".join(f"{where}: {what}" for where, what, _ in problems[1:])
        remedy = f"{remedy} (and {len(problems) - 1} more: {rest})"
    return SpecError(place, problem, remedy)


def _pipeline_problems(pipeline: Pipeline[Any, Any]) -> Iterator[Problem]:
    place = f"pipeline {pipeline.name}"
    if not pipeline.steps:
        yield place, "it has no steps", "give it at least one"
    if not _is_limit(pipeline.timeout) or not _is_limit(pipeline.within, optional=True):
        yield place, "its timeout or within is not above 0 and finite", "give seconds"
    yield from _undo_rule_problems(f"{place}, undo_fallback", pipeline.undo_fallback)


def _name_problems(pipeline: Pipeline[Any, Any], needs: Needs) -> Iterator[Problem]:
    seen: set[str] = set()
    names = [one.name for one in pipeline.steps] + [one.name for one in pipeline.conflicts]
    for name in names:
        where = f"pipeline {pipeline.name}, step {name!r}"
        if name in seen:
            yield where, "two steps have this name", "rename one"
        if not _NAME.match(name):
            yield where, "its name has other signs than letters, digits, _ and -", "rename it"
        for need in needs[name]:
            if need not in needs:
                yield where, f"it needs {need!r}, which is no step", did_you_mean(need, needs)
        seen.add(name)


def _step_problems(where: str, step: Step[Any]) -> Iterator[Problem]:
    actions = [name for name in _ACTIONS if getattr(step, name) is not None]
    if not actions:
        yield where, "it does nothing", f"give it one of {', '.join(_ACTIONS)}"
    if len(actions) > 1:
        yield where, f"it does {len(actions)} things: {', '.join(actions)}", "split it"
    if step.policy is not None and (step.to is None or not isinstance(step.policy, Policy)):
        yield where, "a policy holds for a step that asks an agent", "give it `to` and a Policy"
    if step.concurrency < 1:
        yield where, "its concurrency is below 1", "give at least 1"
    if not all(_is_limit(t, optional=True) for t in (step.timeout, step.undo_timeout)):
        yield where, "a timeout is not above 0 and finite", "give seconds"
    yield from _undo_problems(where, step, actions)
    yield from _fallback_problems(where, step.fallback, sends=step.to is not None)


def _is_limit(seconds: float | None, *, optional: bool = False) -> bool:
    """Whether a wait of so many seconds comes to an end; NaN compares false."""
    return optional if seconds is None else 0 < seconds < math.inf


def _undo_problems(where: str, step: Step[Any], actions: list[str]) -> Iterator[Problem]:
    if step.undo_policy is not None and not isinstance(step.undo_policy, Policy):
        yield f"{where}, undo", "its policy is of another kind", "give a Policy"
    if step.undo is None:
        if any(getattr(step, name) for name in _OF_UNDO):
            yield where, "it says how to undo but not what", "give undo="
    elif "pipeline" in actions:
        yield where, "a sub-pipeline undoes its own steps", "give undo= to them"
    elif "to" not in actions and step.undo_to is None:
        yield where, "an undo without an action: no agent did the step", "give undo_to="
    yield from _undo_rule_problems(f"{where}, undo", step.undo_fallback or ())


def _undo_rule_problems(where: str, rules: Rules) -> Iterator[Problem]:
    for rule in rules:
        if isinstance(rule, Hedge | Prefer) or (isinstance(rule, Use) and not rule.sends):
            remedy = "use Retry, To, Use(message=...), Escalate, Skip or Fail"
            yield where, f"{type(rule).__name__} undoes nothing", remedy
    yield from _unreachable_rules(where, rules)


def _fallback_problems(where: str, rules: Rules, *, sends: bool) -> Iterator[Problem]:
    for rule in rules:
        if isinstance(rule, Prefer):
            yield where, "Prefer resolves conflicts only", "use it in a Conflict"
        if not sends and (isinstance(rule, Hedge | To) or (isinstance(rule, Use) and rule.sends)):
            problem = f"{type(rule).__name__} sends, and the step asks no single agent"
            yield where, problem, "escalate, or use a value"
    yield from _unreachable_rules(where, rules)


def _unreachable_rules(where: str, rules: Rules) -> Iterator[Problem]:
    for rule, follower in pairwise(rules):
        if _always_ends(rule):
            problem = f"{type(follower).__name__} comes after {type(rule).__name__}: never reached"
            yield where, problem, "put it before, or give on="


def _always_ends(rule: FallbackRule) -> bool:
    """Whether nothing can follow: a callable of `Use` may still raise."""
    if isinstance(rule, Use):
        return not rule.on and not rule.sends and not callable(rule.source)
    return isinstance(rule, Skip | Fail) and not rule.on


def _conflict_problems(where: str, conflict: Conflict) -> Iterator[Problem]:
    if len(set(conflict.between)) == 1:
        yield where, "it is between one step and itself", "name the other side"
    if not conflict.between:
        yield where, "it is between no steps", "name them"
    for rule in conflict.resolve:
        if isinstance(rule, Prefer) and rule.step not in conflict.between:
            yield where, f"it prefers {rule.step!r}, which has no part in it", "mend the name"
        sends = isinstance(rule, Use) and rule.sends
        if sends or isinstance(rule, Retry | To | Hedge):
            remedy = "use Prefer, Use (a value), Escalate, Skip or Fail"
            yield where, f"{type(rule).__name__} resolves nothing", remedy
    yield from _unreachable_rules(where, conflict.resolve)


def _cycles(place: str, needs: Needs) -> Iterator[Problem]:
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1][::-1]
        if len(circle) > 1:
            text = f"steps need one another in a circle: {' needs '.join(circle)}"
            yield place, text, "take one need away"


def _unreached(place: str, needs: Needs) -> Iterator[Problem]:
    """Name the steps that can never run because of what others need."""
    reached: set[str] = set()
    while ready := {n for n in needs.keys() - reached if reached.issuperset(needs[n])}:
        reached |= ready
    for name in needs:
        lost = [need for need in needs[name] if need in needs and need not in reached]
        if name not in reached and lost and not _is_in_circle(name, needs):
            where = f"{place}, step {name!r}"
            yield where, f"it is never reached: it waits for {lost[0]!r}", "mend that one"


def _is_in_circle(name: str, needs: Needs) -> bool:
    seen: set[str] = set()
    todo = list(needs[name])
    while todo:
        one = todo.pop()
        if one == name:
            return True
        if one not in seen:
            seen.add(one)
            todo += needs.get(one, [])
    return False
