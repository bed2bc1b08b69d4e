"""What a dead letter looks like outside of its process, and how it becomes a message again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from harmonium.actors.cell import Cell
from harmonium.actors.context import Context
from harmonium.actors.handlers import lane_of
from harmonium.protocols.errors import CodecError, ConfigError, MalformedMessage
from harmonium.protocols.message import message
from harmonium.protocols.message_info import is_message

if TYPE_CHECKING:
    from harmonium.actors.dead_letter_values import DeadLetter
    from harmonium.actors.ground import Ground

__all__ = ["Forms", "Stored"]


@message(name="harmonium.Stored")
class Stored:
    """A message as it stands in a store, whose class nobody has looked up yet.

    Args:
        name: Its name and version on the wire.
        text: The message as JSON.
    """

    name: str
    text: str


class Forms:
    """Turns letters into JSON values and back.

    Args:
        ground: Whose agents say which classes there are.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._earlier = count(1)

    def written(self, letter: DeadLetter) -> dict[str, Any]:
        """Tell all of a letter as a JSON value."""
        envelope = letter.envelope
        return {
            "id": envelope.id,
            "reason": letter.reason,
            "detail": letter.detail,
            "attempts": letter.attempts,
            "bundle": letter.bundle,
            "message": self.packed(envelope.message),
            "envelope": {
                "sender": envelope.sender,
                "recipient": envelope.recipient,
                "correlation_id": envelope.correlation_id,
                "causation_id": envelope.causation_id,
                "idempotency_key": envelope.idempotency_key,
                "traceparent": envelope.traceparent,
            },
        }

    def packed(self, message: Any) -> dict[str, Any]:
        """Turn a message into a JSON value; what has no form gives its text."""
        if isinstance(message, Stored):
            stored: dict[str, Any] = json.loads(message.text)
            return stored
        try:
            if not is_message(message):
                raise MalformedMessage("$", "it is no message")
            return self._ground.stateful.pack(message)
        except CodecError as error:
            return {"type": type(message).__qualname__, "repr": repr(message), "why": str(error)}

    def size(self, message: Any) -> int:
        """How many bytes a message has as JSON."""
        return len(json.dumps(self.packed(message), separators=(",", ":")))

    def cell_of(self, letter: DeadLetter) -> Cell | None:
        """Find the agent that a letter was for; None when nobody stands at its path."""
        path = letter.envelope.recipient
        cell = self._ground.registry.find(path) if path.startswith("/") else None
        return cell if cell is not None and cell.alive and cell.parent is not None else None

    def message(self, letter: DeadLetter) -> Any:
        """Make the message again.

        Raises:
            CodecError: If the agent's contract has no such message.
        """
        found = letter.envelope.message
        if not isinstance(found, Stored):
            return found
        return self._ground.stateful.unpack(self._classes(letter), json.loads(found.text))

    def changed(self, letter: DeadLetter, fields: Mapping[str, Any]) -> Any:
        """Make the message with other values in some fields.

        Raises:
            ConfigError: If its class is not known here.
            CodecError: If the fields do not fit the class.
        """
        found = letter.envelope.message
        classes = self._classes(letter) if isinstance(found, Stored) else (type(found),)
        data = self.packed(found)
        if "data" not in data:
            raise ConfigError(f"dead letter {letter.id}", f"its message has no fields: {data}")
        data["data"] = {**data["data"], **fields}
        return self._ground.stateful.unpack(classes, data)

    def _classes(self, letter: DeadLetter) -> tuple[type, ...]:
        cell = self.cell_of(letter)
        if cell is None:
            raise ConfigError(
                f"dead letter {letter.id}",
                f"nobody stands at {letter.envelope.recipient}, whose contract names its class",
                "start the agent first",
            )
        agent: Any = cell.agent if cell.agent is not None else cell.birth.factory
        return tuple(agent.__table__.by_class)

    def number(self, letter: DeadLetter) -> tuple[int, str | None]:
        """Give the number that the message is sent under, and its id if that has another form."""
        prefix, id = self._ground.prefix, letter.id
        if id.startswith(prefix) and id[len(prefix) :].isdigit():
            return int(id[len(prefix) :]), None
        return -next(self._earlier), id

    def resend(self, cell: Cell, letter: DeadLetter, message: Any, number: int) -> None:
        """Send the message of a letter again: one more delivery, with the old ids.

        Raises:
            MailboxFull: If the mailbox is full and its policy is to fail.
        """
        ground, about = self._ground, letter.envelope
        sender = ground.registry.find(about.sender) if about.sender else None
        context = Context(about.correlation_id, None, about.idempotency_key, about.traceparent)
        prefix, cause = ground.prefix, about.causation_id or ""
        mine = cause.startswith(prefix) and cause[len(prefix) :].isdigit()
        envelope = (
            message,
            sender,
            None,
            number,
            int(cause[len(prefix) :]) if mine else 0,
            context,
        )
        ground.sent += 1
        ground._post_slowly(cell, envelope, lane_of(type(message)))
