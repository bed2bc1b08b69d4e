"""`Sweeps`: when expired values are deleted without being asked."""

from __future__ import annotations

from harmonium.actors.store.items import ExpireItems
from harmonium.actors.store.operations import Unit
from harmonium.actors.store.pending import Pending

__all__ = ["Sweeps"]

_MOST = 10_000
"""Values that one sweep deletes, since other writes wait meanwhile."""


class Sweeps:
    """Counts the time between sweeps; the first is due one interval after the first look.

    Args:
        every: The least time between two sweeps, in seconds.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._next: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether to sweep now; if so, the next one is an interval away."""
        due = self._next is not None and now >= self._next
        if due or self._next is None:
            self._next = now + self._every
        return due

    def unit(self) -> Unit:
        """The write that sweeps."""
        return Unit((ExpireItems(_MOST),), Pending())
