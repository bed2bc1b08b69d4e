"""`Finding`: one thing that `check` has to say about a declared system."""

from __future__ import annotations

import attrs

__all__ = ["Finding"]


@attrs.frozen(slots=True)
class Finding:
    """One mistake or danger.

    Args:
        path: Where it is.
        rule: The name of the rule that found it.
        sentence: What is wrong, or what can happen.
        remedy: What to write instead.
    """

    path: str
    rule: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.sentence}"
        return f"{text}; {self.remedy}" if self.remedy else text
