"""What is wrong with a declared system: tree, contracts, pipelines, in one list."""

from __future__ import annotations

from typing import Any

from harmonium.actors.birth import Birth
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.supervisors.coordinator import Coordinator
from harmonium.supervisors.finding import Finding
from harmonium.supervisors.lint import lint
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["find_mistakes"]


def find_mistakes(tree: SupervisorSpec) -> list[Finding]:
    """Look through a tree without starting anything."""
    return [*lint(tree), *_pipelines(tree, f"/{tree.name}", tree)]


def _pipelines(tree: SupervisorSpec, path: str, top: SupervisorSpec) -> list[Finding]:
    found: list[Finding] = []
    for spec in tree.children:
        if spec.tree is not None:
            found += _pipelines(spec.tree, f"{path}/{spec.id}", top)
        elif (pipeline := _pipeline_of(spec)) is not None:
            found += _addresses(pipeline, f"{path}/{spec.id}", tree, top)
    return found


def _pipeline_of(spec: ChildSpec) -> Pipeline[Any, Any] | None:
    birth = spec.start
    if isinstance(birth, Birth) and birth.factory is Coordinator:
        pipeline: Pipeline[Any, Any] = birth.args[0]
        return pipeline
    return None


def _addresses(
    pipeline: Pipeline[Any, Any], path: str, tree: SupervisorSpec, top: SupervisorSpec
) -> list[Finding]:
    known = {one.id for one in (*tree.children, *top.children)}
    found = []
    for step in pipeline.steps:
        among = getattr(step.vote, "among", None)
        for address in (step.to, among if isinstance(among, str) else None):
            if address is not None and not address.startswith("/"):
                first = address.split("/")[0]
                if first not in known:
                    found.append(
                        Finding(
                            f"{path}, step {step.name!r}",
                            "unknown-agent",
                            f"it asks {address!r}, which nobody is called",
                            did_you_mean(first, known),
                        )
                    )
    return found
