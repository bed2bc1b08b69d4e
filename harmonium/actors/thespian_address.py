"""`LocalAddress`: Thespian's address of an agent or actor on one of our grounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from thespian.actors import ActorAddress

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.deferred import Deferred
    from harmonium.actors.ground import Ground

__all__ = ["SYSTEM_ID", "LocalAddress", "ReplyAddress", "system_address"]

SYSTEM_ID = "thespian"
"""The id of the administrator, at the top of a ground's tree."""


def system_address(ground: Ground) -> LocalAddress:
    """Give the administrator's address, who stands for the system itself."""
    return LocalAddress((ground.root.children or {}).get(SYSTEM_ID, ground.root))


class LocalAddress(ActorAddress):  # type: ignore[misc]
    """A cell as Thespian sees it: an opaque address that can be compared and hashed.

    Two addresses are equal when they lead to the same agent of the same
    ground, whatever incarnation it has. An address cannot be pickled: it means
    nothing outside of its process.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    @property
    def _aaddr(self) -> str:
        """What Thespian shows of an address: here the path."""
        return self.cell.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalAddress) and other.cell is self.cell

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(id(self.cell))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # A message that failed is handled again as a deep copy; its addresses stay.
        return self

    def __reduce__(self) -> Any:
        raise TypeError(f"{self} cannot be pickled: it is bound to its system in this process.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.cell.path}>"


class ReplyAddress(LocalAddress):
    """Who asked one question: the first message sent here is the answer.

    Later ones go to the asking agent, as any message does.

    Args:
        cell: The asking agent, or the root of the tree for one outside of it.
        deferred: The answer that is owed.
    """

    def __init__(self, cell: Cell, deferred: Deferred) -> None:
        super().__init__(cell)
        self._deferred: Deferred | None = deferred

    def answer(self, message: Any) -> bool:
        """Give the answer; False when it was given already."""
        deferred, self._deferred = self._deferred, None
        if deferred is not None:
            deferred.reply(message)
        return deferred is not None

    def fail(self, error: BaseException) -> None:
        """Tell the asker that there will be no answer, unless it has one."""
        deferred, self._deferred = self._deferred, None
        if deferred is not None:
            deferred.fail(error)
