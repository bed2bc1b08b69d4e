"""Where a search's chance comes from: a seed, or Hypothesis; 0 means that nothing happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
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

_words = Struct("<32H").unpack
_FINE = 1000


@lru_cache(maxsize=64)  # 0.3 us less for each, and a short run draws eight
def _gaps(rate: float) -> tuple[int, ...]:
    """Give a thousand gaps that are equally likely at a rate, the shortest first."""
    if rate <= 0.0:
        return (_NEVER,) * _FINE
    if rate >= 1.0:
        return (0,) * _FINE
    scale = math.log(1.0 - rate)
    return tuple(int(math.log(1.0 - drawn / _FINE) / scale) for drawn in range(_FINE))


class Seeded:
    """Chance from a seed: BLAKE2b of the seed and of the number of the block, two bytes each.

    A run draws some twenty numbers. To seed a Mersenne Twister, whose state has 624, took a
    sixtieth of a short run.

    Args:
        seed: The same seed gives the same numbers.
    """

    __slots__ = ("_block", "_seed", "_words")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._block = 0
        self._words: Iterator[int] = iter(())

    def below(self, n: int) -> int:
        """Give a number from 0 to n - 1; n is a thousand at most, for chances that are even."""
        for word in self._words:
            return word % n
        self._block = block = self._block + 1
        self._words = iter(_words(blake2b(b"%d %d" % (self._seed, block)).digest()))
        return next(self._words) % n

    def gap(self, rate: float) -> int:
        """Draw the gap at once: one number for each hit, not one for each point."""
        return _gaps(rate)[self.below(_FINE)]


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
