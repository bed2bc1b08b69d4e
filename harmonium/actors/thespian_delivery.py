"""How a message goes from one of Thespian's actors to an actor, an agent or another system.

Objects are handed over as they are, without a copy, as in Thespian's own
in-process base. Thespian's `send` can neither wait nor fail: what a full
mailbox does not take becomes a dead letter.
"""

from __future__ import annotations

import contextlib
from threading import get_ident
from typing import TYPE_CHECKING, Any

from thespian.actors import (
    ActorExitRequest,
    ActorSystemMessage,
    ChildActorExited,
    PoisonMessage,
)
from thespian.system.messages.status import Thespian_StatusReq

from harmonium.actors.context import Context
from harmonium.actors.thespian_address import LocalAddress, ReplyAddress
from harmonium.actors.thespian_endpoint import NoAnswer
from harmonium.actors.thespian_resident import Resident
from harmonium.actors.thespian_status import status_of
from harmonium.protocols.errors import AgentDead, AskTimeout
from harmonium.protocols.lifecycle import Exit, ExitKind

if TYPE_CHECKING:
    from harmonium.actors.ask import Ask
    from harmonium.actors.cell import Cell

__all__ = ["check", "deliver", "is_agent", "is_near", "post", "question", "send"]


def send(sender: Cell, address: LocalAddress, message: Any) -> None:
    """Send for the agent or actor in `sender`, in its ground's thread.

    Raises:
        ContractError: If the receiver is an agent that does not take the message.
    """
    if isinstance(address, ReplyAddress) and address.answer(message):
        return
    cell = address.cell
    if is_agent(cell):
        _send_to_agent(sender, cell, message)
    else:
        deliver(sender, cell, message)


def deliver(sender: Cell, cell: Cell, message: Any) -> None:
    """Put a message into a mailbox; without room it is a dead letter, but for ends of actors."""
    ground = cell.ground
    if sender.ground is not ground:
        # Another system in this process. One that is closed has no loop any more.
        with contextlib.suppress(RuntimeError):
            ground.call_threadsafe(lambda: post(sender, cell, message, ground.new_context()))
        return
    if isinstance(message, ActorExitRequest | ChildActorExited) and not ground.has_room(cell):
        ground.post_surely(sender, cell, message)
        return
    context = None
    if isinstance(message, ActorSystemMessage) and sender.current is not None:
        # It is wanted even when the work that led to it has expired.
        context = Context(sender.current[5].correlation_id)
    post(sender, cell, message, context)


def is_near(sender: Cell, cell: Cell, message: Any) -> bool:
    """Whether a message can simply be posted: nearly all of them, so it is looked at first."""
    ground = sender.ground
    return (
        cell.ground is ground
        and isinstance(cell.agent, Resident)
        and not isinstance(message, ActorSystemMessage)
        and get_ident() == ground.thread_id
    )


def post(sender: Cell, cell: Cell, message: Any, context: Context | None = None) -> None:
    """Put a message into a mailbox of the sender's own ground."""
    cell.ground.post_or_bounce(sender, cell, message, None, context)


# -- to agents


def is_agent(cell: Cell) -> bool:
    """Whether an agent lives there, which has a contract, and not one of Thespian's actors."""
    return cell.agent is not None and not isinstance(cell.agent, Resident)


def check(cell: Cell, message: Any) -> None:
    """Refuse what the agent in a cell does not take; Thespian's actors take everything.

    Raises:
        ContractError: Names what the agent takes.
    """
    if is_agent(cell) and not isinstance(message, ActorExitRequest | Thespian_StatusReq):
        cell.ground.lane(cell, message, None)


def _send_to_agent(sender: Cell, cell: Cell, message: Any) -> None:
    if isinstance(message, ActorExitRequest):
        cell.ground.request_stop(cell, Exit(ExitKind.SHUTDOWN, "ActorExitRequest"))
    elif isinstance(message, Thespian_StatusReq):
        deliver(cell, sender, status_of(cell))
    elif isinstance(sender.agent, Resident) and sender.ground is cell.ground:
        _ask_agent(sender, cell, message)
    else:
        # From agent to agent it is a tell: who wants an answer asks.
        cell.ground.tell(sender if sender.ground is cell.ground else None, cell, message)


def _ask_agent(sender: Cell, cell: Cell, message: Any) -> None:
    """An agent answers whoever sent, so that an actor gets the answer as a message."""
    cell.ground.lane(cell, message, None)

    def arrived(ask: Ask[Any]) -> None:
        answer = _answer(message, ask)
        if answer is not None and sender.alive:
            deliver(cell, sender, answer)

    cell.ground.ask(sender, cell, message, timeout=None).then(arrived)  # type: ignore[arg-type]


def _answer(message: Any, ask: Ask[Any]) -> Any:
    """What an agent's answer is in Thespian's terms: a crash is poison, a death is silence."""
    error = ask.exception()
    if error is None:
        return ask.result()
    return None if isinstance(error, AgentDead | AskTimeout) else PoisonMessage(message, str(error))


# -- from outside


def question(
    endpoint: Cell, address: LocalAddress, message: Any, timeout: float | None, mark: object
) -> None:
    """Ask for a thread outside; its queue gets the answer, or that there will be none."""
    desk, cell = endpoint.agent, address.cell
    desk.expect(message, mark)
    if not is_agent(cell) or isinstance(message, ActorExitRequest | Thespian_StatusReq):
        send(endpoint, address, message)
        return

    def arrived(ask: Ask[Any]) -> None:
        answer = _answer(message, ask)
        desk.take(NoAnswer(mark) if answer is None else answer)

    cell.ground.ask(endpoint, cell, message, timeout=timeout).then(arrived)  # type: ignore[arg-type]
