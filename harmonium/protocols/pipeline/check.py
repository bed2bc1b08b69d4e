"""Hold a pipeline against the agents that there are, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import attrs

from harmonium.protocols.fallback import Escalate, FallbackRule, Hedge, To, Use
from harmonium.protocols.ladder import AgentRung, PersonRung
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.pipeline.graph import Body, Node, Task
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.trace import trace

__all__ = ["Accepts", "Directory", "Finding", "check"]


class Accepts(Protocol):
    """What is asked of an agent's contract; `harmonium.protocols.contract.Contract` is one."""

    @property
    def accepts(self) -> Mapping[type, tuple[type, ...]]:
        """The message classes that it takes, with the classes of its answers."""

    def takes(self, cls: type, /) -> bool:
        """Tell whether messages of this class are taken."""


Directory = Mapping[str, Accepts | None]
"""The agents, pools, groups and topics by name; None where the contract is not known."""


@attrs.frozen(slots=True)
class Finding:
    """One thing that is wrong with a pipeline.

    Args:
        place: Which pipeline and step.
        problem: What is wrong.
        remedy: What to do about it.
        is_error: Whether it will fail when it runs; otherwise it may be meant so.
    """

    place: str
    problem: str
    remedy: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"


def check(pipeline: Pipeline[Any, Any], directory: Directory | None = None) -> list[Finding]:
    """Find what is wrong with a pipeline.

    What its own definition shows is refused when it is made. This looks at
    what the callables do, as far as they can be traced, and at the agents: a
    name that nobody has, a message that its agent does not take, a reply that
    is expected and never given, or given and not expected.

    Args:
        pipeline: The pipeline; its sub-pipelines are looked at too.
        directory: Whom there is. None leaves the agents out.
    """
    found: list[Finding] = []
    for node in pipeline.graph.nodes:
        place = f"pipeline {pipeline.name}, step {node.name!r}"
        found += _check_reads(pipeline, node, place)
        if directory is not None:
            found += _check_agents(pipeline, node, place, directory)
        if isinstance(node.task.extra, Pipeline):
            found += check(node.task.extra, directory)
    return [*found, *_check_result(pipeline)]


# --- What callables read --------------------------------------------------


def _check_reads(pipeline: Pipeline[Any, Any], node: Node, place: str) -> Iterator[Finding]:
    graph = pipeline.graph
    own = {node.name} if node.undo is not None else set()
    visible = {graph.nodes[index].name for index in node.visible} | own
    read: set[str] = set()
    for source in _callables(node):
        for name in trace(source).reads:
            if name not in graph.index:
                remedy = did_you_mean(name, graph.index)
                yield Finding(place, f"reads {name!r}, which is no step", remedy)
            elif name not in visible and name not in read:
                remedy = f"add {name!r} to its after=[...]"
                yield Finding(place, f"reads {name!r}, which it does not need", remedy)
            read.add(name)


def _callables(node: Node) -> Iterator[Any]:
    conflict = node.task.extra if node.task.body is Body.CONFLICT else None
    yield from (node.when, node.each, node.task.source, getattr(conflict, "when", None))
    for task in _tasks(node):
        yield task.source
        for rule in task.rules:
            if isinstance(rule, Use):
                yield rule.source


def _tasks(node: Node) -> tuple[Task, ...]:
    return (node.task,) if node.undo is None else (node.task, node.undo)


def _check_result(pipeline: Pipeline[Any, Any]) -> Iterator[Finding]:
    for source in (pipeline.result, pipeline.enough):
        for name in trace(source).reads:
            if name not in pipeline.graph.index:
                remedy = did_you_mean(name, pipeline.graph.index)
                place = f"pipeline {pipeline.name}, result"
                yield Finding(place, f"reads {name!r}, which is no step", remedy)


# --- Whom it asks ---------------------------------------------------------


def _check_agents(
    pipeline: Pipeline[Any, Any], node: Node, place: str, directory: Directory
) -> Iterator[Finding]:
    for name, source, expect in _sends(node):
        if name not in directory:
            remedy = did_you_mean(name, directory)
            yield Finding(place, f"asks {name!r}, and nobody has that name", remedy)
            continue
        contract = directory[name]
        sent = _class_sent(pipeline, node, source)
        if contract is None or sent is None:
            continue
        if not contract.takes(sent):
            takes = ", ".join(sorted(cls.__name__ for cls in contract.accepts)) or "nothing"
            problem = f"sends {sent.__name__} to {name!r}, which does not take it"
            yield Finding(place, problem, f"it takes {takes}")
        else:
            yield from _check_replies(place, name, contract.accepts.get(sent, ()), expect)


_Send = tuple[str, Any, tuple[type, ...]]


def _sends(node: Node) -> Iterator[_Send]:
    """Give whom the node may ask, with what, and the replies that it expects."""
    task = node.task
    if task.target is not None:
        yield task.target, task.source, _replies(task)
    if task.body is Body.VOTE and isinstance(getattr(task.extra, "among", None), str):
        yield task.extra.among, task.source, ()
    if task.body is Body.PERSON:
        yield from _rung_sends(task.extra.rungs, task)
    for one in _tasks(node):
        for rule in one.rules:
            yield from _rule_sends(rule, one)
    undo = node.undo
    if undo is not None and (undo.target or task.target) is not None:
        yield str(undo.target or task.target), undo.source, ()


def _replies(task: Task) -> tuple[type, ...]:
    """Give the replies that are named; where only refusals are, every other one is a result."""
    if task.refused and not task.expect:
        return (object, *task.refused)
    return task.expect + task.refused


def _rule_sends(rule: FallbackRule, task: Task) -> Iterator[_Send]:
    replies = _replies(task)
    if isinstance(rule, To | Hedge) and rule.to is not None:
        yield rule.to, task.source, replies
    elif isinstance(rule, Use) and rule.sends and task.target is not None:
        yield task.target, rule.source, replies
    elif isinstance(rule, Escalate):
        yield from _rung_sends(rule.ladder.rungs, task)


def _rung_sends(rungs: tuple[Any, ...], task: Task) -> Iterator[_Send]:
    for rung in rungs:
        if isinstance(rung, AgentRung):
            yield rung.to, task.source if rung.send is None else rung.send, ()
        elif isinstance(rung, PersonRung):
            yield rung.who, _unseen, ()


def _unseen(_: Any) -> Any:
    """Stand for a message that is not the pipeline's: the question to a person's inbox."""


def _class_sent(pipeline: Pipeline[Any, Any], node: Node, source: Any) -> type | None:
    if source is None:
        return pipeline.request if node.each is None else None
    return trace(source).makes


def _check_replies(
    place: str, name: str, answers: tuple[type, ...], expect: tuple[type, ...]
) -> Iterator[Finding]:
    if not expect or not answers or object in answers:
        return
    for cls in expect:
        if not any(issubclass(answer, cls) for answer in answers):
            gives = ", ".join(sorted(answer.__name__ for answer in answers))
            problem = f"expects {cls.__name__} of {name!r}, which never answers so"
            yield Finding(place, problem, f"it answers {gives}")
    for answer in answers:
        if not issubclass(answer, expect):
            problem = f"may get {answer.__name__} of {name!r} and names it nowhere"
            remedy = "add it to expect= or refused=: it is a WrongReply otherwise"
            yield Finding(place, problem, remedy, is_error=False)
