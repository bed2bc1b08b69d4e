"""Drawings of pipelines: everything is in them, nothing overlaps, and they are well formed."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium.protocols.drawing import to_mermaid, to_svg, to_terminal
from harmonium.protocols.drawing.layout import direct_needs, lay_out
from harmonium.protocols.fallback import Retry, Use
from harmonium.protocols.pipeline.spec import Conflict, Pipeline, Step
from harmonium.protocols.pipeline.vote import Vote
from harmonium.protocols.voting import Majority

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def _pipelines(draw: Any) -> Pipeline[Any, Any]:
    count = draw(st.integers(1, 9))
    steps = []
    for number in range(count):
        before = [f"n{one}" for one in range(number)]
        after = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        steps.append(Step(f"n{number}", to="x" * draw(st.integers(1, 20)), after=after))
    return Pipeline(int, steps, name="random")


@given(_pipelines())
def test_layers_keep_needs_above(pipeline: Pipeline[Any, Any]) -> None:
    """Each spot leads to the layer below, and each step is drawn once with all direct needs."""
    layout = lay_out(pipeline.graph)
    drawn = [spot.node for row in layout for spot in row if spot.node is not None]
    assert sorted(node.index for node in drawn) == list(range(len(pipeline.steps)))
    for above, row in zip(((), *layout), layout, strict=False):
        for spot in row:
            assert all(any(need is one for one in above) for need in spot.needs)
            if spot.node is not None:
                sources = {_source(need) for need in spot.needs}
                assert sources == set(direct_needs(pipeline.graph, spot.node))


def _source(spot: Any) -> int:
    while spot.node is None:
        spot = spot.needs[0]
    return spot.node.index


@given(_pipelines())
def test_boxes_do_not_overlap(pipeline: Pipeline[Any, Any]) -> None:
    """Every box of a terminal drawing is whole: four corners, its texts, and nothing in it."""
    rows = to_terminal(pipeline).splitlines()
    for step in pipeline.steps:
        places = [(y, m.start()) for y, row in enumerate(rows)
                  for m in re.finditer(rf"│ {step.name} ", row)]  # fmt: skip
        assert len(places) == 1
        ((y, x),) = places
        width = rows[y - 1].index("╮", x) - x
        assert rows[y - 1][x : x + width + 1] == f"╭{'─' * (width - 1)}╮"
        assert rows[y + 1][x : x + width + 1] == f"│ {f'asks {step.to}'.ljust(width - 3)} │"
        assert re.fullmatch(r"╰─*┬?─*╯", rows[y + 2][x : x + width + 1])


@given(_pipelines())
def test_every_step_with_needs_has_one_arrow(pipeline: Pipeline[Any, Any]) -> None:
    """In the terminal one arrow head leads into each box that needs something."""
    needy = sum(bool(step.after) for step in pipeline.steps)
    assert to_terminal(pipeline).count("▼") == needy


@given(_pipelines())
def test_mermaid_has_every_step_and_every_need(pipeline: Pipeline[Any, Any]) -> None:
    """Each step is a node and each declared need an edge, and nothing else is."""
    lines = to_mermaid(pipeline).splitlines()[1:]
    edges = {tuple(line.split(" --> ")) for line in map(str.strip, lines) if "-->" in line}
    assert edges == {(need, step.name) for step in pipeline.steps for need in step.after}
    assert len(lines) == len(edges) + len(pipeline.steps)


@settings(max_examples=50)
@given(_pipelines())
def test_svg_is_well_formed_and_inside_its_frame(pipeline: Pipeline[Any, Any]) -> None:
    """An SVG parses, shows each step, keeps its boxes apart and inside the frame."""
    root = ET.fromstring(to_svg(pipeline))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = []
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width
        assert y + h <= height
        assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in boxes)
        boxes.append((x, y, w, h))
    assert len(boxes) == len(pipeline.steps)


def _claims() -> Pipeline[Any, Any]:
    ship = Pipeline(int, [Step("label", to="printer")], name="Ship")
    steps = [
        Step("stock", to='the "main" <store>', fallback=[Retry(2), Use("a & b")], undo=int),
        Step("review", vote=Vote("reviewers", rule=Majority()), when=bool),
        Step("prices", topic="offers", each=lambda c: (), concurrency=3),
        Step("lead", person="ann", after=["stock", "review"]),
        Step("ship", pipeline=ship, after="lead"),
    ]
    conflict = Conflict("validity", ["stock", "review"], when=bool)
    return Pipeline(int, steps, name="Claims", conflicts=[conflict])


def test_a_drawing_says_what_each_step_does() -> None:
    """Agents, votes, topics, people, sub-pipelines, conflicts, rules and undo are named."""
    text = to_terminal(_claims(), widest=60)
    for part in (
        "else retry 2 times, use 'a & b'",
        "can be undone",
        "vote among reviewers",
        "on a condition",
        "gathers from offers",
        "for each, 3 at a time",
        "asks ann (a person)",
        "runs Ship",
        "conflict: stock / review",
        "asks printer",
    ):
        assert part in text


def test_long_texts_are_cut() -> None:
    """No line of a box is longer than it may be, and a cut is seen."""
    text = to_terminal(Pipeline(int, [Step("a", to="x" * 100)]), widest=20)
    assert max(map(len, text.splitlines())) == 24
    assert "…" in text


def test_signs_that_mean_something_are_escaped() -> None:
    """Quotes and angle brackets of names break neither SVG nor Mermaid."""
    assert ET.fromstring(to_svg(_claims())) is not None
    assert "asks the #quot;main#quot; #lt;store#gt;" in to_mermaid(_claims())


def test_mermaid_nests_sub_pipelines() -> None:
    """A sub-pipeline is a subgraph with names of its own, and conditional edges are dashed."""
    text = to_mermaid(_claims())
    assert "subgraph ship[" in text
    assert 'ship__label["label<br/>asks printer"]' in text
    assert "lead --> ship" in text
