"""The story of a failing run is short, causal, and drawn."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harmonium import Agent, child, handles, message, supervisor
from harmonium.protocols.errors import ConfigError
from harmonium.testing import Crash, Drop, Replay, Scene, handled, run_once
from harmonium.testing.diagrams import html_page, mermaid
from harmonium.testing.faults import KINDS, Delay, Kill, Partition
from harmonium.testing.paste import read_faults, read_value
from harmonium.testing.story import LINES, story, told
from tests.testing.shop import SHOP, Charge, build


@message
class Beat:
    n: int


@message
class Start:
    """Begin."""


@message
class Step:
    n: int


class Noise(Agent):
    """Beats a hundred times, which has nothing to do with anything."""

    def started(self):
        for n in range(100):
            self.schedule(0.01 * n, Beat(n))

    @handles
    def beat(self, beat: Beat) -> None: ...


class Chain(Agent):
    def __init__(self, onward):
        self.onward = onward

    @handles
    def start(self, order: Start) -> None:
        self.schedule(0.5, Step(0))

    @handles
    def step(self, order: Step) -> None:
        if self.onward:
            self.tell(self.onward, Step(order.n + 1))


def chain():
    """Three agents in a row, and noise."""
    links = zip("abc", ("b", "c", None), strict=True)
    return supervisor(
        "top",
        max_restarts=10,
        children=[child(Noise, id="noise"), *[child(Chain, to, id=id) for id, to in links]],
    )


def body(world):
    """Fail when the chain has come to its end."""
    world.tell("a", Start())
    world.always(lambda: all(one.n < 2 for one in world.log(Step)), "it does not come to c")


def test_only_the_causal_past_is_told():
    """Of two hundred things that happened the noise is left out."""
    outcome = run_once(Scene(chain, body))
    assert len(outcome.world.trace) > 50
    lines = story(outcome.world.trace)
    assert len(lines) <= LINES
    text = "\n".join(lines)
    assert "/top/a -> /top/b   Step(n=1)" in text
    assert "/top/b -> /top/c   Step(n=2)" in text
    assert "Beat" not in text


def test_a_fault_and_what_it_befell_are_told():
    """Each fault has its line, beside the message that it befell."""
    fault = Crash("/top/b", on=1, where="before")

    def look(world):
        world.tell("a", Start())
        world.eventually(lambda: any(one.n == 2 for one in world.log(Step)), "it comes to c")

    outcome = run_once(Scene(chain, look), Replay([fault]))
    lines = story(outcome.world.trace, outcome.violation.at)
    text = "\n".join(lines)
    assert repr(fault) in text
    assert "/top/a -> /top/b   Step(n=1)" in text
    assert "/top/b   restarted as #2" in text
    assert "Beat" not in text


def test_repetitions_are_folded_and_the_middle_is_left_out():
    """However long a story is, it has its 25 lines."""

    def many(world):
        for n in range(60):
            world.probe("me").ask("payments", Charge(n), timeout=50)
        world.eventually(lambda: False, "never", within=1)

    lines = story(run_once(Scene(build, many), Replay([Drop("payments", nth=30)])).world.trace)
    assert len(lines) <= LINES


def test_diagrams_name_everybody():
    """Mermaid and SVG have each agent and each message, escaped."""
    trace = run_once(SHOP, Replay([Crash("payments", on=2)])).world.trace
    entries = told(trace)
    text = mermaid(entries)
    assert text.startswith("sequenceDiagram\n")
    assert all(f"as {name}" in text for name in ("/me", "/shop/desk", "/shop/payments"))
    assert "Note over" in text
    page = html_page("<bad>", entries)
    assert "<bad>" not in page
    assert page.count("<path") >= sum(1 for one in entries if one.kind in ("handled", "answered"))


FAULTS = [
    Crash("pay"),
    Crash("/shop/*", on=3, where="inside", step=2),
    Kill("pay", at=3.5),
    Delay("pay", nth=2, until=handled("desk", 4)),
    Partition([("a", "b"), ("c",)], start=1.0, stop=2.0, oneway=True),
    Partition([("a",)]),
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_the_repr_of_a_fault_can_be_pasted(fault):
    """What a report prints gives the fault back."""
    assert read_faults(repr(fault)) == (fault,)
    assert read_faults(f"[{fault!r}, {fault!r}]") == (fault, fault)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "Crash(", "3", "open('x')", "Crash('a').on", "[x for x in 'a']"]
)
def test_nothing_else_is_read(text):
    """A file of known failures cannot run anything."""
    with pytest.raises(ConfigError):
        read_faults(text)


def test_values_of_a_workload_are_read_back():
    """Literals, collections and messages of known classes."""
    value = [Charge(-3), {"a": (1, 2.5)}, {4}, None]
    assert read_value(repr(value), {"Charge": Charge}) == value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Crash("a", on=0),
        lambda: Crash("a", where="between"),
        lambda: Kill("a"),
        lambda: Kill("a", on=1, at=1.0),
        lambda: Delay("a", nth=1, secs=-1.0),
    ],
)
def test_faults_that_make_no_sense_are_refused(make):
    """At construction, with the remedy."""
    with pytest.raises(ConfigError):
        make()


def test_every_kind_is_known():
    """What can be pasted is every class of fault."""
    assert len(KINDS) == 13


def test_it_imports_without_pytest_and_hypothesis():
    """The kit is there for programs that have neither."""
    code = (
        "import sys; sys.modules.update(pytest=None, hypothesis=None); "
        "import harmonium.testing; import harmonium.cli.simulated_runs"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
