"""`Ask`: a promise of the answer to one message, with a deadline.

An asker always hears: the reply, the remote error, that the agent is dead, or
that its time is up, whichever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from harmonium.actors.promise import Promise

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.switchboard import Switchboard

__all__ = ["Ask"]

T = TypeVar("T")


class Ask(Promise[T]):
    """The answer that is on its way; `await` it or call `result()`.

    Raises (when awaited):
        AskFailed: The agent's handler raised; type, text and traceback are in it.
        AgentDead: The agent is dead, died before it answered, or never was.
        AskTimeout: The deadline passed.
        ContractError: The agent does not take this message.
    """

    __slots__ = ("incarnation", "owner", "target", "timeout")

    inward = False
    """Whether the answer stays within the agent that gives it."""

    def __init__(
        self, ground: Switchboard, owner: Cell | None, target: str | Cell, timeout: float | None
    ) -> None:
        Promise.__init__(self, ground)  # `super()` takes 80 ns
        self.owner = owner
        self.incarnation = 0 if owner is None else owner.incarnation
        self.target = target
        self.timeout = timeout

    def drop(self) -> None:
        """Settle it for nobody: no callback runs."""
        self.forget_callbacks()
        self.cancel()
