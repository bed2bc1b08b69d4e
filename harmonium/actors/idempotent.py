"""`Idempotent`: what makes repeats of a request to one handler one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from harmonium.actors.inbox import once
from harmonium.protocols.errors import HandlerError
from harmonium.protocols.reliability.idempotency import InboxPolicy

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import RawEnvelope
    from harmonium.actors.handlers import Handler

__all__ = ["DEFAULT_INBOX", "Idempotent", "idempotent_of"]

DEFAULT_INBOX = InboxPolicy(runs=3, keep_failures=False)
"""What `@handles(idempotent=True)` means: three runs, and a final failure frees the key."""


@attrs.frozen(slots=True)
class Idempotent:
    """How one handler tells repeats of a request.

    Args:
        field: The field of the message that is the key; None takes the
            envelope's idempotency key.
        policy: How much is remembered, for how long, and how often a request is run.
    """

    field: str | None
    policy: InboxPolicy

    def once(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> bool:
        """Take a message for the handler; False when it is to be handled now.

        The scheduler comes here, so that it needs no inboxes before a handler does.
        """
        return once(cell, handler, envelope)

    def check(self, place: str, accepted: tuple[type, ...], answers: frozenset[type]) -> None:
        """Refuse a handler that cannot be idempotent.

        Raises:
            HandlerError: If a message it takes has no such field, or if it names
                no answers that could be kept.
        """
        if object in answers:
            raise HandlerError(
                place,
                "an idempotent handler answers with object",
                "name the classes of its answers",
            )
        for cls in accepted:
            if self.field is not None and not hasattr(cls, self.field):
                raise HandlerError(
                    place,
                    f"{cls.__qualname__} has no field {self.field!r}",
                    "name a field of the message as idempotent=, or True for the envelope's key",
                )


def idempotent_of(
    place: str,
    idempotent: bool | str,  # noqa: FBT001 - the option as it is given
    inbox: InboxPolicy | None,
) -> Idempotent | None:
    """Read the options of `@handles`.

    Raises:
        HandlerError: If they are of another kind, or contradict each other.
    """
    wrong: Any = inbox is not None and not isinstance(inbox, InboxPolicy)
    if wrong or not (isinstance(idempotent, bool) or (idempotent and isinstance(idempotent, str))):
        raise HandlerError(
            place,
            "idempotent= and inbox= are of another kind",
            "give True or the name of a field, and an InboxPolicy",
        )
    if not idempotent:
        if inbox is not None:
            raise HandlerError(place, "inbox= is for an idempotent handler", "add idempotent=True")
        return None
    return Idempotent(idempotent if isinstance(idempotent, str) else None, inbox or DEFAULT_INBOX)
