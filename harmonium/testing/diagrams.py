"""Sequence diagrams of a failing run: Mermaid text, and an HTML page with an SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence

from harmonium.testing.story import line_of
from harmonium.testing.trace import Entry

__all__ = ["html_page", "mermaid"]

_MESSAGES = ("handled", "answered", "dead")
WIDTH, HEIGHT, TOP, LEFT = 190, 30, 60, 80


_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}"
 font-family="sans-serif" font-size="11"><defs><marker id="end" markerWidth="8" markerHeight="8"
 refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>"""


def _actors(entries: Sequence[Entry]) -> list[str]:
    names: dict[str, None] = {}
    for entry in entries:
        for name in (entry.sender, entry.actor):
            if name:
                names.setdefault(name)
    return list(names)


def _label(entry: Entry) -> str:
    if entry.kind in ("handled", "answered"):
        text = "done" if entry.what is None else repr(entry.what)
        return text if len(text) <= 60 else text[:57] + "..."
    return line_of(entry).partition("   ")[2] or line_of(entry)


def mermaid(entries: Sequence[Entry]) -> str:
    """Give a Mermaid sequence diagram."""
    actors = _actors(entries)
    number = {actor: f"a{place}" for place, actor in enumerate(actors)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {number[actor]} as {actor}" for actor in actors]
    for entry in entries:
        label = _label(entry).replace(";", ",").replace("#", "no. ")
        if entry.kind in _MESSAGES and entry.sender:
            arrow = {"handled": "->>", "answered": "-->>", "dead": "-x"}[entry.kind]
            lines.append(f"    {number[entry.sender]}{arrow}{number[entry.actor]}: {label}")
        elif entry.actor in number:
            lines.append(f"    Note over {number[entry.actor]}: {label}")
        elif actors:
            lines.append(f"    Note over {number[actors[0]]}: {label}")
    return "\n".join(lines) + "\n"


def html_page(title: str, entries: Sequence[Entry]) -> str:
    """Give a page of its own, which needs nothing from anywhere."""
    return (
        "<!doctype html><meta charset=utf-8>"
        f"<title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>\n{_svg(entries)}\n"
    )


def _svg(entries: Sequence[Entry]) -> str:
    actors = _actors(entries)
    place = {actor: LEFT + WIDTH * n for n, actor in enumerate(actors)}
    tall = TOP + HEIGHT * (len(entries) + 1)
    wide = LEFT + WIDTH * max(1, len(actors))
    parts = [_HEAD.format(wide=wide + WIDTH, tall=tall)]
    for actor, x in place.items():
        parts.append(_text(x, TOP - 30, actor, "middle"))
        parts.append(f'<line x1="{x}" y1="{TOP - 20}" x2="{x}" y2="{tall}" stroke="#bbb"/>')
    for row, entry in enumerate(entries):
        parts += _row(entry, TOP + HEIGHT * row + 10, place)
    return "\n".join([*parts, "</svg>"])


def _row(entry: Entry, y: int, place: dict[str, int]) -> list[str]:
    label = _text(4, y, f"{entry.at:.3f}", "start")
    if entry.kind in _MESSAGES and entry.sender:
        a, b = place[entry.sender], place[entry.actor]
        dash = ' stroke-dasharray="4"' if entry.kind != "handled" else ""
        ink = "#c00" if entry.kind == "dead" else "#000"
        bend = f"M{a},{y} L{b},{y}" if a != b else f"M{a},{y} h30 v8 h-30"
        return [
            label,
            f'<path d="{bend}" fill="none" stroke="{ink}"{dash} marker-end="url(#end)"/>',
            _text((a + b) // 2, y - 4, _label(entry), "middle"),
        ]
    x = place.get(entry.actor, LEFT)
    return [label, _text(x + 6, y, _label(entry), "start", ink="#c00")]


def _text(x: int, y: int, text: str, anchor: str, *, ink: str = "#000") -> str:
    safe = html.escape(text)
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{ink}">{safe}</text>'
