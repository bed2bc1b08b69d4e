"""What docs/supervision.md shows is so: its Python, its system files, its commands."""

from __future__ import annotations

import re

import pytest

from harmonium.cli.app import main
from tests.guide import Guide, is_shown, output_of

GUIDE = Guide("supervision.md")
COMMANDS = GUIDE.commands()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which all Python of the guide has run, and what it printed."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "guide.py").write_text("\n".join(GUIDE.blocks("python")), encoding="utf-8")
    GUIDE.write_files(folder)
    return folder, output_of("guide.py", folder)


def test_the_python_of_the_guide_prints_what_its_comments_say(place):
    """Line by line."""
    code = "\n".join(GUIDE.blocks("python"))
    expected = re.findall(r"^ *print\(.*\)     *# (.+)$", code, re.MULTILINE)
    assert place[1].splitlines() == expected
    assert len(expected) == code.count("print(")


@pytest.mark.parametrize("number", range(len(COMMANDS)))
def test_the_commands_of_the_guide_print_what_it_shows(place, monkeypatch, capsys, number):
    """Each of them, on what the Python above it has left; `...` stands for anything."""
    words, expected = COMMANDS[number]
    monkeypatch.chdir(place[0])
    monkeypatch.setenv("COLUMNS", "200")
    main(words.split())
    printed = capsys.readouterr().out
    assert is_shown(expected, printed), f"run.py {words}\n{printed}"


def test_each_of_the_six_things_has_an_example_and_a_command():
    """So that none of them stands there unproved."""
    parts = re.split(r"^### (?=\d\. )", GUIDE.text, flags=re.MULTILINE)[1:]
    assert len(parts) == 6
    for part in (one.split("\n## ")[0] for one in parts):
        assert "```python" in part or "```toml" in part, part[:40]
        assert "$ run.py" in part, part[:40]


def test_every_word_of_the_reference_can_be_imported_from_where_it_says():
    """The table of places names modules and words that are there."""
    rows = re.findall(r"^\| `(harmonium[\w.]*)` \| (.+) \|$", GUIDE.text, re.MULTILINE)
    assert rows
    for module, words in rows:
        there = vars(__import__(module, fromlist=["_"]))
        missing = [word for word in re.findall(r"`(\w+)`", words) if word not in there]
        assert not missing, f"{module}: {missing}"
