"""The table `system` of a system file: what is run besides the tree."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium import System
from harmonium.protocols.errors import SpecError
from harmonium.protocols.reliability.dead_letter_office import DeadLetterOffice
from harmonium.protocols.retention import Retention
from harmonium.supervisors.lint import lint_mapping, lint_options
from harmonium.supervisors.mapping import from_mapping
from harmonium.supervisors.mapping_system import system_from_mapping
from harmonium.supervisors.shutdown import StopLimits
from harmonium.supervisors.spec import child, supervisor
from harmonium.supervisors.system_options import SystemOptions
from harmonium.supervisors.to_mapping import to_mapping
from harmonium.supervisors.words import NEVER_GIVE_UP

TOML = """
name = "shop"

[[children]]
id = "stock"
agent = "harmonium.actors.agent:Agent"
shutdown = "20s"

[system]
store = "shop.db"
dead_letters = {letters = 1000, size = 1000000, keep_for = "7d"}
topics = {entries = 100000, seconds = "7d", every = "5m"}
limits = {drain = "250ms", children = 60}
"""
OPTIONS = SystemOptions(
    store="shop.db",
    dead_letters=DeadLetterOffice(letters=1000, size=1_000_000, keep_for=7 * 86_400.0),
    topics=Retention(entries=100_000, seconds=7 * 86_400.0, every=300.0),
    limits=StopLimits(drain=0.25, children=60.0),
)


def test_the_table_is_read_as_the_options_that_python_writes():
    """Beside the tree, which is the same as without it."""
    data = tomllib.loads(TOML)
    tree, options = system_from_mapping(data)
    assert options == OPTIONS
    del data["system"]
    assert tree == from_mapping(data)
    assert system_from_mapping(data) == (tree, SystemOptions())


def test_every_option_is_an_argument_of_a_system():
    """They are handed over by name, and what is not declared is not handed over."""
    system = System(supervisor("shop"), **OPTIONS.arguments())
    assert system.limits == OPTIONS.limits
    assert system.ground.dead_letters.limits == OPTIONS.dead_letters
    assert SystemOptions().arguments() == {}


def test_no_bound_is_written_as_never():
    """As elsewhere in a file; it is the default of these."""
    table = {"dead_letters": {"keep_for": "never"}, "topics": {"seconds": "never"}}
    _, options = system_from_mapping({"name": "shop", "system": table})
    assert options == SystemOptions(dead_letters=DeadLetterOffice(), topics=Retention())


def test_a_path_of_a_program_is_written_as_a_text():
    """A store may be a `Path` there."""
    written = to_mapping(supervisor("shop"), SystemOptions(store=Path("a") / "shop.db"))
    assert written == {"name": "shop", "system": {"store": "a/shop.db"}}


MISTAKES = [
    (3, "system: 3 is no table; write a table"),
    ({"stor": "a"}, "system.stor: no such key; did you mean 'store'?"),
    ({"seed": 3}, "system.seed: no such key; known are dead_letters, limits, store, topics"),
    ({"max_restarts": 3}, "system.max_restarts: it is of the tree; write it above [system]"),
    ({"children": []}, "system.children: it is of the tree; write it above [system]"),
    ({"store": 3}, "system.store: 3 is no place of a store; write a path or a URL"),
    ({"store": " "}, "system.store: ' ' is no place of a store"),
    ({"store": "a\0b"}, "system.store: 'a\\x00b' is no place of a store"),
    ({"dead_letters": 10}, "system.dead_letters: 10 is no table"),
    ({"dead_letters": {"letters": 0}}, "system.dead_letters.letters: 0 is too small; give an"),
    ({"dead_letters": {"size": "1k"}}, "system.dead_letters.size: '1k' is no whole number"),
    ({"dead_letters": {"keep_for": "1y"}}, "system.dead_letters.keep_for: '1y' is no duration"),
    ({"dead_letters": {"keep": 1}}, "system.dead_letters.keep: no such key; did you mean 'keep_f"),
    ({"topics": {"entries": -1}}, "system.topics.entries: -1 is too small"),
    ({"topics": {"seconds": 0}}, "system.topics.seconds: 0 s is out of bounds; give seconds ab"),
    ({"topics": {"every": "never"}}, "system.topics.every: 'never' is no duration"),
    ({"limits": {"drain": -1}}, "system.limits.drain: -1 s is out of bounds; give seconds of at"),
    ({"limits": {"drain": float("nan")}}, "system.limits.drain: nan s is out of bounds"),
    ({"limits": {"children": True}}, "system.limits.children: True is no number of seconds"),
    ({"limits": {"children": "soon"}}, "system.limits.children: 'soon' is no duration"),
    ({"limits": {"flush": 1}}, "system.limits.flush: no such key; known are children, drain"),
]


@pytest.mark.parametrize(("table", "text"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_a_mistake_is_one_error_with_its_place(table, text):
    """The table, the key, and what to write instead."""
    with pytest.raises(SpecError) as caught:
        system_from_mapping({"name": "shop", "system": table})
    assert str(caught.value).startswith(text)


MISPLACED = [
    ({"sistem": {}}, "/shop.sistem: no such key; did you mean 'system'?"),
    ({"dead_letters": {}}, "/shop.dead_letters: no such key; write it in the table `system`"),
    (
        {"children": [{"id": "in", "supervisor": {"system": {}}}]},
        "/shop/in.system: a tree has no options of a system; write it at the top of the file",
    ),
    (
        {"children": [{"id": "in", "supervisor": {"store": "a"}}]},
        "/shop/in.store: no such key; write it in the table `system`",
    ),
]


@pytest.mark.parametrize(("more", "text"), MISPLACED, ids=[text for _, text in MISPLACED])
def test_what_stands_in_the_wrong_table_is_told_where_it_belongs(more, text):
    """A tree has no options, and its children neither."""
    with pytest.raises(SpecError) as caught:
        system_from_mapping({"name": "shop", **more})
    assert str(caught.value) == text


def test_a_tree_alone_does_not_drop_the_options_in_silence():
    """Who reads a whole file as a tree is told how to read it."""
    with pytest.raises(SpecError, match="^/shop.system: .*; read it by system_from_mapping$"):
        from_mapping({"name": "shop", "system": {}})


seconds = st.floats(0.001, 1e6)
options = st.builds(
    SystemOptions,
    store=st.none() | st.sampled_from(["shop.db", "memory:", "postgresql://shop@host/shop"]),
    dead_letters=st.none()
    | st.builds(
        DeadLetterOffice,
        letters=st.integers(1, 99),
        size=st.none() | st.integers(1, 99),
        keep_for=st.none() | seconds,
    ),
    topics=st.none()
    | st.builds(
        Retention,
        entries=st.none() | st.integers(0, 99),
        seconds=st.none() | seconds,
        every=seconds,
    ),
    limits=st.none() | st.builds(StopLimits, seconds, seconds),
)


@given(options)
def test_any_options_come_back_from_their_mapping(options):
    """Written and read, they are equal by value; what is not declared is not written."""
    tree = supervisor("shop", children=[child(dict, id="stock")])
    written = to_mapping(tree, options)
    assert system_from_mapping(written) == (tree, options)
    assert ("system" in written) == (options != SystemOptions())


@pytest.mark.parametrize(
    ("shutdown", "limit", "found"),
    [(20.0, 40.0, False), (20.0, 39.0, True), (20.0, None, False), (NEVER_GIVE_UP, 1.0, False)],
)
def test_a_stop_that_is_cut_off_sooner_than_its_tree_needs_is_a_finding(shutdown, limit, found):
    """Where the limit was declared; what never gives up is meant to be ended by it."""
    kids = [child(dict, id=name, shutdown=shutdown) for name in "ab"]
    limits = None if limit is None else StopLimits(children=limit)
    findings = lint_options(supervisor("shop", children=kids), SystemOptions(limits=limits))
    assert bool(findings) is found


def test_the_finding_names_place_and_figures():
    """As `run.py check` shows it."""
    [one] = lint_mapping(tomllib.loads(TOML.replace("children = 60", "children = 5")))
    assert str(one) == (
        "system.limits.children: all are killed after 5 s, and the tree may take 20 s; "
        "give at least 20 s, or make the shutdown times of the children shorter"
    )
    [one] = lint_mapping({"name": "shop", "system": {"stor": "a"}})
    assert (one.path, one.rule) == ("system.stor", "malformed")
