"""The examples of the guides to state, topics and dead letters do what their comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("guide", ["state", "topics", "dead-letters"])
def test_the_example_of_the_guide_runs(tmp_path, guide):
    """Each printed line is the one that the comment beside it names."""
    text = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    path = tmp_path / "guide.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = re.findall(r"print\(.*\) +# (.+)$", code, re.MULTILINE)
    assert said
    assert ran.stdout.splitlines() == said
