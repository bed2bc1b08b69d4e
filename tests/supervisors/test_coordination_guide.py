"""The examples of the guide to coordination do what their comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_examples_of_the_guide_run(tmp_path):
    """Each printed line is the one that the comment beside it names."""
    text = (ROOT / "docs" / "coordination.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    path = tmp_path / "guide.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = [
        line.partition(": two of three")[0]
        for line in re.findall(r"print\(.*# (.+)$", code, re.MULTILINE)
    ]
    assert ran.stdout.splitlines() == said
    assert len(said) == 8
