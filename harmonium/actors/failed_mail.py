"""The message whose handler raised, until its fate is decided.

It is tried again, kept apart for a while, made a dead letter, or failed; each
exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.cell import NO_MAIL, RUNNING, Cell
from harmonium.protocols.errors import AgentDead, AskFailed
from harmonium.protocols.lifecycle import Phase

if TYPE_CHECKING:
    from harmonium.actors.context import RawEnvelope

__all__ = [
    "failed_message",
    "put_back",
    "quarantine_failed",
    "retry_failed",
    "set_failed_aside",
    "settle_failure",
    "unstash_failed",
    "wants_retry",
]

HANDLER = Phase.HANDLER


def failed_message(cell: Cell) -> Any:
    """Give the message of the present failure, or None if it was not about one."""
    failure = cell.more.failure
    return None if failure is None or failure[1] is None else failure[1][0]


def unstash_failed(cell: Cell, envelope: RawEnvelope) -> None:
    """What was stashed by a handler that raised then has failed, and is stashed no more."""
    stash = cell.more.stash
    for index, one in enumerate(stash):
        if one is envelope:
            del stash[index]
            cell.ground.handled += 1
            return


def wants_retry(cell: Cell, phase: Phase, envelope: RawEnvelope | None) -> bool:
    """Tell whether the message is to be tried again by the agent's own rule."""
    if envelope is None or phase is not HANDLER or not cell.birth.retries:
        return False
    if cell.more.attempts >= cell.birth.retries:
        cell.more.attempts = 0
        return False
    return True


def settle_failure(cell: Cell) -> None:
    """Give a failed message that nobody wants to try again its fate."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        error = more.failure[0] if more.failure is not None else AgentDead(cell.path)
        cell.ground.fail_message(cell, envelope, error)


def retry_failed(cell: Cell, message_id: str) -> None:
    """Have the failed message, or one set aside, handled first after the restart."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is None:
        envelope = more.aside.pop(message_id, None)
    if envelope is None:
        return
    if cell.state is RUNNING:
        more.retrying = envelope
        put_back(cell, more)
        cell.ground.schedule(cell)
    else:
        more.retrying = envelope


def put_back(cell: Cell, more: Any) -> None:
    """A message that is to be retried goes to the head of the mailbox."""
    envelope, more.retrying = more.retrying, None
    if cell.mailbox is NO_MAIL:
        cell.ground.deliver(cell, envelope, None)
    else:
        cell.mailbox.appendleft(envelope)


def set_failed_aside(cell: Cell, message_id: str) -> None:
    """Keep the failed message apart until it is tried again."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        more.aside[message_id] = envelope


def quarantine_failed(cell: Cell, detail: str, *, attempts: int = 1, bundle: str = "") -> None:
    """Make a dead letter of the message that is to blame."""
    more = cell.more
    envelope, more.undecided = more.undecided, None
    if envelope is not None:
        error = AskFailed.of(cell.path, more.failure[0]) if more.failure is not None else None
        cell.ground.dead_letter(
            cell, envelope, "poison", error, detail=detail, attempts=attempts, bundle=bundle
        )
