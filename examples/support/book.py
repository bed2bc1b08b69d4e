"""`Book`: what helpers did, kept outside of them, so that a crash forgets nothing."""

from __future__ import annotations

from collections import Counter, defaultdict

import attrs

__all__ = ["Book"]


@attrs.define
class Book:
    """Every conversation, in the order it was worked on.

    Args:
        turns: The numbers of the requests of each customer, as they were begun.
        helper: Who helped each customer last.
        moves: How often a conversation went to another helper.
        clashes: When two helpers worked for one customer at once.
    """

    turns: defaultdict[str, list[int]] = attrs.field(factory=lambda: defaultdict(list))
    helper: dict[str, str] = attrs.field(factory=dict)
    moves: int = 0
    clashes: list[str] = attrs.field(factory=list)
    solved: Counter[str] = attrs.field(factory=Counter)
    _at_work: dict[str, str] = attrs.field(factory=dict)

    def begin(self, customer: str, number: int, helper: str) -> int:
        """Note that a helper begins a request; gives the how manyth it is."""
        other = self._at_work.get(customer)
        if other is not None:
            self.clashes.append(f"{helper} and {other} both work for {customer}")
        self._at_work[customer] = helper
        if self.helper.setdefault(customer, helper) != helper:
            self.helper[customer] = helper
            self.moves += 1
        self.turns[customer].append(number)
        return len(self.turns[customer])

    def end(self, customer: str) -> None:
        """Note that the request in work is finished, whatever came of it."""
        helper = self._at_work.pop(customer, None)
        if helper is not None:
            self.solved[helper] += 1

    def out_of_order(self) -> list[str]:
        """Name the customers whose requests were not worked on in the order they came."""
        return [customer for customer, turns in self.turns.items() if turns != sorted(turns)]
