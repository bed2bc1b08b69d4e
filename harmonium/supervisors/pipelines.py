"""The pipelines of a declared tree: which agent runs which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.actors.birth import Birth
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["Declared", "pipelines_of"]


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
