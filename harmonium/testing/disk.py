"""`SimDisk`: the disk under a simulated store: slow, full, or torn where the choices say so.

Only what was synced is there after a loss of power. Of the write during which
power failed, a part may be there: the store must cope with it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import Any

from harmonium.actors.simulated import SimulatedGround
from harmonium.testing.faults import FullStore, SlowStore, TornWrite

__all__ = ["SYNC", "SimDisk"]

SYNC = 0.002
"""Virtual seconds that a sync takes at least."""


class SimDisk:
    """A disk in virtual time; see `harmonium.actors.store.disk.Disk`.

    Args:
        ground: Whose time it is.
        name: The store's name, as faults know it.
        writes: Asked about the n-th write: gives the faults that befall it.
        power: Called when power fails.
    """

    def __init__(
        self,
        ground: SimulatedGround,
        name: str,
        writes: Callable[[str, int], Iterable[Any]],
        power: Callable[[], None],
    ) -> None:
        self.name = name
        self._ground = ground
        self._writes = writes
        self._power = power
        self._number = 0
        self._durable: list[bytes] = []
        self._pending: list[bytes] = []
        self._slow = 0.0
        self._life = 0

    def append(self, record: bytes) -> None:
        """Take a record into the cache.

        Raises:
            OSError: If the disk is full.
        """
        self._number += 1
        self._slow = 0.0
        for fault in self._writes(self.name, self._number):
            match fault:
                case FullStore():
                    raise OSError(errno.ENOSPC, "no space left on device (a fault)")
                case SlowStore():
                    self._slow += fault.secs
                case TornWrite():
                    kept = int(len(record) * fault.kept)
                    self._durable += [*self._pending, *([record[:kept]] if kept else [])]
                    self._pending.clear()
                    self._life += 1
                    self._ground.timers.add(self._ground.time, self._power)
                    return
        self._pending.append(record)

    def sync(self, done: Callable[[OSError | None], None]) -> None:
        """Make durable what was appended, after its time; never if power fails before."""
        life = self._life

        def synced() -> None:
            if life == self._life:
                self._durable += self._pending
                self._pending.clear()
                done(None)

        self._ground.timers.add(self._ground.time + SYNC + self._slow, synced)

    def lose_power(self) -> None:
        """Forget what was not synced."""
        self._pending.clear()
        self._life += 1

    def records(self) -> Iterable[bytes]:
        """Give what is there."""
        return list(self._durable)

    def truncate(self, records: int) -> None:
        """Drop what comes after so many records."""
        del self._durable[records:]
