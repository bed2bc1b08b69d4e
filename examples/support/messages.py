"""What customers and helpers say to each other."""

from __future__ import annotations

from harmonium import field, message
from harmonium.protocols.validators import non_empty

__all__ = ["Request", "Solved"]


@message(name="support.Request")
class Request:
    """A customer asks for help; `number` is the request's place in the file."""

    number: int
    customer: str = field(validator=non_empty)
    text: str = ""


@message(name="support.Solved")
class Solved:
    """A helper's answer: who helped, and the how manyth request of this customer it was."""

    number: int
    helper: str
    turn: int
