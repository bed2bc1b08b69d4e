"""A pipeline as a self-contained SVG: no fonts, scripts or styles from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.protocols.drawing.labels import label, sections, shorten
from harmonium.protocols.drawing.layout import Layout, Spot, lay_out
from harmonium.protocols.pipeline.graph import Body
from harmonium.protocols.pipeline.spec import Pipeline

__all__ = ["to_svg"]

_SIGN, _LINE, _PAD, _GAP, _CHANNEL, _HEAD = 7.3, 17, 10, 28, 46, 30
"""Width of a sign and height of a line at 12 px, and the spaces around boxes, in px."""

_STYLE = """
  svg { background: #fff; color: #1f2430; font: 12px ui-monospace, Menlo, Consolas, monospace }
  text { fill: currentColor } .head { font-weight: 700 } .note { opacity: .72 }
  rect { fill: #eef3fb; stroke: #47639a } .vote rect { fill: #f4eefb; stroke: #7d4fa8 }
  .person rect { fill: #fdf1e3; stroke: #b06f1c } .conflict rect { fill: #fdeceb; stroke: #b23b33 }
  .topic rect, .pipeline rect { fill: #eaf7f0; stroke: #2f7d57 }
  path { fill: none; stroke: #7b8496; stroke-width: 1.4 } .maybe { stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    svg { background: #171a21; color: #e8eaf0 } rect { fill: #222c3f }
    .vote rect { fill: #2e2440 } .person rect { fill: #3a2c18 } .conflict rect { fill: #402321 }
    .topic rect, .pipeline rect { fill: #1d3529 }
  }
"""


def to_svg(pipeline: Pipeline[Any, Any]) -> str:
    """Draw a pipeline as SVG; sub-pipelines follow below the pipeline that runs them.

    Needs that follow from other needs are not drawn. The colours follow the
    reader's choice of light or dark.
    """
    top, width, body = 0.0, 0.0, list[str]()
    for one in sections(pipeline):
        part = _Part(lay_out(one.graph), top + _HEAD)
        body.append(f'<text class="head" x="{_PAD}" y="{top + 20:g}">{_escape(one.name)}</text>')
        body += part.lines()
        top, width = part.bottom + _GAP, max(width, part.width, len(one.name) * _SIGN + 2 * _PAD)
    marker = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8" /></marker>'
    )
    size = f'width="{width:g}" height="{top:g}" viewBox="0 0 {width:g} {top:g}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>Pipeline {_escape(pipeline.name)}</title>",
        f"<style>{_STYLE}</style><defs>{marker}</defs>",
    ]
    return "\n".join([*head, *body, "</svg>"])


@attrs.frozen(slots=True, eq=False)
class _Box:
    """A spot in pixels; an edge that passes has no width."""

    spot: Spot
    x: float
    y: float
    width: float
    height: float
    texts: tuple[str, ...]

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


class _Part:
    """The drawing of one pipeline, below what was drawn before."""

    def __init__(self, layout: Layout, top: float) -> None:
        self.boxes: dict[int, _Box] = {}
        self.width = 0.0
        self.bottom = top
        rows = [[_measured(spot) for spot in row] for row in layout]
        widest = max(_row_width(row) for row in rows)
        for row in rows:
            self._add(row, (widest - _row_width(row)) / 2 + _PAD)

    def _add(self, row: list[_Box], x: float) -> None:
        height = max(box.height for box in row)
        for box in row:
            self.boxes[id(box.spot)] = attrs.evolve(box, x=x, y=self.bottom, height=height)
            x += box.width + _GAP
        self.width = max(self.width, x - _GAP + _PAD)
        self.bottom += height + _CHANNEL

    def lines(self) -> Iterator[str]:
        """Give the boxes and the edges."""
        for box in self.boxes.values():
            for need in box.spot.needs:
                yield _edge(self.boxes[id(need)], box)
        for box in self.boxes.values():
            if box.spot.node is not None:
                yield from _rectangle(box, box.spot.node.task.body)


def _measured(spot: Spot) -> _Box:
    texts = () if spot.node is None else tuple(shorten(text, 44) for text in label(spot.node))
    width = max(map(len, texts)) * _SIGN + 2 * _PAD if texts else 0
    return _Box(spot, 0, 0, width, len(texts) * _LINE + _PAD, texts)


def _row_width(row: list[_Box]) -> float:
    return sum(box.width for box in row) + _GAP * (len(row) - 1)


def _edge(start: _Box, end: _Box) -> str:
    """Lead from a box, or through the place that was kept for the edge, to the next."""
    x1, y1, x2, y2 = start.middle, start.y + start.height, end.middle, end.y
    middle = (y1 + y2) / 2
    down = "" if start.texts else f"M{x1:g} {start.y:g}V{y1:g}"
    node = end.spot.node
    tip = "" if node is None else ' marker-end="url(#tip)"'
    maybe = ' class="maybe"' if node is not None and node.when is not None else ""
    curve = f"M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"
    return f'<path{maybe} d="{down}{curve}"{tip} />'


def _rectangle(box: _Box, body: Body) -> Iterator[str]:
    yield f'<g class="{body.value}">'
    size = f'width="{box.width:g}" height="{len(box.texts) * _LINE + _PAD}"'
    yield f'<rect x="{box.x:g}" y="{box.y:g}" {size} rx="6" />'
    if len(box.texts) * _LINE + _PAD < box.height:
        end = box.y + len(box.texts) * _LINE + _PAD
        yield f'<path d="M{box.middle:g} {end:g}V{box.y + box.height:g}" />'
    for number, text in enumerate(box.texts):
        kind = "head" if number == 0 else "note"
        y = box.y + (number + 1) * _LINE
        yield f'<text class="{kind}" x="{box.x + _PAD:g}" y="{y:g}">{_escape(text)}</text>'
    yield "</g>"


def _escape(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, entity)
    return text
