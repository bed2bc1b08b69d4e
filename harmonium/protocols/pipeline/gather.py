"""How many replies of a topic make a result."""

from __future__ import annotations

import attrs

from harmonium.protocols.checks import check_count

__all__ = ["Gather"]


@attrs.frozen(slots=True)
class Gather:
    """How many replies of a topic make a step's result.

    The result is a tuple of the replies, in the order in which they came.

    Args:
        want: The step is done with this many; None means one of each subscriber.
        least: With fewer at the timeout the step fails, with error
            ``TooFewReplies``.
    """

    want: int | None = None
    least: int = 1

    def __attrs_post_init__(self) -> None:
        check_count("Gather.least", self.least)
        if self.want is not None:
            check_count("Gather.want", self.want, least=max(1, self.least))
