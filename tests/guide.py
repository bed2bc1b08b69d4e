"""A page of the docs, taken apart and carried out, so that what it shows is so."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Guide:
    """One page.

    Args:
        name: Its file in ``docs``.
    """

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / name).read_text(encoding="utf-8")

    def blocks(self, kind: str) -> list[str]:
        """Give its blocks of one kind, such as ``python``."""
        return re.findall(rf"```{kind}\n(.*?)```", self.text, re.DOTALL)

    def commands(self) -> list[tuple[str, str]]:
        """Give each command with what it prints."""
        text = "".join(self.blocks("console"))
        return re.findall(r"^\$ run\.py (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)

    def write_files(self, folder: Path) -> None:
        """Write its TOML files, each under the name in its first line."""
        for text in self.blocks("toml"):
            name = text.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(text, encoding="utf-8")


def output_of(program: str, folder: Path) -> str:
    """Run a program of a page in its folder, as a reader would; give what it printed."""
    ran = subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def is_shown(expected: str, printed: str) -> bool:
    """Whether a page shows what was printed; `...` stands for anything."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected, printed, flags)
