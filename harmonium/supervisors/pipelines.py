"""The pipelines of a declared tree: which agent runs which, and what it cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.protocols.errors import SpecError
from harmonium.protocols.fallback import Escalate
from harmonium.protocols.ladder import Ladder, PersonRung
from harmonium.protocols.pipeline.graph import Node
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["Declared", "pipelines_of", "refuse_unsupported"]


@attrs.frozen(slots=True, eq=False)
class Declared:
    """A pipeline and the agent that runs it.

    Args:
        path: The path of its coordinator.
        spec: The coordinator as declared.
        pipeline: What it runs.
        above: The supervisors above it with their paths, the nearest first.
    """

    path: str
    spec: ChildSpec
    pipeline: Pipeline[Any, Any]
    above: tuple[tuple[str, SupervisorSpec], ...]


def pipelines_of(tree: SupervisorSpec) -> Iterator[Declared]:
    """Give every pipeline that an agent of the tree is declared with, from the top down."""
    return _below(tree, f"/{tree.name}", ())


def _below(
    tree: SupervisorSpec, path: str, above: tuple[tuple[str, SupervisorSpec], ...]
) -> Iterator[Declared]:
    here = ((path, tree), *above)
    members = tree.children if tree.template is None else (*tree.children, tree.template)
    for spec in members:
        if spec.tree is not None:
            yield from _below(spec.tree, f"{path}/{spec.id}", here)
        elif (pipeline := pipeline_of(spec)) is not None:
            yield Declared(f"{path}/{spec.id}", spec, pipeline, here)


def pipeline_of(spec: ChildSpec) -> Pipeline[Any, Any] | None:
    """Give the pipeline that an agent is made with, or None."""
    birth = spec.start
    if not isinstance(birth, Birth):
        return None
    arguments = (*birth.args, *birth.kwargs.values())
    return next((one for one in arguments if isinstance(one, Pipeline)), None)


def refuse_unsupported(pipeline: Pipeline[Any, Any]) -> None:
    """Refuse what the coordinator agent cannot carry out, so that no request waits for it.

    That is a person on a ladder; in sub-pipelines too.

    Raises:
        SpecError: With the step's name.
    """
    for node in pipeline.graph.nodes:
        place = f"pipeline {pipeline.name}, step {node.name!r}"
        if any(isinstance(rung, PersonRung) for rung in _rungs(node)):
            problem = "a coordinator cannot ask a person"
            raise SpecError(place, problem, "end the ladder with an agent or a rule")
        if isinstance(node.task.extra, Pipeline):
            refuse_unsupported(node.task.extra)


def _rungs(node: Node) -> Iterator[Any]:
    if isinstance(node.task.extra, Ladder):
        yield from node.task.extra.rungs
    for task in (node.task, node.undo):
        for rule in () if task is None else task.rules:
            if isinstance(rule, Escalate):
                yield from rule.ladder.rungs
