"""The supervision tree, for a terminal and as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from harmonium.actors.birth import Birth
from harmonium.cli.application import Application
from harmonium.protocols.reliability.lease import LeasePolicy
from harmonium.supervisors.pool_spec import PoolSettings
from harmonium.supervisors.singleton import led_by, made_by
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["draw_tree"]


def draw_tree(application: Application[Any, Any], *, as_json: bool) -> int:
    """Show the tree that an application declares, with its default settings."""
    tree = application.build(application.settings())
    if as_json:
        sys.stdout.write(json.dumps(_data(tree), ensure_ascii=False, indent=2) + "\n")
    else:
        Console().print(_draw(tree, Tree(_supervisor(tree), guide_style="dim")))
    return 0


def _draw(tree: SupervisorSpec, node: Tree) -> Tree:
    for spec in tree.children:
        if spec.tree is not None and spec.tree.pool is not None:
            node.add(_pool(spec.tree, spec.tree.pool))
        elif spec.tree is not None:
            _draw(spec.tree, node.add(_supervisor(spec.tree)))
        else:
            node.add(_agent(spec))
    return node


def _supervisor(tree: SupervisorSpec) -> Text:
    budget = f"{tree.max_restarts:,} restarts in {tree.within:g} s"
    return Text.assemble(
        (tree.name, "bold cyan"), ("  supervisor", "dim"), f"  {tree.strategy}, {budget}"
    )


def _pool(tree: SupervisorSpec, settings: PoolSettings) -> Text:
    scale, router = settings.autoscale, type(settings.router).__name__
    size = f"{settings.size}" if scale is None else f"{scale.minimum} to {scale.maximum}"
    cls = _class(tree.template) if tree.template is not None else ""
    budget = f"{tree.max_restarts:,} restarts in {tree.within:g} s each"
    return Text.assemble(
        (tree.name, "bold cyan"),
        (f"  pool of {cls}", "dim"),
        f"  {size} members, {router}, {budget}",
    )


def _agent(spec: ChildSpec) -> Text:
    parts = [str(spec.restart)]
    if spec.backoff is not None:
        parts.append(f"backoff {spec.backoff.initial:g} to {spec.backoff.maximum:g} s")
    led = _led(spec)
    limit = getattr(spec.start if led is None else led[0], "handler_limit", None)
    if limit is not None:
        parts.append(f"handlers up to {limit:g} s")
    if led is not None:
        parts.append(f"lease of {led[2].seconds:g} s")
    kind = f"  {'' if led is None else 'singleton '}{_class(spec)}"
    return Text.assemble((spec.id, "bold"), (kind, "dim"), f"  {', '.join(parts)}")


def _class(spec: ChildSpec) -> str:
    return getattr(made_by(spec), "__name__", "")


def _led(spec: ChildSpec) -> tuple[Birth, str, LeasePolicy] | None:
    return led_by(spec.start) if isinstance(spec.start, Birth) else None


def _pool_data(tree: SupervisorSpec, settings: PoolSettings) -> dict[str, Any]:
    least, most = settings.bounds
    return {
        "kind": "pool",
        "class": "" if tree.template is None else _class(tree.template),
        "size": settings.size,
        "bounds": [least, most] if settings.autoscale is not None else None,
        "router": type(settings.router).__name__,
    }


def _data(tree: SupervisorSpec) -> dict[str, Any]:
    return {
        "id": tree.name,
        "kind": "supervisor",
        "strategy": str(tree.strategy),
        "max_restarts": tree.max_restarts,
        "within": tree.within,
        **({} if tree.pool is None else _pool_data(tree, tree.pool)),
        "children": [
            _data(spec.tree)
            if spec.tree is not None
            else {
                "id": spec.id,
                "kind": "agent" if _led(spec) is None else "singleton",
                "class": _class(spec),
                "restart": str(spec.restart),
            }
            for spec in tree.children
        ],
    }
