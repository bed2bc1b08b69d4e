"""A pipeline made ready to run: steps by number, who needs whom, and every definition error."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.fallback import FallbackRule, Hedge
from harmonium.protocols.pipeline.problems import as_error, needs_of, problems_of
from harmonium.protocols.reliability.policy import Policy

if TYPE_CHECKING:
    from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step

__all__ = ["Body", "Graph", "Node", "Task", "compile_graph"]


class Body(enum.Enum):
    """What a piece of work does."""

    SEND = "send"
    TOPIC = "topic"
    PIPELINE = "pipeline"
    VOTE = "vote"
    PERSON = "person"
    CONFLICT = "conflict"
    UNDO = "undo"


@attrs.frozen(slots=True, eq=False)
class Task:
    """One kind of work of a step: its action, or its undo.

    Args:
        body: What it does.
        target: Whom it asks, or the topic; None where `extra` says it.
        source: What its message is made of; None stands for the seed.
        timeout: Of each attempt, in seconds; infinite for a sub-pipeline that
            only the request's deadline ends.
        rules: The fallback rules.
        hedge: The hedge among them, or None.
        expect: Types of replies that are results; none given means all.
        refused: Types of replies that are refusals.
        extra: The vote, ladder, pipeline, gather or conflict.
        policy: What holds for each ask of an agent, or None.
    """

    body: Body
    target: str | None
    source: Any
    timeout: float
    rules: tuple[FallbackRule, ...]
    hedge: Hedge | None = None
    expect: tuple[type, ...] = ()
    refused: tuple[type, ...] = ()
    extra: Any = None
    policy: Policy | None = None


@attrs.frozen(slots=True, eq=False)
class Node:
    """A step or a conflict in its graph.

    Args:
        index: Its number; also its place in the request's state.
        name: Its name.
        task: Its action.
        undo: Its undo, or None.
        undo_in_doubt: Whether a failure in doubt is undone too.
        needs: What must be done first.
        visible: All that is done by then: `needs`, and what they need.
        dependents: Who needs it.
        when: Its condition, or None.
        each: Gives its collection, or None.
        concurrency: How many items at a time.
    """

    index: int
    name: str
    task: Task
    undo: Task | None
    undo_in_doubt: bool
    needs: tuple[int, ...]
    visible: frozenset[int]
    dependents: tuple[int, ...]
    when: Any = None
    each: Any = None
    concurrency: int = 1


@attrs.frozen(slots=True, eq=False)
class Graph:
    """The nodes of a pipeline in a topological order."""

    name: str
    nodes: tuple[Node, ...]
    index: Mapping[str, int]
    roots: tuple[int, ...]

    def layers(self) -> tuple[tuple[Node, ...], ...]:
        """Give the nodes in layers: each needs only nodes of layers before its own."""
        depth: dict[int, int] = {}
        for node in self.nodes:
            depth[node.index] = max((depth[need] + 1 for need in node.needs), default=0)
        rows: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        for node in self.nodes:
            rows[depth[node.index]].append(node)
        return tuple(tuple(row) for row in rows)


def compile_graph(pipeline: Pipeline[Any, Any]) -> Graph:
    """Check a pipeline and bring it to a graph.

    Raises:
        SpecError: For the first problem; the text counts and names the others.
    """
    problems = problems_of(pipeline)
    if problems:
        raise as_error(problems)
    return _compile(pipeline, needs_of(pipeline))


def _compile(pipeline: Pipeline[Any, Any], needs: dict[str, list[str]]) -> Graph:
    _wait_for_conflicts(pipeline, needs)
    order = list(_stable_order(needs))
    index = {name: i for i, name in enumerate(order)}
    visible = _visible(order, needs)
    steps = {step.name: step for step in pipeline.steps}
    conflicts = {conflict.name: conflict for conflict in pipeline.conflicts}
    nodes = []
    for name in order:
        links = {
            "index": index[name],
            "name": name,
            "needs": tuple(sorted({index[need] for need in needs[name]})),
            "visible": frozenset(index[one] for one in visible[name]),
            "dependents": tuple(sorted(index[o] for o in order if name in needs[o])),
        }
        if name in steps:
            nodes.append(_step_node(pipeline, steps[name], links))
        else:
            nodes.append(_conflict_node(pipeline, conflicts[name], links))
    roots = tuple(node.index for node in nodes if not node.needs)
    return Graph(pipeline.name, tuple(nodes), index, roots)


def _stable_order(needs: dict[str, list[str]]) -> Iterator[str]:
    """Order topologically, and otherwise as declared."""
    left = dict(needs)
    done: set[str] = set()
    while left:
        name = next(name for name, after in left.items() if done.issuperset(after))
        del left[name]
        done.add(name)
        yield name


def _visible(order: list[str], needs: dict[str, list[str]]) -> dict[str, set[str]]:
    visible: dict[str, set[str]] = {}
    for name in order:
        visible[name] = set(needs[name]).union(*(visible[need] for need in needs[name]))
    return visible


def _wait_for_conflicts(pipeline: Pipeline[Any, Any], needs: dict[str, list[str]]) -> None:
    """Let each step that needs all sides of a conflict wait for its resolution."""
    for conflict in pipeline.conflicts:
        visible = _visible(list(_stable_order(needs)), needs)
        for step in pipeline.steps:
            sees = visible[step.name]
            if sees.issuperset(conflict.between) and conflict.name not in sees:
                needs[step.name].append(conflict.name)


def _step_node(pipeline: Pipeline[Any, Any], step: Step[Any], links: dict[str, Any]) -> Node:
    timeout = pipeline.timeout if step.timeout is None else step.timeout
    body, extra = _body(step)
    unlimited = body is Body.PIPELINE and step.timeout is None
    hedge = next((rule for rule in step.fallback if isinstance(rule, Hedge)), None)
    task = Task(
        body=body,
        target=step.to or step.topic,
        source=step.send,
        timeout=math.inf if unlimited else timeout,
        rules=step.fallback,
        hedge=hedge,
        expect=step.expect,
        refused=step.refused,
        extra=extra,
        policy=step.policy,
    )
    return Node(
        **links,
        task=task,
        undo=_undo_task(pipeline, step, timeout),
        undo_in_doubt=step.undo_in_doubt,
        when=step.when,
        each=step.each,
        concurrency=step.concurrency,
    )


def _body(step: Step[Any]) -> tuple[Body, Any]:
    if step.to is not None:
        return Body.SEND, None
    if step.topic is not None:
        return Body.TOPIC, step.gather
    if step.pipeline is not None:
        return Body.PIPELINE, step.pipeline
    if step.vote is not None:
        return Body.VOTE, step.vote
    return Body.PERSON, step.person


def _undo_task(pipeline: Pipeline[Any, Any], step: Step[Any], timeout: float) -> Task | None:
    if step.undo is None:
        return None
    rules = pipeline.undo_fallback if step.undo_fallback is None else step.undo_fallback
    wait = timeout if step.undo_timeout is None else step.undo_timeout
    return Task(Body.UNDO, step.undo_to, step.undo, wait, rules, policy=step.undo_policy)


def _conflict_node(pipeline: Pipeline[Any, Any], conflict: Conflict, links: dict[str, Any]) -> Node:
    task = Task(Body.CONFLICT, None, None, pipeline.timeout, conflict.resolve, extra=conflict)
    return Node(**links, task=task, undo=None, undo_in_doubt=False)
