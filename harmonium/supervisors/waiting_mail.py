"""`Doorkeeper`: applies the declared policy to mail for a child that is away."""

from __future__ import annotations

from harmonium.actors.cell import NO_MAIL, Cell
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ref import Ref
from harmonium.protocols.errors import Unavailable
from harmonium.protocols.waiting import Fate, Forward, Hold, Mail, Refuse, Reply, admit

__all__ = ["Doorkeeper"]


class Doorkeeper:
    """Stands before the mailbox of one cell until its next incarnation is ready.

    Args:
        cell: Whose mailbox.
        mail: The policy.
        until: When the restart is due, on the ground's clock; None if unknown.
        cause: Why the child is away, as text.
    """

    def __init__(self, cell: Cell, mail: Mail, until: float | None, cause: str) -> None:
        self._cell = cell
        self._mail = mail
        self._until = until
        self._cause = cause
        self._kept = 0

    def stand(self) -> None:
        """Begin to look at each message that arrives."""
        cell = self._cell
        if isinstance(self._mail, Hold):
            cell.more.park = None
            return
        cell.more.park = self.take
        if cell.mailbox is not NO_MAIL:
            cell.limit = 0  # every message takes the slow way, which asks us
        if isinstance(self._mail, Refuse):
            waiting = list(cell.mailbox)
            if cell.mailbox is not NO_MAIL:
                cell.mailbox.clear()
            for envelope in waiting:
                self.take(envelope)

    def take(self, envelope: RawEnvelope) -> bool:
        """Decide about one message; True when it does not go into the mailbox."""
        fate = admit(self._mail, self._kept)
        ground, cell = self._cell.ground, self._cell
        if fate is Fate.KEEP:
            self._kept += 1
            return False
        if fate is Fate.REPLY and isinstance(self._mail, Reply):
            if envelope[2] is not None:
                ground.reply(envelope, self._mail.message)
            ground.handled += 1
        elif fate is Fate.FORWARD and isinstance(self._mail, Forward):
            to = self._mail.to
            target = to._cell if isinstance(to, Ref) else ground.registry.find(to, cell)
            if target is None or target is cell:
                ground.dead_letter(cell, envelope, "nobody to forward to", self._unavailable())
            else:
                ground.deliver(target, envelope, None)
        else:
            ground.dead_letter(cell, envelope, "agent is away", self._unavailable())
        return True

    def _unavailable(self) -> Unavailable:
        return Unavailable(self._cell.path, self._until, self._cause)
