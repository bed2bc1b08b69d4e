"""The example of the guide to coordination does what its comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_of_the_guide_runs(tmp_path):
    """Each printed line is the one that the comment beside it names."""
    text = (ROOT / "docs" / "coordination.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    path = tmp_path / "guide.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == re.findall(r"print\(.*# (\S+\))", code)
    assert len(ran.stdout.split()) == 2
