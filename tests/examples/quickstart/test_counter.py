"""The README's first program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "examples" / "quickstart" / "counter.py"


def test_the_readme_shows_the_program_as_it_is():
    """At most 25 lines, and the same text as the file that is run here."""
    shown = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1] == PROGRAM.read_text()
    assert len(shown[1].splitlines()) <= 25


def test_it_crashes_and_recovers():
    """Its output is what the README says."""
    ran = subprocess.run(
        [sys.executable, PROGRAM],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "4 -> Total(value=25)",
        "5 -> Total(value=45)",
        "0 -> /demo/counter failed with ZeroDivisionError: integer division or modulo by zero",
        "10 -> Total(value=10)",
    ]
    assert "crashed on Add" in ran.stderr
    assert "restarted as #2" in ran.stderr
    text = (ROOT / "README.md").read_text()
    assert [line for line in ran.stdout.splitlines() if line not in text] == []
