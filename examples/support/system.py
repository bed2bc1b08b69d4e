"""The supervision tree of the example."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from examples.support.agents import Helper
from examples.support.book import Book
from examples.support.reading import TOPICS
from harmonium import DEAD_LETTER, Backoff, Budget, SupervisorSpec, supervisor
from harmonium.actors.birth import Birth
from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.routing import STICKY
from harmonium.supervisors.pool import pool

__all__ = ["Desk"]

OFTEN = 1_000_000
"""Chaos may crash every helper many times; this example never gives up on one."""


@attrs.frozen(kw_only=True)
class Desk:
    """The help desk: its tree, and the books that its helpers keep.

    Args:
        pace: Seconds that a request takes.
        helpers: Most helpers of a topic.
        room: How many requests may wait for one helper; more are shed.
        books: Every conversation, by topic.
    """

    pace: float
    helpers: int
    room: int
    books: Mapping[str, Book] = attrs.field(factory=lambda: {topic: Book() for topic in TOPICS})

    def tree(self) -> SupervisorSpec:
        """Declare the supervision tree: a pool for each topic."""
        scale = Autoscale(utilisation=0.8, depth=3.0, period=0.1, cooldown=0.2, shrink_after=0.5)
        pools = [
            pool(
                Helper,
                self.books[topic],
                self.pace,
                id=topic,
                size=(1, self.helpers),
                router=STICKY,
                key="customer",
                autoscale=scale,
                mailbox=self.room,
                overflow=DEAD_LETTER,
                max_restarts=OFTEN,
                handler_limit=1.0 + self.pace,
                backoff=Backoff(0.001, 0.01, jitter=0.2, stable_for=1.0),
            )
            for topic in TOPICS
        ]
        return supervisor(
            "desk",
            max_restarts=OFTEN,
            within=10.0,
            subtree=Budget(OFTEN, 10.0),
            children=pools,
        )

    @classmethod
    def books_of(cls, tree: SupervisorSpec) -> dict[str, Book]:
        """Find the books of a tree that was declared here."""
        pools = {one.id: one.tree for one in tree.children if one.tree is not None}
        members = {topic: one.template for topic, one in pools.items() if one.template is not None}
        births = {topic: one.start for topic, one in members.items()}
        return {topic: birth.args[0] for topic, birth in births.items() if isinstance(birth, Birth)}
