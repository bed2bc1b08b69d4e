"""What the guide to durability shows does what its comments say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "durability.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_runs(tmp_path):
    """Nothing is stamped twice; the other snippet is a declaration that goes on from it."""
    first, second = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "guide.py"
    path.write_text(first + second, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["stamp", "carry", "carry", "Stamped(weight=7)"]


def test_the_commands_of_the_guide_run(tmp_path):
    """One after the other, in a folder of their own; each ends well."""
    [block] = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        _, *words = shlex.split(command.replace("examples/", f"{ROOT}/examples/"))
        ran = subprocess.run(
            [sys.executable, ROOT / "run.py", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
    assert len((tmp_path / "orders.jsonl").read_text(encoding="utf-8").splitlines()) == 62
