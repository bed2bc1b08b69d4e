"""What docs/system-files.md shows is so: its files, its Python, its commands."""

from __future__ import annotations

import re
import sys

import pytest

from harmonium.cli.app import main
from harmonium.supervisors.mapping_fields import SYSTEM
from harmonium.supervisors.shutdown import StopLimits
from tests.guide import Guide, is_shown, output_of

GUIDE = Guide("system-files.md")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the guide, which is where the commands are given."""
    agents, program = GUIDE.blocks("python")
    (tmp_path / "shop_agents.py").write_text(agents, encoding="utf-8")
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    GUIDE.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    sys.modules.pop("shop_agents", None)


def test_the_program_of_the_guide_goes_on_where_it_stopped(folder):
    """Its second day counts on from the first: the store of the file is used."""
    assert output_of("program.py", folder).split() == ["1", "2"]
    assert (folder / "shop.db").exists()


@pytest.mark.parametrize(("words", "expected"), GUIDE.commands())
@pytest.mark.usefixtures("folder")
def test_the_commands_of_the_guide_print_what_it_shows(capsys, words, expected):
    """Each of them; `...` stands for anything."""
    main(words.split())
    printed = "".join(capsys.readouterr())
    assert is_shown(expected, printed), printed


def test_the_guide_names_every_key_of_the_table():
    """With the keys below it, and the defaults of the stop."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", GUIDE.text, re.MULTILINE))
    assert set(rows) == set(SYSTEM)
    assert rows["limits"].endswith(f"{StopLimits().drain:g} s, {StopLimits().children:g} s")
