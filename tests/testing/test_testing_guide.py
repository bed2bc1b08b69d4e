"""The examples of the guide to testing do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(command, folder):
    """Run a command on the guide's code."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )


def test_the_examples_of_the_guide_run(tmp_path, with_plugin):
    """As a script its lines print what the comments say; as tests only the bug fails."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (tmp_path / "test_guide.py").write_text(code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    said = re.findall(r"^print\(.*# (.+)$", code, re.MULTILINE)
    script = run(["-W", "ignore", "test_guide.py"], tmp_path)
    assert script.stdout.splitlines() == said, script.stderr
    plugins = ["-p", "no:randomly", "-p", "no:cacheprovider", *with_plugin]
    tested = run(["-m", "pytest", "-q", *plugins, "test_guide.py"], tmp_path)
    assert "1 failed, 3 passed" in tested.stdout, tested.stdout
    assert "FAILED test_guide.py::test_nobody_is_charged_twice -" in tested.stdout
    assert "@pinned(Crash('/shop/payments'))" in tested.stdout
