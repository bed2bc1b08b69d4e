"""What the command line of a test run asks of chaos tests."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

import attrs

__all__ = ["OPTIONS", "Options"]


@attrs.frozen
class Options:
    """Settings of one test run.

    Args:
        seed: Where searches begin; None takes each test's own.
        replay: The id of a known failure, or faults, to run in place of a search.
        budget: Longest search for each test, in seconds; None takes each test's own.
        folder: Where known failures and diagrams are kept; None keeps none.
        node: The test that runs, as pytest names it.
    """

    seed: int | None = None
    replay: str | None = None
    budget: float | None = None
    folder: Path | None = None
    node: str = ""


OPTIONS: ContextVar[Options] = ContextVar("harmonium.testing.options", default=Options())  # noqa: B039 - it is frozen
"""The settings that hold while a test runs; the pytest plugin sets them."""
