"""``check``: mistakes in tree, contracts and pipelines, found before anything starts."""

from __future__ import annotations

import json
import sys
from typing import Any

import attrs
from rich.console import Console

from harmonium.cli.application import Application
from harmonium.supervisors.checks import ADVICE, find_mistakes
from harmonium.supervisors.lint import lint_options

__all__ = ["check_application"]


def check_application(application: Application[Any, Any], *, as_json: bool) -> int:
    """Print what was found, advice last; 0 when there is no more than advice, 1 otherwise."""
    tree = application.build(application.settings())
    found = [*find_mistakes(tree), *lint_options(tree, application.options)]
    findings = sorted(found, key=lambda one: one.rule == ADVICE)
    status = 1 if any(one.rule != ADVICE for one in findings) else 0
    if as_json:
        rows = [attrs.asdict(finding) for finding in findings]
        sys.stdout.write(json.dumps(rows, default=str, indent=2) + "\n")
        return status
    console = Console()
    for finding in findings:
        console.print(f"{finding}", highlight=False, soft_wrap=True)
    if not findings:
        console.print(f"{application.name}: nothing is wrong", style="green")
    return status
