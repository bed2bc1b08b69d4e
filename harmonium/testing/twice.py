"""`differs`: whether two runs with the same choices go different ways, and where first.

A program that acts on the order of a set, on `id()`, or on state that is left
over from the run before is different each time; nothing that is found in it
can be replayed.
"""

from __future__ import annotations

from harmonium.testing.schedule import Outcome, Scene, run_once
from harmonium.testing.story import line_of
from harmonium.testing.trace import text_of

__all__ = ["Different", "differs"]


class Different(UserWarning):
    """Two runs with the same choices went different ways."""


def differs(scene: Scene) -> str:
    """Run a scene twice without faults; say where the runs differ, or nothing."""
    return _first_difference(run_once(scene), run_once(scene))


def _first_difference(one: Outcome, other: Outcome) -> str:
    a, b = list(one.world.trace.entries()), list(other.world.trace.entries())
    for first, second in zip(a, b, strict=False):
        if text_of(first) != text_of(second):
            return f"at {first.at:.3f} s: {line_of(first)!r}, and then {line_of(second)!r}"
    if len(a) != len(b):
        return f"one of them went on after {min(len(a), len(b))} entries"
    return ""
