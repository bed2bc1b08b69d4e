"""Each workload runs and gives a figure, so that none breaks unseen."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from benchmarks import bare, by_hand, growth, main, ours, schedules, with_thespian
from benchmarks.bugs.catalogue import BUGS
from benchmarks.chart import chart
from benchmarks.figures import Figure, Workload, measure

RUNS = {
    "ping_pong": lambda: ours.ping_pong(20),
    "ping_pong async": lambda: ours.ping_pong(20, ours.AsyncPlayer),
    "ping_pong traced": lambda: ours.ping_pong(20, traced=True),
    "stream": lambda: ours.stream(20),
    "asks": lambda: ours.asks(20),
    "asks_of_many": lambda: ours.asks_of_many(20, 5),
    "asks_from_thread": lambda: ours.asks_from_thread(5),
    "ask_latency": lambda: ours.ask_latency(5),
    "waiting": lambda: ours.waiting(5, 2, 0.001),
    "tree_up": lambda: ours.tree_up(20),
    "spawns": lambda: ours.spawns(20),
    "crashes": lambda: ours.crashes(5),
    "crashes logged": lambda: ours.crashes(5, report=True),
    "bare ping_pong": lambda: bare.ping_pong(20),
    "bare stream": lambda: bare.stream(20, 5),
    "bare asks": lambda: bare.asks(20),
    "bare ring": lambda: bare.ring(5, 20),
    "by hand ping_pong": lambda: by_hand.ping_pong(20),
    "by hand stream": lambda: by_hand.stream(20),
    "by hand asks": lambda: by_hand.asks(20),
    "by hand asks_of_many": lambda: by_hand.asks_of_many(20, 5),
    "by hand waiting": lambda: by_hand.waiting(5, 2, 0.001),
    "thespian ping_pong": lambda: with_thespian.ping_pong(20),
    "thespian asks": lambda: with_thespian.asks(5),
    "ring": lambda: growth.ring(3, 20),
    "deep": lambda: growth.deep(3, 20),
    "timers": lambda: growth.timers(5, 20),
    "names": lambda: growth.names(5, 20),
    "mailbox": lambda: growth.mailbox(2, 20),
    "bare loops": lambda: schedules.loops(20, 200, rounds=2),
    "schedules": lambda: schedules.schedules(2, bugs=BUGS[:2]),
    "slowest schedules": lambda: schedules.schedules(2, min, BUGS[:2], rounds=2),
    "deliveries": lambda: schedules.deliveries(50, delays=False),
    "deliveries delayed": lambda: schedules.deliveries(50, delays=True),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_workload_gives_a_figure(name: str) -> None:
    """A positive number; how large is for the benchmark to say."""
    assert RUNS[name]() > 0


def test_the_chart_has_a_bar_for_each_contender() -> None:
    """It is well formed, and names who ran."""
    figures = (Figure("bare <loop>", lambda: 4.0), Figure("harmonium", lambda: 2.0))
    results = list(measure(Workload("W1", "ping & pong", "msg/s", figures), rounds=1))
    drawing = ET.fromstring(chart(results, "a machine"))
    texts = ["".join(node.itertext()) for node in drawing.iter() if node.tag.endswith("text")]
    assert "bare <loop>" in texts
    assert "2   (0.5)" in texts
    assert sum(node.tag.endswith("rect") for node in drawing.iter()) == 1 + 2


def test_what_a_benchmark_needs_is_said_before_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line with the remedy, not after minutes."""
    monkeypatch.setattr(main, "find_spec", lambda name: None)
    assert main.main(["bugs"]) == 2
    assert capsys.readouterr().err == (
        "harmonium: bench bugs needs hypothesis; pip install -e '.[bench]'\n"
    )


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", main.SUITES)
def test_a_suite_names_each_contender_once(name: str, quick: bool) -> None:
    """Their figures are kept by name: two of the same would break the table after minutes."""
    assert all(workload.figures for workload in main.SUITES[name](quick=quick))


def test_two_contenders_of_one_name_are_refused() -> None:
    """When the workload is described."""
    with pytest.raises(ValueError, match="W9: two contenders have the same name"):
        Workload("W9", "nothing", "us", (Figure("a", lambda: 1.0), Figure("a", lambda: 2.0)))
