"""What surrounds a burst of runs: no log, no garbage collection in between.

A search makes thousands of systems that crash on purpose; nobody wants to
read of it. Collecting garbage after each run would cost more than the run (10
to 25 times, measured on other simulators): what was there before is frozen,
and the collector looks once in `COLLECT_EVERY` runs.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from harmonium.testing.sealed import sealed

__all__ = ["COLLECT_EVERY", "Pace", "calm", "quiet"]

COLLECT_EVERY = 250
COLLECT_AFTER = 50_000
"""Messages after which it looks, too: long runs leave more behind."""


@contextmanager
def quiet() -> Iterator[None]:
    """Switch every sink of the log off for a while; may be nested."""
    if "bind" in logger.__dict__:
        yield
        return
    core = logger._core  # type: ignore[attr-defined]
    handlers, core.handlers = core.handlers, {}
    level, core.min_level = core.min_level, float("inf")
    # Binding fields to a message that nobody will read is a tenth of a short run.
    logger.__dict__["bind"] = lambda **_: logger
    try:
        yield
    finally:
        del logger.__dict__["bind"]
        core.handlers, core.min_level = handlers, level


class Pace:
    """Collects garbage now and then."""

    def __init__(self) -> None:
        self._left = COLLECT_AFTER

    def step(self, deliveries: int = 0) -> None:
        """Count a run.

        Args:
            deliveries: How many messages arrived in it.
        """
        self._left -= COLLECT_AFTER // COLLECT_EVERY + deliveries
        if self._left <= 0:
            self._left = COLLECT_AFTER
            gc.collect()


@contextmanager
def calm() -> Iterator[Pace]:
    """Run many systems one after the other: quietly, and with the collector held back."""
    if not gc.isenabled():  # in the middle of one already
        yield Pace()
        return
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with quiet(), sealed():
            yield Pace()
    finally:
        gc.unfreeze()
        gc.enable()
