"""A pipeline as Mermaid text, which many viewers of Markdown draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harmonium.protocols.drawing.labels import label
from harmonium.protocols.pipeline.graph import Body, Node
from harmonium.protocols.pipeline.spec import Pipeline

__all__ = ["to_mermaid"]

_SHAPES = {
    Body.SEND: ('["', '"]'),
    Body.TOPIC: ('[/"', '"/]'),
    Body.VOTE: ('{{"', '"}}'),
    Body.PERSON: ('(["', '"])'),
    Body.CONFLICT: ('{"', '"}'),
}


def to_mermaid(pipeline: Pipeline[Any, Any]) -> str:
    """Give a pipeline as a Mermaid flowchart; sub-pipelines are subgraphs.

    Example:
        >>> from harmonium.protocols.pipeline.spec import Step
        >>> steps = [Step("a", to="x"), Step("b", to="y", after="a", when=bool)]
        >>> print(to_mermaid(Pipeline(int, steps)))
        flowchart TD
            a["a<br/>asks x"]
            b["b<br/>asks y<br/>on a condition"]
            a -.-> b
    """
    return "\n".join(["flowchart TD", *_lines(pipeline, "", "    ")])


def _lines(pipeline: Pipeline[Any, Any], prefix: str, indent: str) -> Iterator[str]:
    for node in pipeline.graph.nodes:
        yield from _node(node, prefix, indent)
    for node in pipeline.graph.nodes:
        arrow = "-.->" if node.when is not None else "-->"
        for need in node.needs:
            before = pipeline.graph.nodes[need].name
            yield f"{indent}{prefix}{before} {arrow} {prefix}{node.name}"


def _node(node: Node, prefix: str, indent: str) -> Iterator[str]:
    text = "<br/>".join(_escape(line) for line in label(node))
    if node.task.body is Body.PIPELINE:
        yield f'{indent}subgraph {prefix}{node.name}["{text}"]'
        yield from _lines(node.task.extra, f"{prefix}{node.name}__", f"{indent}    ")
        yield f"{indent}end"
    else:
        before, after = _SHAPES[node.task.body]
        yield f"{indent}{prefix}{node.name}{before}{text}{after}"


def _escape(text: str) -> str:
    for sign, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text
