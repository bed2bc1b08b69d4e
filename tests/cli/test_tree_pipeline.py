"""`tree --pipeline`: drawn in the terminal, as Mermaid text, and as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

TWO = (
    "from harmonium import Agent, Pipeline, Step, child, coordinator, message, supervisor\n"
    "@message\nclass Go:\n    n: int\n"
    "class Idle(Agent): pass\n"
    "def make(id):\n"
    "    return coordinator(Pipeline(Go, [Step('of_' + id, to='idle')], name=id), id=id)\n"
    "tree = supervisor('t', children=[child(Idle, id='idle'), make('a'), make('b')])\n"
)


def test_it_is_drawn_in_the_terminal(run):
    """Every step stands in the drawing, in 80 columns."""
    ran = run("tree", "examples/orders", "--pipeline")
    assert ran.status == 0, ran.err
    for name in ("check", "review", "stock", "payment", "refund"):
        assert name in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_it_is_written_as_mermaid(run):
    """Text that Mermaid reads."""
    ran = run("tree", "examples/orders", "--pipeline", "--mermaid")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("flowchart")
    assert "vote among reviewers" in ran.out


def test_it_is_written_as_svg(run, tmp_path):
    """A file that is XML, and nothing on stdout."""
    path = tmp_path / "orders.svg"
    ran = run("tree", "examples/orders", "--pipeline", "--svg", path)
    assert (ran.status, ran.out) == (0, "")
    assert ET.parse(path).getroot().tag.endswith("svg")


def test_several_pipelines_have_a_file_each(run, tmp_path, monkeypatch):
    """With the coordinator's id in its name; in the terminal they follow each other."""
    (tmp_path / "two_pipelines.py").write_text(TWO)
    monkeypatch.syspath_prepend(tmp_path)
    ran = run("tree", "two_pipelines:tree", "--pipeline")
    assert ran.out.index("of_a") < ran.out.index("of_b")
    assert run("tree", "two_pipelines:tree", "--pipeline", "--svg", tmp_path / "p.svg").status == 0
    assert sorted(one.name for one in tmp_path.glob("*.svg")) == ["p-a.svg", "p-b.svg"]


@pytest.mark.parametrize(
    "words",
    [
        ("examples/votes", "--pipeline"),
        ("examples/orders", "--mermaid"),
        ("examples/orders", "--pipeline", "--json"),
        ("examples/orders", "--pipeline", "--mermaid", "--svg", "never.svg"),
        ("examples/orders", "--pipeline", "--svg", "no/such/folder.svg"),
    ],
)
def test_what_makes_no_sense_is_refused(run, words):
    """Exit 2 and one line."""
    ran = run("tree", *words)
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
