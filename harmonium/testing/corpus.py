"""The corpus: failures that are known, one file for each test, tried first next time.

A case keeps named faults and the values of the workload, as text that can be
pasted. A choice sequence would be void after the smallest edit of the program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.testing.faults import Fault
from harmonium.testing.paste import read_faults, read_value

__all__ = ["Case", "Corpus"]

KEPT = 20
"""How many cases are kept for each test; the newest ones."""


@attrs.frozen
class Case:
    """A failure that is known.

    Args:
        faults: What makes the test fail.
        workload: With which values of its arguments, as text.
        violation: What it violates.
    """

    faults: tuple[Fault, ...]
    workload: Mapping[str, str] = attrs.field(factory=dict)
    violation: str = ""

    @property
    def id(self) -> str:
        """Name it in four letters."""
        return _short(f"{self.faults!r} {sorted(self.workload.items())!r}", 4)

    def values(self, names: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the arguments back as values; None if they cannot be read any more."""
        try:
            return {name: read_value(text, names) for name, text in self.workload.items()}
        except ConfigError:
            return None


class Corpus:
    """The known failures of one test.

    Args:
        folder: Where the files are; None keeps nothing.
        node: The test's name.
    """

    def __init__(self, folder: Path | None, node: str) -> None:
        self._node = node
        self._file = None if folder is None else folder / f"{_short(node, 12)}.json"

    def cases(self) -> list[Case]:
        """Give what is known, newest first. A file that cannot be read is as none."""
        if self._file is None or not self._file.exists():
            return []
        try:
            kept = json.loads(self._file.read_text())["cases"]
            return [
                Case(read_faults(one["faults"]), one["workload"], one["violation"]) for one in kept
            ]
        except (ValueError, KeyError, TypeError, ConfigError):
            return []

    def find(self, id: str) -> Case | None:
        """Give the case of this id."""
        return next((case for case in self.cases() if case.id == id), None)

    def add(self, case: Case) -> None:
        """Keep a case, as the newest."""
        if self._file is None:
            return
        cases = [case, *(one for one in self.cases() if one.id != case.id)][:KEPT]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        text = {"test": self._node, "cases": list(_plain(cases))}
        self._file.write_text(json.dumps(text, indent=2) + "\n")


def _plain(cases: Iterable[Case]) -> Iterable[dict[str, Any]]:
    for case in cases:
        yield {
            "id": case.id,
            "violation": case.violation,
            "faults": ", ".join(map(repr, case.faults)),
            "workload": dict(case.workload),
        }


def _short(text: str, letters: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:letters]
