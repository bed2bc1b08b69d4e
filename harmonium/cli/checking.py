"""``check``: mistakes in tree, contracts and pipelines, found before anything starts."""

from __future__ import annotations

import json
import sys
from typing import Any

import attrs
from rich.console import Console

from harmonium.cli.application import Application
from harmonium.supervisors.checks import find_mistakes

__all__ = ["check_application"]


def check_application(application: Application[Any, Any], *, as_json: bool) -> int:
    """Print what was found, worst first; 0 when nothing is wrong, 1 otherwise."""
    tree = application.build(application.settings())
    findings = find_mistakes(tree)
    if as_json:
        rows = [attrs.asdict(finding) for finding in findings]
        sys.stdout.write(json.dumps(rows, default=str, indent=2) + "\n")
        return 1 if findings else 0
    console = Console()
    for finding in findings:
        console.print(f"{finding}", highlight=False, soft_wrap=True)
    if not findings:
        console.print(f"{application.name}: nothing is wrong", style="green")
    return 1 if findings else 0
