"""What becomes of a tie: a seeded draw, a priority, or somebody else's word.

A policy is an order of the options: the tied option that stands first in it
wins. Options that the order does not tell apart stay tied. As the order does
not depend on the ballots, an early decision can reckon with it exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.stable_hash import stable_hash
from harmonium.protocols.voting.names import listed

__all__ = ["Escalate", "Priority", "SeededDraw", "Tie", "tie_rank"]


@attrs.frozen
class SeededDraw:
    """Let chance decide, repeatably: the same seed and question draw the same order.

    Each option's place is a hash of seed, question and option: as good as a
    shuffle to anybody who does not know the seed, independent between
    questions, and the same on every machine.

    Args:
        seed: Any whole number.

    Example:
        >>> draw = SeededDraw(7)
        >>> sorted(["a", "b", "c"], key=lambda option: tie_rank(draw, "q1", option))
        ['b', 'c', 'a']
    """

    seed: int


def _order(options: Iterable[str]) -> tuple[str, ...]:
    order = listed(options)
    if len(set(order)) < len(order):
        raise SpecError("Priority", "an option is named twice", "name each option once")
    return order


@attrs.frozen
class Priority:
    """Prefer the tied option that comes first in a list.

    Options that the list leaves out come after all that it names, and stay
    tied among themselves.

    Args:
        options: The order, best first.

    Raises:
        SpecError: If an option is named twice.
    """

    options: tuple[str, ...] = attrs.field(converter=_order)


@attrs.frozen
class Escalate:
    """Leave the tie to somebody: the verdict is tied and says whom to ask.

    Args:
        to: The agent, or the rung of an escalation ladder, to ask.
    """

    to: str


Tie = SeededDraw | Priority | Escalate
"""What becomes of a tie. Without a policy the verdict is tied, and that is all."""


def tie_rank(tie: Tie | None, question: str, option: str | None) -> int:
    """Return the option's place in the policy's order; the smallest wins.

    Args:
        tie: The policy, or None.
        question: Id of the question, which a draw is salted with.
        option: The option; None stands for one that nobody has named yet, and
            gets the best place that such an option could have. For a priority
            that is the place of all that the list leaves out.
    """
    if isinstance(tie, SeededDraw):
        return -1 if option is None else stable_hash((tie.seed, question, option))
    if isinstance(tie, Priority):
        return tie.options.index(option) if option in tie.options else len(tie.options)
    return 0
