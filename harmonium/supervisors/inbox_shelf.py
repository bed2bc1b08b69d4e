"""Where the questions of an inbox lie: in the store, and without one beside the agent.

Each question is one value of the namespace ``inbox``, under the inbox's path
and the question's id. What is over is gone a day later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harmonium.actors.store.pending import Pending
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Change, Item
from harmonium.actors.store.watching import Watch
from harmonium.protocols.codec import Codec
from harmonium.protocols.question import Question, Standing

__all__ = ["KEEP", "NAMESPACE", "Shelf", "question_of", "row_of"]

NAMESPACE = "inbox"
KEEP = 86_400.0
"""Seconds that a question stays after it is over, so that a late answer is told why it is late."""
PAGE = 1000

_CODEC = Codec([Question])


def row_of(question: Question) -> dict[str, Any]:
    """Give a question as plain data."""
    return _CODEC.to_primitive(question)


def question_of(data: Any) -> Question:
    """Make a question of plain data.

    Raises:
        CodecError: If it is none.
    """
    question: Question = _CODEC.from_primitive(data)
    return question


class Shelf:
    """The questions of one inbox.

    Args:
        store: Where they are kept.
        path: The inbox's path.
    """

    def __init__(self, store: Store, path: str) -> None:
        self._state = store.state(NAMESPACE)
        self._path = path

    async def load(self) -> dict[str, Question]:
        """Read all, by key."""
        found: dict[str, Question] = {}
        after, prefix = "", f"{self._path} "
        while True:
            page: list[Item] = await self._state.list(prefix, after=after, limit=PAGE)
            for item in page:
                question = question_of(item.data)
                found[question.key] = question
            if len(page) < PAGE:
                return found
            after = page[-1].key

    async def find(self, question: Question) -> Question:
        """Read one again; as it was if it is not there any more."""
        item: Item | None = await self._state.get(f"{self._path} {question.id}")
        return question if item is None else question_of(item.data)

    def watch(self, answered: Callable[[str], object]) -> Pending[Watch]:
        """Have ``answered(key)`` called, in a thread of the store, when an answer is written."""

        def look(change: Change) -> None:
            if change.item is not None:
                question = question_of(change.item.data)
                if question.standing is Standing.GIVEN:
                    answered(question.key)

        return self._state.watch(f"{self._path} ", look)

    def save(self, question: Question, now: float) -> Pending[int]:
        """Write one; it is kept until it is over, and then for a while."""
        left = max(question.deadline - now, 0.0) if question.standing is Standing.OPEN else 0.0
        key = f"{self._path} {question.id}"
        return self._state.put(key, row_of(question), ttl=left + KEEP)
