"""`run`, `simulate`, `check` and `plan` with a system file that has a table `system`."""

from __future__ import annotations

import attrs
import pytest

from harmonium import Agent, handles, message
from harmonium.cli.application import Application, Summary
from harmonium.cli.finding import find_application
from harmonium.cli.running import DONE, GAVE_UP, RunOptions, run_application
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.spec import supervisor
from harmonium.supervisors.system_options import SystemOptions

FILE = """
name = "yard"
max_restarts = 0

[[children]]
id = "dog"
agent = "tests.cli.test_system_file:Dog"
shutdown = "2s"

[system]
store = "yard.db"
dead_letters = {letters = 3}
topics = {entries = 10}
limits = {drain = "1s", children = "20s"}
"""
SEEN = []


@message
class Bark:
    """A try."""


@message
class Barks:
    """How often it has barked, over all runs."""

    times: int = 0


class Dog(Agent):
    """Barks once, with ten letters to nobody, notes it, and ends the run."""

    def started(self) -> None:
        self.schedule(0.001, Bark())

    @handles
    async def bark(self, bark: Bark) -> None:
        barks = Barks((await self.keep.get("barks", Barks, Barks())).times + 1)
        await self.keep.put("barks", barks)
        for _ in range(10):
            self.tell("/nowhere", bark)
        SEEN.append(barks.times)
        raise ValueError("that was all")


class Sleeper(Agent):
    """Tells nobody at each tick, for ever."""

    def started(self) -> None:
        self.schedule(1.0, Bark(), every=1.0)

    @handles
    async def tick(self, bark: Bark) -> None:
        barks = Barks((await self.keep.get("barks", Barks, Barks())).times + 1)
        await self.keep.put("barks", barks)
        self.tell("/nowhere", bark)
        SEEN.append((barks.times, len(self.ref._cell.ground.dead_letters)))


@pytest.fixture
def file(tmp_path):
    """A system file in a folder of its own; commands are given elsewhere."""
    SEEN.clear()
    path = tmp_path / "yard.toml"
    path.write_text(FILE)
    return path


def test_a_run_uses_the_store_and_the_limits_of_its_file(run, file, tmp_path):
    """The store lies beside the file, and each run goes on with it."""
    for times in (1, 2):
        assert run("run", file).status == GAVE_UP
        assert SEEN == list(range(1, times + 1))
    assert [path.name for path in tmp_path.glob("*.db")] == ["yard.db"]
    kept = run("dead-letters", "list", "--store", tmp_path / "yard.db", "--json").summary
    assert [letter["reason"] for letter in kept] == ["unknown agent"] * 3


def test_the_store_that_is_given_counts(run, file, tmp_path):
    """`--store` takes the place of the file's, and is not gone on with by itself."""
    other = tmp_path / "other.db"
    assert run("run", file, "--store", other).status == GAVE_UP
    assert not (tmp_path / "yard.db").exists()
    ran = run("run", file, "--store", other)
    assert (ran.status, SEEN) == (2, [1])
    assert "add --resume" in ran.err
    assert run("run", file, "--store", other, "--resume").status == GAVE_UP
    assert SEEN == [1, 2]


def test_the_store_of_another_system_is_refused(run, file, tmp_path):
    """Two systems never mix up what they keep; the line names the store, and no option."""
    run("run", file)
    file.write_text(FILE.replace('"yard"', '"garden"'))
    ran = run("run", file)
    assert ran.status == 2
    assert ran.err == (
        f"harmonium: the store {tmp_path / 'yard.db'}: it holds a run of yard, not of garden\n"
    )


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("yard.db", "{folder}/yard.db"),
        ("/var/yard.db", "/var/yard.db"),
        ("memory:", "memory:"),
        ("postgresql://yard@host/yard", "postgresql://yard@host/yard"),
    ],
)
def test_a_path_begins_at_the_folder_of_the_file(file, tmp_path, place, found):
    """Whatever is no path stays as it is."""
    file.write_text(FILE.replace('"yard.db"', f'"{place}"'))
    assert find_application(str(file)).options.store == found.format(folder=tmp_path)


def test_a_simulation_keeps_in_a_store_of_its_own(run, file, tmp_path):
    """What the file declares holds there, and the real store is not touched."""
    file.write_text(FILE.replace("Dog", "Sleeper"))
    ran = run("simulate", file, "--for", 20, "--faults", "none", "--json")
    assert ran.status == 0, ran.err
    assert SEEN[-1][0] == len(SEEN) > 10
    assert max(kept for _, kept in SEEN) == 3
    assert not list(tmp_path.glob("*.db"))


def test_check_finds_a_limit_that_is_too_short(run, file):
    """And one mistake in the table is one line, with status 2."""
    assert run("check", file).status == 0
    file.write_text(FILE.replace('"20s"', '"1s"'))
    ran = run("check", file)
    assert ran.status == 1
    assert ran.out.startswith("system.limits.children: all are killed after 1 s")
    file.write_text(FILE.replace("letters = 3", "leters = 3"))
    ran = run("check", file)
    assert ran.status == 2
    assert (
        ran.err == "harmonium: system.dead_letters.leters: no such key; did you mean 'letters'?\n"
    )


def test_a_plan_is_of_the_trees(run, file, tmp_path):
    """Other options change no tree."""
    new = tmp_path / "new.toml"
    new.write_text(FILE.replace("letters = 3", "letters = 4"))
    assert run("plan", new, "--to", file).out == "nothing would change\n"


@attrs.frozen
class NoSettings:
    """A job without settings."""


def test_a_job_with_a_store_of_its_own_is_gone_on_with_when_asked_for(tmp_path):
    """It comes to an end, so that the next run may be meant to be another one."""
    resumed = []

    async def work(job, _):
        resumed.append(job.resumed)
        return Summary({"kept": job.store is not None})

    job = Application(
        "job",
        "a job",
        NoSettings,
        lambda _: supervisor("job"),
        work=work,
        options=SystemOptions(store=tmp_path / "job.db"),
    )
    assert run_application(job, RunOptions()) == DONE
    with pytest.raises(ConfigError, match="^the store .*add --resume"):
        run_application(job, RunOptions())
    assert run_application(job, RunOptions(resume=True)) == DONE
    assert resumed == [False, True]
