"""What docs/system-files.md shows is so: its files, its Python, its commands."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harmonium.cli.app import main
from harmonium.supervisors.mapping_fields import SYSTEM
from harmonium.supervisors.shutdown import StopLimits

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "system-files.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ run\.py (.*)\n((?:(?!\$ ).*\n)*)",
    "".join(re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)),
    re.MULTILINE,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the guide, which is where the commands are given."""
    agents, program = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "shop_agents.py").write_text(agents, encoding="utf-8")
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    for text in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    sys.modules.pop("shop_agents", None)


def test_the_program_of_the_guide_goes_on_where_it_stopped(folder):
    """Its second day counts on from the first: the store of the file is used."""
    ran = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["1", "2"]
    assert (folder / "shop.db").exists()


@pytest.mark.parametrize(("words", "expected"), COMMANDS)
@pytest.mark.usefixtures("folder")
def test_the_commands_of_the_guide_print_what_it_shows(capsys, words, expected):
    """Each of them; `...` stands for anything."""
    main(words.split())
    printed = "".join(capsys.readouterr())
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(expected, printed, flags), printed


def test_the_guide_names_every_key_of_the_table():
    """With the keys below it, and the defaults of the stop."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", GUIDE, re.MULTILINE))
    assert set(rows) == set(SYSTEM)
    assert rows["limits"].endswith(f"{StopLimits().drain:g} s, {StopLimits().children:g} s")
