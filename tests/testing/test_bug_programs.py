"""The programs with a planted bug: what triggers each, that its twin is well, that it is found."""

from __future__ import annotations

import importlib
import io
import itertools
from pathlib import Path

import attrs
import pytest
from rich.console import Console

from benchmarks import bugs as package
from benchmarks.bugs.catalogue import BUGS, CALIBRATION, named
from benchmarks.bugs.contest import Effort, false_alarms, measure_bug
from benchmarks.bugs.engines import ENGINES, PlainWalk
from benchmarks.bugs.report import WIDTH, summary, table
from harmonium.testing import Delay, Faults, Replay, SlowLink, run_once
from harmonium.testing.calm import quiet
from harmonium.testing.reduce import candidates, reduce_faults

ALL = (*BUGS, *CALIBRATION)
each = pytest.mark.parametrize("bug", ALL, ids=lambda bug: bug.name.replace(" ", "-"))
TINY = Effort(seeds=1, schedules=20, other_seeds=1, machine_schedules=5)


@pytest.fixture(autouse=True)
def no_log():
    """Run without logs: the programs crash on purpose."""
    with quiet():
        yield


@each
def test_a_pin_shows_the_bug_and_not_on_the_twin(bug):
    """The pinned faults bring the bug about; the fixed twin stands them."""
    outcome = run_once(bug.scene(), Replay(bug.pin))
    assert bug.shows(outcome), repr(outcome.violation)
    assert run_once(bug.scene(fixed=True), Replay(bug.pin)).violation is None


@each
def test_a_pin_holds_nothing_that_is_not_needed(bug):
    """With any one fault of the pin left out nothing goes wrong."""
    for fewer in itertools.combinations(bug.pin, len(bug.pin) - 1) if bug.pin else ():
        assert run_once(bug.scene(), Replay(fewer)).violation is None, fewer


def test_pins_survive_an_edit_that_has_nothing_to_do_with_them():
    """One more agent with four messages and a timer: a pin still means the same."""
    stale = [bug.name for bug in BUGS if not bug.shown_by(bug.pin, edited=True)]
    assert stale == []


@each
def test_the_twin_is_well(bug):
    """No false alarm in a few schedules; in many by the soak test below."""
    assert false_alarms(bug, 20)[0] == 0


@pytest.mark.parametrize(
    "name",
    [
        "lost wakeup",
        "duplicate charge",
        "double vote",
        "restart intensity",
        "mutual ask",
        "snapshot race",
        "split brain",
        "poison loop",
        "clock jump",
    ],
)
def test_the_kit_finds_and_reduces(name):
    """A hunt finds the bug, and the reduction comes to the known minimum."""
    bug = named(name)
    found = ENGINES["kit"](bug, 1, 2_000)
    assert found.outcome is not None
    reduced = reduce_faults(bug.scene(), found.outcome, bug.faults)
    assert len(reduced.faults) == bug.minimum
    assert bug.shown_by(reduced.faults)
    assert run_once(bug.scene(fixed=True), Replay(reduced.faults)).violation is None


def test_delays_that_pass_a_timeout_only_together_are_one_long_one():
    """Four short delays of this hunt kept two answers from coming in time; two long ones do."""
    bug = named("live quorum")
    found = ENGINES["kit"](bug, 10, 2_000)
    assert found.outcome is not None
    assert len(reduce_faults(bug.scene(), found.outcome, bug.faults).faults) == 2


def test_what_was_a_slow_link_becomes_a_short_delay():
    """Values are lowered until nothing simpler fails, not once."""
    bug = named("split brain")
    links = (SlowLink("north", "storage", 9.0), Delay("leases", nth=1, secs=0.01))
    outcome = run_once(bug.scene(), Replay(links))
    assert bug.shows(outcome)
    assert reduce_faults(bug.scene(), outcome, bug.faults).faults == (
        Delay("storage", nth=1, secs=3.0),
    )


def test_a_reduction_keeps_to_the_longest_delay():
    """What it tries is no longer than what the search may do."""
    for bug in BUGS:
        assert all(
            getattr(fault, "secs", 0.0) <= bug.faults.longest
            for fault in candidates(run_once(bug.scene()), bug.faults)
        )


def test_there_are_twenty_five_and_each_explains_itself():
    """One module each, with a docstring for newcomers and a name of its own."""
    assert len(BUGS) == 25
    assert len({bug.name for bug in ALL}) == len(ALL)
    folder = Path(package.__file__).parent
    modules = [
        importlib.import_module(f"benchmarks.bugs.{path.stem}") for path in folder.glob("*.py")
    ]
    programs = [module for module in modules if hasattr(module, "BUG")]
    assert {module.BUG.name for module in programs} == {bug.name for bug in BUGS}
    for module in programs:
        assert len(module.__doc__.split()) > 40, module.__name__


def test_the_guide_lists_every_bug_with_its_atoms():
    """docs/bug-benchmark.md says what the catalogue says."""
    guide = Path(package.__file__).parents[2] / "docs" / "bug-benchmark.md"
    cells = [line.split(" | ") for line in guide.read_text(encoding="utf-8").splitlines()]
    listed = [(row[0][2:], row[2]) for row in cells if len(row) == 4 and row[2].isdigit()]
    assert listed == [(bug.name, str(bug.minimum)) for bug in BUGS]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_pin_is_within_what_a_search_may_do(bug):
    """The kinds of the pinned faults are switched on, or nobody could find them."""
    kinds = {"Crash": "crash", "Kill": "kill", "Drop": "drop", "Delay": "delay"}
    kinds["ClockJump"] = "clock_jump"
    for fault in bug.pin:
        assert getattr(bug.faults, kinds[type(fault).__name__])
    assert all(getattr(fault, "secs", 0.0) <= bug.faults.longest for fault in bug.pin)


def test_a_plain_walk_replays():
    """What the walk did gives the same run again."""
    bug = named("duplicate charge")
    found = run_once(bug.scene(), PlainWalk(3, attrs.evolve(bug.faults, drop=True)))
    assert run_once(bug.scene(), Replay(found.faults)).hash() == found.hash()


def test_a_plain_walk_keeps_to_what_is_allowed():
    """With all kinds switched off it does nothing."""
    bug = named("duplicate charge")
    nothing = Faults(delay=False, pause=False, buggify=False)
    assert run_once(bug.scene(), PlainWalk(3, nothing)).faults == ()


def test_the_table_fits_in_a_hundred_columns():
    """A row for each bug, and a summary below."""
    rows = [measure_bug(named(name), TINY, lambda _: None) for name in ("poison loop", "reverse 3")]
    paper = io.StringIO()
    Console(file=paper, width=WIDTH).print(table("bugs", rows), summary(rows))
    lines = paper.getvalue().splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert any(line.split()[:3] == ["poison", "loop", "1/1"] for line in lines)
    assert rows[0].scores["machine"].found == 1
    assert rows[0].alarms == (0, 20)


@pytest.mark.soak
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_every_bug_is_found_on_nineteen_of_twenty_seeds(bug):
    """Within 2,000 schedules, 100 and 2 s at the median, reduced, and the twin is quiet."""
    row = measure_bug(bug, Effort(20, 2_000, 0, 0), lambda _: None)
    kit = row.scores["kit"]
    assert kit.found >= 19
    assert kit.schedules[0] <= 100
    assert kit.seconds[0] <= 2.0
    assert row.at_minimum >= 0.9 * len(row.atoms)
    assert max(row.atoms) <= bug.minimum + 1
    assert row.blind == 0
    assert row.edited >= 0.9 * len(row.atoms)
    assert row.report[0] < 1.0
    assert false_alarms(bug, 20_000)[0] == 0
