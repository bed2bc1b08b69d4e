"""What is wrong with a declared system: tree, contracts, pipelines, in one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harmonium.protocols.fallback import Escalate
from harmonium.protocols.ladder import Ladder, PersonRung
from harmonium.protocols.pipeline.check import check
from harmonium.protocols.pipeline.graph import Body, Node
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.supervisors.directory import Directory
from harmonium.supervisors.finding import Finding
from harmonium.supervisors.inbox_messages import PutQuestion
from harmonium.supervisors.lint import lint
from harmonium.supervisors.pipelines import Declared, pipelines_of
from harmonium.supervisors.spec import SupervisorSpec

__all__ = ["ADVICE", "find_mistakes"]

ADVICE = "pipeline-advice"
"""The rule of findings that may be meant so; all others are mistakes or dangers."""


def find_mistakes(tree: SupervisorSpec) -> list[Finding]:
    """Look through a tree without starting anything.

    Besides what `lint` says of the tree, each pipeline is held against the
    agents that its coordinator would find: an address that nobody has, a
    message outside the contract of whom it goes to, a person without an inbox,
    a reply that is expected and never given, a result that is read before its step is done, and
    coordinators that ask each other in a circle.
    """
    declared = list(pipelines_of(tree))
    found = [one for each in declared for one in _of_pipeline(each)]
    return [*lint(tree), *found, *_circles(declared)]


def _of_pipeline(declared: Declared) -> Iterator[Finding]:
    nodes = list(_nodes(declared.pipeline))
    topics = (node.task.target for node in nodes if node.task.body is Body.TOPIC)
    directory = Directory(declared.above, frozenset(topic for topic in topics if topic))
    for one in dict.fromkeys(check(declared.pipeline, directory)):
        place = f"{declared.path}, {one.place}"
        yield Finding(place, "pipeline" if one.is_error else ADVICE, one.problem, one.remedy)
    for who in dict.fromkeys(who for node in nodes for who in _people(node)):
        contract = directory.get(who)
        if contract is not None and not contract.takes(PutQuestion):
            problem = f"it asks the person {who!r}, and the agent of that name is no inbox"
            yield Finding(declared.path, "pipeline", problem, f"declare inbox({who!r})")


def _nodes(pipeline: Pipeline[Any, Any]) -> Iterator[Node]:
    for node in pipeline.graph.nodes:
        yield node
        if isinstance(node.task.extra, Pipeline):
            yield from _nodes(node.task.extra)


def _people(node: Node) -> Iterator[str]:
    ladders = [node.task.extra]
    for task in (node.task, node.undo):
        rules = () if task is None else task.rules
        ladders += [rule.ladder for rule in rules if isinstance(rule, Escalate)]
    for ladder in ladders:
        if isinstance(ladder, Ladder):
            yield from (rung.who for rung in ladder.rungs if isinstance(rung, PersonRung))


def _circles(declared: list[Declared]) -> Iterator[Finding]:
    """Coordinators whose requests come back to themselves: each waits for the other."""
    asks = {one.path: _asked(one) for one in declared}
    reported: set[frozenset[str]] = set()
    for start in asks:
        circle = _way_back(start, asks)
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            problem = f"requests go in a circle: {' asks '.join((*circle, start))}"
            yield Finding(start, "pipeline-circle", problem, "end it with a plain agent")


def _asked(declared: Declared) -> tuple[str, ...]:
    directory = Directory(declared.above)
    names = _targets(declared.pipeline)
    return tuple(dict.fromkeys(path for name in names if (path := directory.path_of(name))))


def _targets(pipeline: Pipeline[object, object]) -> Iterator[str]:
    for node in _nodes(pipeline):
        for task in (node.task, node.undo):
            if task is not None and task.target is not None:
                yield task.target


def _way_back(start: str, asks: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Find a way from a coordinator back to itself; empty if there is none."""
    todo: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while todo:
        way = todo.pop()
        for after in asks.get(way[-1], ()):
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                todo.append((*way, after))
    return ()
