"""The page about voting tells the truth."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "voting.md"


def test_the_example_of_the_page_runs(capsys):
    """The program on the page prints what its comment says."""
    program = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    exec(compile(program, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.strip() == re.search(r"print\(.*\)  # (.*)", program)[1]
