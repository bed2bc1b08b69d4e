"""What a drawing says of each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harmonium.protocols.pipeline.graph import Body, Node
from harmonium.protocols.pipeline.spec import Pipeline

__all__ = ["label", "sections", "shorten"]


def label(node: Node) -> list[str]:
    """Give the lines of a step's box: its name, what it does, and its rules."""
    lines = [node.name, _action(node)]
    if node.task.rules:
        lines.append("else " + ", ".join(map(str, node.task.rules)))
    extras = [text for text in (_each(node), _when(node), _undo(node)) if text]
    return lines + ([", ".join(extras)] if extras else [])


def _action(node: Node) -> str:
    task, extra = node.task, node.task.extra
    if task.body is Body.TOPIC:
        return f"gathers from {task.target}"
    if task.body is Body.PIPELINE:
        return f"runs {extra.name}"
    if task.body is Body.VOTE:
        among = extra.among
        voters = among if isinstance(among, str) else "a group" if callable(among) else None
        return f"vote among {voters or ', '.join(among)}"
    if task.body is Body.PERSON:
        return f"asks {extra}"
    if task.body is Body.CONFLICT:
        return f"conflict: {' / '.join(extra.between)}"
    return f"asks {task.target}"


def _each(node: Node) -> str:
    return "" if node.each is None else f"for each, {node.concurrency} at a time"


def _when(node: Node) -> str:
    return "" if node.when is None else "on a condition"


def _undo(node: Node) -> str:
    return "" if node.undo is None else "can be undone"


def shorten(text: str, most: int) -> str:
    """Cut a text that is too long for its place."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def sections(pipeline: Pipeline[Any, Any]) -> Iterator[Pipeline[Any, Any]]:
    """Give the pipeline and all below it, each once, the top first."""
    seen: list[Pipeline[Any, Any]] = []
    todo = [pipeline]
    while todo:
        one = todo.pop(0)
        if not any(one is other for other in seen):
            seen.append(one)
            yield one
            extras = (node.task.extra for node in one.graph.nodes)
            todo += [extra for extra in extras if isinstance(extra, Pipeline)]
