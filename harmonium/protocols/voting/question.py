"""What is fixed before the first ballot: who may vote, and on what."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.voting.names import listed, listed_or_none
from harmonium.protocols.voting.ties import Priority, Tie, tie_rank

__all__ = ["Question"]


@attrs.frozen
class Question:
    """Who may vote, on what, and what becomes of a tie.

    Args:
        id: Names this vote; its ballots carry it as their `round`. Give every
            vote its own id, also a second one on the same matter.
        members: All who are configured to vote, alive or not. A quorum and an
            absolute majority are measured against them.
        options: What they may vote for, at least two; None leaves it open, for
            the rules that read a single choice.
        tie: What becomes of a tie; None leaves the verdict tied.

    Raises:
        SpecError: If nobody may vote, a member or option is named twice, or
            there are fewer than two options.
    """

    id: str
    members: tuple[str, ...] = attrs.field(converter=listed)
    options: tuple[str, ...] | None = attrs.field(default=None, converter=listed_or_none)
    tie: Tie | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.members:
            self.refuse("nobody may vote", "name its members")
        if len(set(self.members)) < len(self.members):
            self.refuse("a member is named twice", "name each member once")
        if self.options is not None and len(self.options) < 2:
            self.refuse("there are fewer than two options", "name all options, or none")
        if len(set(self.options or ())) < len(self.options or ()):
            self.refuse("an option is named twice", "name each option once")

    def refuse(self, problem: str, remedy: str) -> None:
        """Raise `SpecError` with this question as its place."""
        raise SpecError(f"vote {self.id}", problem, remedy)

    def rank(self, option: str | None) -> int:
        """Return the option's place in the order of the tie policy; the smallest wins."""
        return tie_rank(self.tie, self.id, option)

    def prefers(self, one: str, other: str | None) -> bool:
        """Whether a tie of the two is sure to go to the first of them."""
        return self.rank(one) < self.rank(other)

    def candidates(self, named: Iterable[str]) -> tuple[str | None, ...]:
        """Return all that somebody could still vote for.

        Args:
            named: The options that ballots have named so far.

        Returns:
            The options; for an open question those named, those that the tie
            policy lists, and None for all that nobody has thought of yet.
        """
        if self.options is not None:
            return self.options
        listed = self.tie.options if isinstance(self.tie, Priority) else ()
        return (*dict.fromkeys((*named, *listed)), None)
