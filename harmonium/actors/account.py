"""The account: every message has exactly one fate.

`sent = handled + failed + dead + in_flight` holds at any moment. What is in
flight is counted where it is, not worked out from the other numbers, so that
a message lost by a fault of ours would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.ground import Ground

__all__ = ["Account", "every_cell", "take_account"]


@attrs.frozen(slots=True)
class Account:
    """How many messages were sent and what became of them.

    Args:
        sent: Accepted for delivery, replies included.
        handled: Their handler returned, or the asker has the reply.
        failed: Their handler raised.
        dead: Dead letters.
        in_flight: Waiting in a mailbox, in work, or under way.
    """

    sent: int
    handled: int
    failed: int
    dead: int
    in_flight: int

    @property
    def balanced(self) -> bool:
        """Whether every message is accounted for."""
        return self.sent == self.handled + self.failed + self.dead + self.in_flight


def take_account(ground: Ground) -> Account:
    """Count, in the ground's thread. Costs O(agents)."""
    in_flight = ground.in_transit + sum(_held(cell) for cell in every_cell(ground.root))
    return Account(ground.sent, ground.handled, ground.failed, ground.dead, in_flight)


def every_cell(root: Cell) -> Iterator[Cell]:
    """The cell and all below it, parents first."""
    todo = [root]
    while todo:
        cell = todo.pop()
        yield cell
        if cell.children:
            todo.extend(cell.children.values())


def _held(cell: Cell) -> int:
    count = cell.queued() + (cell.current is not None and cell.executing is None) + cell.offloop
    more = cell.more_
    if more is not None:
        count += len(more.stash) + len(more.aside)
        count += (more.retrying is not None) + (more.undecided is not None)
        count += sum(1 for execution in more.executions if execution.envelope is not None)
    return count
