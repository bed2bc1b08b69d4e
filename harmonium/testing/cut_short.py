"""`CutShort`: a coroutine that ends in the middle, as a process that dies does."""

from __future__ import annotations

from typing import Any

__all__ = ["CutShort"]


class CutShort:
    """Runs a coroutine up to one of its suspensions, closes it there and raises.

    Whatever it sent by then is sent. Its `finally` blocks run, its `except`
    blocks do not see the error: a crash cannot be handled by what crashed.

    Args:
        coroutine: What to run.
        passes: How many suspensions it gets past.
        error: What is raised at the next one, or at its end if it ends before.
    """

    def __init__(self, coroutine: Any, passes: int, error: Exception) -> None:
        self._coroutine = coroutine
        self._passes = passes
        self._error = error

    def send(self, value: Any) -> Any:
        """Go on to the next suspension."""
        return self._advance(self._coroutine.send, value)

    def throw(self, error: BaseException) -> Any:
        """Go on with an error to the next suspension."""
        return self._advance(self._coroutine.throw, error)

    def _advance(self, step: Any, value: Any) -> Any:
        try:
            awaited = step(value)
        except StopIteration:
            raise self._error from None
        if self._passes:
            self._passes -= 1
            return awaited
        self._coroutine.close()
        raise self._error

    def close(self) -> None:
        """End it without a word."""
        self._coroutine.close()
