"""The examples of the guide to pools do what their comments say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from harmonium.supervisors.mapping import child_from_mapping

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "pools.md").read_text(encoding="utf-8")


def test_the_examples_of_the_guide_run(tmp_path):
    """Each printed line is the one that the comment beside it names."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    path = tmp_path / "guide.py"
    path.write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, path], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = re.findall(r"print\(.*  # (.+)$", code, re.MULTILINE)
    assert ran.stdout.splitlines() == said
    assert len(said) == 8


def test_the_system_file_of_the_guide_is_read():
    """The table in the guide makes a pool, with an agent that is there."""
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (row,) = tomllib.loads(text)["children"]
    row["agent"] = "tests.supervisors.test_pool:Porter"
    settings = child_from_mapping(row).tree.pool
    assert settings.router.patience == 10
    assert settings.autoscale.period == 0.5
