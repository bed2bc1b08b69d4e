"""The chart of a run: one block of bars for each workload, as SVG, for the docs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from benchmarks.figures import Result, number

__all__ = ["chart"]

WIDTH, LABEL, BAR, ROW = 860, 210, 470, 22
OURS, BASE, OTHER = "#0a7d5a", "#8a8f98", "#c3c8d0"

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1c2026 }
.title { font-weight: 600 }
.note { fill: #5d646f; font-size: 12px }
.value { font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) {
  .paper { fill: #14171c } text { fill: #e6e8eb } .note { fill: #9aa1ac }
}
"""

_OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    ' width="{width}" height="{height}" role="img">'
)
_BAR = '<rect x="{x}" y="{y}" width="{width:.1f}" height="15" rx="2" fill="{colour}"/>'


def chart(results: Sequence[Result], note: str) -> str:
    """Draw the results; our own bars are green, the base of the ratios is grey.

    Args:
        results: Those of one workload stand together.
        note: Where and how they were measured.
    """
    parts: list[str] = []
    y = 34
    for _, group in groupby(results, key=lambda one: (one.workload, one.about)):
        y = _block(parts, list(group), y)
    height = y + 4
    return "\n".join(
        [
            _OPEN.format(width=WIDTH, height=height),
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text class="note" x="16" y="20">{escape(note)}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _block(parts: list[str], results: list[Result], y: int) -> int:
    first = results[0]
    better = "more is better" if first.more_is_better else "less is better"
    parts.append(
        f'<text class="title" x="16" y="{y + 14}">{escape(f"{first.workload}  {first.about}")}'
        f'<tspan class="note" dx="10">{escape(f"{first.unit}, {better}")}</tspan></text>'
    )
    most = max(one.median for one in results) or 1.0
    for place, one in enumerate(results):
        top = y + 24 + place * ROW
        parts.extend(_bar(one, top, one.median / most, _colour(one, place)))
    return y + 24 + len(results) * ROW + 18


def _bar(result: Result, top: int, share: float, colour: str) -> list[str]:
    width = max(1.0, BAR * share)
    value = f"{number(result.median)}   ({result.ratio:.3g})"
    return [
        f'<text x="{LABEL}" y="{top + 14}" text-anchor="end">{escape(result.name)}</text>',
        _BAR.format(x=LABEL + 10, y=top + 2, width=width, colour=colour),
        f'<text class="value" x="{LABEL + 18 + width:.1f}" y="{top + 14}">{value}</text>',
    ]


def _colour(result: Result, place: int) -> str:
    if result.name.startswith("harmonium"):
        return OURS
    return BASE if place == 0 else OTHER
