"""A pipeline in plain text, with boxes and lines, for a terminal."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.drawing.canvas import Canvas
from harmonium.protocols.drawing.labels import label, sections, shorten
from harmonium.protocols.drawing.layout import Spot, lay_out
from harmonium.protocols.pipeline.graph import Graph
from harmonium.protocols.pipeline.spec import Pipeline

__all__ = ["to_terminal"]

_GAP = 3


def to_terminal(pipeline: Pipeline[Any, Any], *, widest: int = 40) -> str:
    """Draw a pipeline: a step stands below all that it needs.

    A line that passes another one interrupts it; where lines meet, they join.
    Needs that follow from other needs are not drawn. Sub-pipelines follow
    below the pipeline that runs them.

    Args:
        pipeline: What to draw.
        widest: How many signs a line in a box may have; longer ones are cut.

    Example:
        >>> from harmonium.protocols.pipeline.spec import Step
        >>> steps = [Step("a", to="x"), Step("b", to="y"), Step("c", to="z", after=["a", "b"])]
        >>> print(to_terminal(Pipeline(int, steps, name="abc")))
        abc
        ╭────────╮   ╭────────╮
        │ a      │   │ b      │
        │ asks x │   │ asks y │
        ╰────┬───╯   ╰────┬───╯
             │     ╭──────╯
             ╰─────┤
                   ▼
              ╭────────╮
              │ c      │
              │ asks z │
              ╰────────╯
    """
    parts = [f"{one.name}\n{_draw(one.graph, widest)}" for one in sections(pipeline)]
    return "\n\n".join(parts)


@attrs.frozen(slots=True, eq=False)
class _Placed:
    """A spot with its place; its lines come and leave in the column `axis`.

    Args:
        spot: The spot.
        net: Number of the step that the lines which leave it come from.
        left: Column of the box's left side.
        axis: Column of its lines.
        texts: The lines of its box; none for an edge that passes.
    """

    spot: Spot
    net: int
    left: int
    axis: int
    texts: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(map(len, self.texts)) + 4 if self.texts else 1

    @property
    def height(self) -> int:
        return len(self.texts) + 2 if self.texts else 0


class _Drawing:
    """A drawing in the making, row by row of boxes."""

    def __init__(self, widest: int) -> None:
        self.canvas = Canvas()
        self.joins: set[tuple[int, int]] = set()
        self.widest = widest
        self.above: list[_Placed] = []
        self.top = 0
        self.ends: dict[int, int] = {}  # where the box of a net ends

    def add(self, row: tuple[Spot, ...]) -> None:
        """Draw the next layer and the lines that lead to it."""
        placed = self._place(row)
        if self.above:
            self._connect(placed)
        bottom = self.top + max(one.height for one in placed)
        for one in placed:
            self._box(one)
        self.above, self.top = placed, bottom

    def _place(self, row: tuple[Spot, ...]) -> list[_Placed]:
        known = {id(one.spot): one for one in self.above}
        placed: list[_Placed] = []
        left = 0
        for spot in row:
            needs = [known[id(need)] for need in spot.needs]
            one = self._fit(spot, needs, left)
            placed.append(one)
            left = one.left + one.width + _GAP
        return placed

    def _fit(self, spot: Spot, needs: list[_Placed], left: int) -> _Placed:
        texts = (
            () if spot.node is None else tuple(shorten(t, self.widest) for t in label(spot.node))
        )
        half = (max(map(len, texts)) + 4) // 2 if texts else 0
        wanted = sum(need.axis for need in needs) // len(needs) if needs else 0
        axis = max(left + half, wanted)
        foreign = {one.axis for one in self.above if one not in needs}
        while axis in foreign:  # else it would look as if that one led here
            axis += 1
        net = needs[0].net if spot.node is None else spot.node.index
        return _Placed(spot, net, axis - half, axis, texts)

    def _box(self, one: _Placed) -> None:
        top, width = self.top, one.width - 2
        if not one.texts:
            self.ends[one.net] = top - 1
            return
        self.canvas.text(one.left, top, f"╭{'─' * width}╮")
        for y, text in enumerate(one.texts, start=top + 1):
            self.canvas.text(one.left, y, f"│ {text.ljust(width - 2)} │")
        self.ends[one.net] = top + one.height - 1
        self.canvas.text(one.left, self.ends[one.net], f"╰{'─' * width}╯")

    def _connect(self, below: list[_Placed]) -> None:
        leads = [(one, [d for d in below if one.spot in d.spot.needs]) for one in self.above]
        bent = [one for one, to in leads if any(d.axis != one.axis for d in to)]
        tracks = {id(one): self.top + number for number, one in enumerate(sorted(bent, key=_turn))}
        arrows = self.top + len(tracks)
        for one, to in leads:
            track = tracks.get(id(one), self.top)
            self._leave(one, to, track, arrows)
        for dest in below:
            if dest.texts:
                self.canvas.text(dest.axis, arrows, "▼")
        self.top = arrows + 1

    def _leave(self, one: _Placed, to: list[_Placed], track: int, arrows: int) -> None:
        end = self.ends[one.net]
        if one.texts and to:
            self.canvas.text(one.axis, end, "┬")
        if to:
            self.canvas.vertical(one.net, one.axis, end, track)
        columns = [one.axis, *(dest.axis for dest in to)]
        self.canvas.horizontal(one.net, min(columns), max(columns), track)
        for dest in to:
            self.joins.add((one.net, dest.axis))
            self.canvas.vertical(one.net, dest.axis, track, arrows + 1)


def _turn(one: _Placed) -> int:
    """Order the horizontal parts so that those that start further right lie higher."""
    return -one.axis


def _draw(graph: Graph, widest: int) -> str:
    drawing = _Drawing(widest)
    for row in lay_out(graph):
        drawing.add(row)
    return drawing.canvas.show(drawing.joins)
