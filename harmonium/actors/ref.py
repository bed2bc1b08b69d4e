"""`Ref`: the only handle to an agent.

A ref stays valid for as long as the agent has a place in the tree, across any
number of restarts, and turns into a clear error once it has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.context import caller

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from harmonium.actors.ask import Ask
    from harmonium.actors.cell import Cell
    from harmonium.actors.streaming import Stream
    from harmonium.protocols.envelope import Lane
    from harmonium.protocols.reliability.policy import Policy
    from harmonium.protocols.reliability.work_budget import WorkBudget

__all__ = ["Ref"]


class Ref:
    """A handle that can be kept, compared, hashed and sent in a message."""

    __slots__ = ("__weakref__", "_cell")

    __harmonium_ref__ = True
    """Marks the class as allowed in a message field."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def id(self) -> str:
        """The agent's id under its parent."""
        return self._cell.id

    @property
    def path(self) -> str:
        """The agent's place in the tree."""
        return self._cell.path

    @property
    def alive(self) -> bool:
        """Whether the agent takes mail, now or after a restart under way."""
        return self._cell.alive

    def tell(self, message: Any, *, lane: Lane | None = None) -> Awaitable[None]:
        """Send a message and want no answer.

        Returns at once; await the result to wait for room in a full mailbox
        whose overflow policy is `WAIT`. Safe from any thread.

        Args:
            message: An instance of a `@message` class in the agent's contract.
            lane: `Lane.CONTROL` passes the user messages that wait already.

        Raises:
            ContractError: If the agent's contract does not name the message.
            MailboxFull: If the mailbox is full and its policy is `FAIL`, or
                is `WAIT` and the caller is a handler that is not async.
        """
        cell = self._cell
        accepted: Awaitable[None] = cell.ground.tell(caller(cell.ground), cell, message, lane=lane)
        return accepted

    def ask(
        self,
        message: Any,
        *,
        timeout: float = 5.0,
        idempotency_key: str | None = None,
        policy: Policy | None = None,
        work_budget: WorkBudget | None = None,
    ) -> Ask[Any]:
        """Send a message and get the answer, from the thread or loop one is in.

        Await what it returns, or call its `result(timeout)` in a plain thread.

        Args:
            message: An instance of a `@message` class in the agent's contract.
            timeout: Seconds until the asker hears `AskTimeout`. A deadline
                that the caller works under already may shorten it.
            idempotency_key: Makes repeats of the same request recognisable.
            policy: What holds for it: retries, breaker and the like. Its own
                timeout, where it has one, takes the place of `timeout`.
            work_budget: How much work the answer may cost, all that it causes included.

        Raises:
            ContractError: If the agent's contract does not name the message.
        """
        cell = self._cell
        if policy is not None or work_budget is not None:
            answer: Ask[Any] = cell.ground.ask_under(
                policy,
                caller(cell.ground),
                cell,
                message,
                timeout=timeout,
                idempotency_key=idempotency_key,
                work_budget=work_budget,
            )
            return answer
        return cell.ground.ask(
            caller(cell.ground), cell, message, timeout=timeout, idempotency_key=idempotency_key
        )

    def stream(
        self, message: Any, *, timeout: float = 5.0, idempotency_key: str | None = None
    ) -> Stream[Any]:
        """Ask, and get parts of the answer before it; see `System.stream`."""
        cell, ground = self._cell, self._cell.ground
        return ground.stream(
            caller(ground), cell, message, timeout=timeout, idempotency_key=idempotency_key
        )

    def stop(self) -> Ask[None]:
        """Ask the agent to stop; await the result to know it is gone.

        The message in work is finished, what waits in the mailbox becomes
        dead letters, children stop first. A supervisor restarts a permanent
        child that stopped by itself; to keep one down, ask the supervisor.
        """
        cell = self._cell
        return cell.ground.request_stop(cell)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other._cell is self._cell

    def __hash__(self) -> int:
        return hash(id(self._cell))

    def __reduce__(self) -> Any:
        raise TypeError(
            f"A ref ({self.path}) is bound to its system; send it in a message, whose codec "
            "turns it into its path, or keep the path."
        )

    def __repr__(self) -> str:
        return f"<Ref {self.path}>"
