"""The examples of the guide to reliability do what their comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_examples_of_the_guide_run(tmp_path):
    """All blocks, one after the other; each printed line is the one its comment names."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    path = tmp_path / "guide.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == re.findall(r"print\(.*\)  # (.+)$", code, re.MULTILINE)
    assert len(ran.stdout.splitlines()) == 13
