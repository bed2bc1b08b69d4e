"""`Ownership`: of all processes on one store, one runs a coordinator.

The lease says who; its fencing token goes with every write, so that whoever
lost the lease can write nothing more, however late it notices. (Kleppmann, "How
to do distributed locking", 2016.)

A process that was killed leaves its lease behind. On the same machine the
successor sees that the process is gone and takes over at once; from another
machine it has to wait until the lease has run out.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from harmonium.actors.cell import Cell
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Fence, Lease
from harmonium.actors.timers import Timer
from harmonium.protocols.errors import ConfigError, StoreError

__all__ = ["TTL", "Ownership"]

TTL = 6.0
"""Seconds after which another machine may take over from a process that renews no more."""

RENEWALS = 3
"""How often a lease is renewed in the time it lives."""


class Ownership:
    """The right of one agent to be the only one of its path on a store.

    Args:
        cell: The agent's cell.
        store: The store.
    """

    def __init__(self, cell: Cell, store: Store) -> None:
        self._cell = cell
        self._agent = cell.agent
        self._store = store
        self._name = f"coordinator:{cell.path}"
        self._timer: Timer | None = None
        self.lease: Lease | None = None

    @property
    def fence(self) -> Fence | None:
        """What every write carries."""
        return None if self.lease is None else self.lease.fence

    async def acquire(self) -> Lease:
        """Become the only one.

        Raises:
            ConfigError: If another process that lives runs this coordinator.
        """
        leases, me = self._store.leases, _name_of(self._cell)
        lease = await leases.acquire(self._name, me, TTL)
        if lease is None:
            held = await leases.holder(self._name)
            if held is not None and _is_gone(held.holder):
                await leases.release(held)
            lease = await leases.acquire(self._name, me, TTL)
        if lease is None:
            held = await leases.holder(self._name)
            who = "another process" if held is None else _describe(held.holder)
            raise ConfigError(
                self._cell.path,
                f"{who} runs this coordinator on the same store",
                f"stop it (after a crash on another machine wait {TTL:g} s), or use another store",
            )
        self.lease = lease
        self._renew_later()
        return lease

    def release(self) -> None:
        """Give the right back; what was handed over to the store before comes first."""
        if self._timer is not None:
            self._timer.cancel()
        if self.lease is not None:
            self._store.leases.release(self.lease)
            self.lease = None

    def _renew_later(self) -> None:
        self._timer = self._cell.ground.after(TTL / RENEWALS, self._renew)

    def _renew(self) -> None:
        if self.lease is None or self._cell.agent is not self._agent:
            return  # an incarnation that was killed gives nothing back; the next one acquires
        # A renewal that is refused needs no answer: the next write is refused as well.
        with contextlib.suppress(StoreError):
            self._store.leases.renew(self.lease, TTL)
        self._renew_later()


# -- who is who


def _name_of(cell: Cell) -> str:
    """Name the machine, the process and the ground, all incarnations of the agent alike."""
    pid = os.getpid()
    return " ".join((_machine(), str(pid), _started(pid), f"{id(cell.ground):x}"))


def _machine() -> str:
    """Name the machine; a container has process ids of its own and is another one."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # no Linux
        space = 0
    return f"{(platform.node() or 'localhost').replace(' ', '-')}/{space}"


def _started(pid: int) -> str:
    """Say when a process began, since its id is given again; a dash where nobody knows."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except (OSError, ValueError):
        return "-"
    return after_name.split()[19]  # field 22, counted from the one behind the name


def _is_gone(holder: str) -> bool:
    """Whether the process that held a lease is known to be dead."""
    match holder.split(" "):
        case [machine, pid, started, _] if machine == _machine() and pid.isdecimal():
            return not _lives(int(pid)) or _started(int(pid)) != started
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _describe(holder: str) -> str:
    machine, _, rest = holder.partition(" ")
    return f"process {rest.partition(' ')[0]} on {machine.partition('/')[0]}"
