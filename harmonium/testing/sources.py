"""Where a search's chance comes from: a seed, or Hypothesis; 0 means that nothing happens."""

from __future__ import annotations

import math
from _random import Random
from collections.abc import Callable
from typing import Protocol

__all__ = ["Drawn", "Seeded", "Source"]


class Source(Protocol):
    """Gives small numbers."""

    def below(self, n: int) -> int:
        """Give a number from 0 to n - 1."""
        ...

    def gap(self, rate: float) -> int:
        """Give how many points are passed before the next hit at this rate."""
        ...


_NEVER = 1 << 60


class Seeded:
    """Chance from a seed.

    Args:
        seed: The same seed gives the same numbers.
    """

    def __init__(self, seed: int) -> None:
        # The core of `random.Random`: the same numbers, without two calls in Python.
        self._random = Random(seed).random

    def below(self, n: int) -> int:
        """Give a number from 0 to n - 1."""
        return int(self._random() * n)

    def gap(self, rate: float) -> int:
        """Draw the gap at once: one number for each hit, not one for each point."""
        if rate <= 0.0:
            return _NEVER
        if rate >= 1.0:
            return 0
        return int(math.log(1.0 - self._random()) / math.log(1.0 - rate))


class Drawn:
    """Chance from Hypothesis, which then shrinks it.

    Args:
        integer: Draws an integer between two bounds, both included.
    """

    def __init__(self, integer: Callable[[int, int], int]) -> None:
        self._integer = integer

    def below(self, n: int) -> int:
        """Draw a number from 0 to n - 1; shrinks towards 0."""
        return self._integer(0, n - 1) if n > 1 else 0

    def gap(self, rate: float) -> int:
        """Draw a gap; 0 stands for no further hit, so that shrinking leaves faults out."""
        if rate <= 0.0:
            return _NEVER
        drawn = self._integer(0, max(2, int(3.0 / rate)))
        return _NEVER if drawn == 0 else drawn - 1
