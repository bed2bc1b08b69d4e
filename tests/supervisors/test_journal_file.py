"""The journal as a file: it outlives the system, replays, explains, and survives rough ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from loguru import logger

from harmonium import Agent, Backoff, System, child, handles, message, operate, supervisor
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.budget import Budget
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.core.events import Failed
from harmonium.supervisors.core.record import Record
from harmonium.supervisors.journal_file import Journals, load_journal
from harmonium.supervisors.journal_values import Unread, Values
from harmonium.supervisors.poison import Poison
from harmonium.supervisors.pool import pool
from harmonium.supervisors.spec import dynamic_supervisor
from harmonium.supervisors.to_mapping import to_mapping
from harmonium.supervisors.words import ONE_FOR_ALL, RESUME, TRANSIENT

ROOT = Path(__file__).resolve().parents[2]


@message
class Crash:
    """Raise this."""

    error: str = "ValueError"


class Doomed(Agent):
    """Crashes when told to."""

    @handles
    def crash(self, crash: Crash) -> None:
        raise {"ValueError": ValueError, "KeyError": KeyError}[crash.error](crash.error)


class Secretive(Agent):
    """Takes arguments."""

    def __init__(self, *words: str, word: str) -> None:
        self.words = (*words, word)


@pytest.fixture(autouse=True)
def _quiet():
    logger.disable("harmonium")
    yield
    logger.enable("harmonium")


def eventful():
    """A tree in which much can happen."""
    inner = supervisor(
        "inner",
        strategy=ONE_FOR_ALL,
        max_restarts=2,
        within=60.0,
        children=[child(Doomed, id="x"), child(Doomed, id="y", restart=TRANSIENT)],
    )
    return supervisor(
        "top",
        max_restarts=99,
        within=60.0,
        children=[
            child(Doomed, id="a", directives={KeyError: RESUME, ValueError: "restart"}),
            child(Doomed, id="b", budget=Budget(1, 60.0), backoff=Backoff(0.1, 1.0, jitter=0.5)),
            child(Doomed, id="c", retries=3, poison=Poison(attempts=2)),
            child(inner, id="inner"),
            child(dynamic_supervisor("jobs"), id="jobs"),
        ],
    )


async def trouble(system: System) -> None:
    for path, error in [
        ("/top/a", "KeyError"),
        ("/top/a", "ValueError"),
        ("/top/b", "ValueError"),
        ("/top/c", "ValueError"),
        ("/top/inner/x", "ValueError"),
        ("/top/inner/y", "KeyError"),
        ("/top/inner/x", "KeyError"),  # one too many: inner gives up and is restarted
        ("/top/b", "ValueError"),  # its own budget is used up: quarantine
    ]:
        system.tell(path, Crash(error))
        await asyncio.sleep(2.0)
    jobs = operate(system.ref("/top/jobs"))
    assert (await jobs.start_child(child(Doomed, id="job-1"))).ok
    assert (await operate(system.ref("/top")).stop_child("a")).ok


def play(folder: Path, tree=None, scenario=trouble, **options) -> None:
    ground = SimulatedGround(seed=3)
    ground.journals = Journals(folder, **options)

    async def main() -> None:
        async with System(tree or eventful(), ground=ground) as system:
            await scenario(system)

    ground.play(main(), limit=10_000.0)


def test_a_saved_journal_reproduces_every_decision(tmp_path):
    """Same effects in the same order, from the file alone, for every supervisor of the tree."""
    play(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"top.jsonl", "top.inner.jsonl", "top.jobs.jsonl"}
    for path in tmp_path.iterdir():
        for life in load_journal(path):
            assert life.records
            assert life.replay().deviations == ()
    (top,) = load_journal(tmp_path / "top.jsonl")
    choices = {verdict.choice for record in top.records for verdict in record.verdicts}
    assert {"restart", "resume", "quarantine", "retry", "hold", "shutdown"} <= choices
    assert to_mapping(top.spec)["name"] == "top"


def test_each_life_of_a_supervisor_is_a_journal_of_its_own(tmp_path):
    """One that was restarted begins with its spec again."""
    play(tmp_path)
    first, second = load_journal(tmp_path / "top.inner.jsonl")
    assert first.path == second.path == "/top/inner"
    assert second.records[0].number == 1
    assert any("used up" in sentence for sentence in first.sentences())
    assert first.sentences()[0] == "/top/inner has ended."


def test_explain_works_for_a_system_that_is_gone(tmp_path):
    """The last state comes from the replay; the reasons from the records."""
    play(tmp_path)
    (top,) = load_journal(tmp_path / "top.jsonl")
    told = top.sentences("b")
    assert any(
        "quarantine. ValueError: ValueError; 1 restart within 60 s used up." in s for s in told
    )
    assert told[-1] == (
        f"Replayed {len(top.records)} decisions: all come out as they were written down."
    )


def test_a_journal_of_a_pool_replays(tmp_path):
    """With members that have arguments of their own, which do not stand in it."""
    tree = supervisor(
        "top", children=[pool(Doomed, id="p", size=2, with_arguments=lambda number: ())]
    )

    async def scenario(system):
        for _ in range(2):
            system.tell("/top/p", Crash())
            await asyncio.sleep(1.0)

    play(tmp_path, tree, scenario)
    (members,) = load_journal(tmp_path / "top.p.jsonl")
    assert members.replay().deviations == ()
    assert any(verdict.choice == "restart" for one in members.records for verdict in one.verdicts)


def test_arguments_do_not_stand_in_a_journal(tmp_path):
    """They may be secrets."""
    tree = supervisor("top", children=[child(Secretive, "sesame", kwargs={"word": "open"}, id="a")])

    async def scenario(system):
        extra = child(Secretive, "sesame", kwargs={"word": "open"}, id="b")
        assert (await operate(system.ref("/top")).start_child(extra, args=("sesame",))).ok

    play(tmp_path, tree, scenario)
    text = (tmp_path / "top.jsonl").read_text(encoding="utf-8")
    assert "sesame" not in text
    assert '"open"' not in text
    assert load_journal(tmp_path / "top.jsonl")[0].replay().deviations == ()


def test_another_decision_is_found_out(tmp_path):
    """A record that was changed does not come out as it was written down."""
    play(tmp_path)
    path = tmp_path / "top.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"successor":2', '"successor":7', 1), encoding="utf-8")
    (top,) = load_journal(path)
    assert len(top.replay().deviations) == 1
    assert "1 come out differently, first no. " in top.sentences()[-1]


def test_a_line_that_was_cut_short_is_left_out(tmp_path):
    """The system died while it wrote it."""
    play(tmp_path)
    path = tmp_path / "top.jsonl"
    (whole,) = load_journal(path)
    path.write_bytes(path.read_bytes()[:-20])
    (cut,) = load_journal(path)
    assert cut.records == whole.records[:-1]
    assert cut.replay().deviations == ()


def test_a_full_file_says_so(tmp_path):
    """The supervisor goes on, the file does not grow any more."""
    play(tmp_path, most=20_000)
    (top,) = load_journal(tmp_path / "top.jsonl")
    assert top.full
    assert top.replay().deviations == ()
    assert "The file was full then" in top.sentences()[-1]
    assert (tmp_path / "top.jsonl").stat().st_size < 30_000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no journal of this version"),
        ("{}\n", "no journal of this version"),
        ("[]\n", ":1: is no line of a journal"),
        ('{"version": 1}\nnonsense\n', ":2: is no line of a journal"),
        ('{"version": 9}\n', "no journal of this version"),
        ('{"version": 1, "path": "/x"}\n', "no journal of this version"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path, content, problem):
    """With the file and the line."""
    path = tmp_path / "x.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_journal(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """So is one that holds no text."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_journal(tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ConfigError, match="no journal"):
        load_journal(tmp_path / "x.jsonl")


def test_a_journal_that_cannot_be_written_does_not_disturb(tmp_path):
    """The supervisor goes on; the problem is logged once."""
    logger.enable("harmonium")
    lines = []
    sink = logger.add(lines.append, level="ERROR", format="{message}")
    (tmp_path / "top.jsonl").mkdir()
    try:
        play(tmp_path)
    finally:
        logger.remove(sink)
    assert sum("the journal ends here" in line for line in lines) == 1


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """At once, not at the first crash."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Journals(tmp_path / "file" / "below")


def test_what_no_decision_reads_comes_back_as_its_name():
    """A factory, a message, a request; it cannot be run."""
    again = Values().from_json(
        json.loads(json.dumps(Values().to_json(child(Doomed, id="a").start)))
    )
    assert again.factory == Unread(f"{__name__}:Doomed")
    with pytest.raises(ConfigError, match="only its name stands in the journal"):
        again.factory()
    assert Values().from_json(Values().to_json(object())) == Unread("builtins:object")


@pytest.mark.parametrize("name", ["os:system", "harmonium.nowhere:X", "harmonium.cli.app:app", ""])
def test_a_journal_names_no_code(name):
    """Only values of ours are made of it; nothing else is imported or called."""
    with pytest.raises(ConfigError, match="no value of a journal"):
        Values().from_json({"is": name})


def test_a_value_of_another_version_is_refused():
    """A field too many, or one too few."""
    with pytest.raises(ConfigError, match="another version"):
        Values().from_json({"is": "harmonium.protocols.budget:Budget", "colour": "red"})


def test_every_word_of_the_core_survives_the_way_to_a_file_and_back():
    """What an eventful journal holds comes back equal."""
    from tests.supervisors.test_journal import eventful as happened

    for seed in range(3):
        for record in happened(seed).top.records:
            again = Values().from_json(json.loads(json.dumps(Values().to_json(record))))
            assert isinstance(again, Record)
            assert (again.number, again.now, again.verdicts) == (
                record.number,
                record.now,
                record.verdicts,
            )
            if isinstance(record.event, Failed):
                assert again.event == record.event
