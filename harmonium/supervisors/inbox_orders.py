"""What operators say to the inboxes of a system: of one that runs, or of one that is down.

A question is shown as plain data: its fields, its id, the path of its inbox,
and how many seconds are left.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from harmonium.actors.account import every_cell
from harmonium.actors.cell import Cell
from harmonium.actors.store.ports import Store
from harmonium.actors.store.values import Item
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.question import Question, read_answer
from harmonium.supervisors.inbox import Inbox, wall_clock
from harmonium.supervisors.inbox_messages import AnswerOutcome, Outcome
from harmonium.supervisors.inbox_shelf import NAMESPACE, PAGE, question_of, row_of
from harmonium.supervisors.system import System

__all__ = ["INBOX_ORDERS", "StoredQuestions"]

AT_ONCE = 100
"""How many questions are listed in one answer, which is a line of bounded length."""


def _told(path: str, question: Question, now: float) -> dict[str, Any]:
    row = row_of(question)["data"]
    left = max(question.deadline - now, 0.0)
    row["standing"] = question.standing.value
    return {"id": question.id, "inbox": path, **row, "left": round(left, 3)}


# -- of a system that runs


def _inboxes(cell: Cell) -> Iterator[Cell]:
    return (one for one in every_cell(cell) if isinstance(one.agent, Inbox))


async def _list(
    system: System,
    everything: bool = False,  # noqa: FBT001, FBT002
    skip: int = 0,
) -> list[dict[str, Any]]:
    found = []
    now = wall_clock(system.ground)
    for cell in tuple(_inboxes(system.ground.root)):
        questions = await system.inbox(cell.path).list(everything=everything)
        found += [_told(cell.path, one, now) for one in questions]
    return found[skip : skip + AT_ONCE]


async def _show(system: System, id: str) -> dict[str, Any] | None:
    found = []
    for cell in tuple(_inboxes(system.ground.root)):
        questions = await system.inbox(cell.path).show(id)
        found += [_told(cell.path, one, wall_clock(system.ground)) for one in questions]
    return found[0] if len(found) == 1 else None


async def _answer(
    system: System,
    id: str,
    answer: str,
    by: str = "",
    decline: bool = False,  # noqa: FBT001, FBT002
) -> dict[str, Any]:
    shown = await _show(system, id)
    if shown is None:
        return _outcome(AnswerOutcome(Outcome.REFUSED, f"no question {id!r} waits here"))
    calls = system.inbox(shown["inbox"])
    if decline:
        return _outcome(await calls.refuse(shown["key"], answer, by=by))
    return _outcome(await calls.answer(shown["key"], answer, by=by))


def _outcome(outcome: AnswerOutcome) -> dict[str, Any]:
    return {"outcome": outcome.outcome.value, "ok": outcome.ok, "why": outcome.why}


INBOX_ORDERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "inbox_list": _list,
    "inbox_show": _show,
    "inbox_answer": _answer,
}
"""Orders of the control socket."""


# -- of a system that is down


class StoredQuestions:
    """The questions that a system has left in its store.

    Args:
        store: The store, which nobody else writes to now.
    """

    def __init__(self, store: Store) -> None:
        self._state = store.state(NAMESPACE)

    def list(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """List what is open; with `everything`, what is over too."""
        now = time.time()
        return [
            _told(path, one, now) for path, one in self._all() if everything or one.is_open(now)
        ]

    def show(self, id: str) -> dict[str, Any] | None:
        """Show one question, or None if there is none."""
        found = self._find(id)
        return None if found is None else _told(*found, time.time())

    def answer(
        self, id: str, answer: str, *, by: str = "", decline: bool = False
    ) -> dict[str, Any]:
        """Write an answer; the coordinator takes it, or refuses it, when it runs again.

        Raises:
            ConfigError: If the question was answered in the meantime.
        """
        found = self._find(id)
        if found is None:
            return _outcome(AnswerOutcome(Outcome.REFUSED, f"no question {id!r} waits here"))
        path, question = found
        now = time.time()
        problem = question.late(now) or ("" if decline else _problem(question, answer))
        if problem:
            return _outcome(AnswerOutcome(Outcome.REFUSED, problem))
        self._write(path, question.given(answer, by or question.person, declined=decline))
        return _outcome(AnswerOutcome(Outcome.KEPT, "it is taken when the system runs again"))

    def _write(self, path: str, question: Question) -> None:
        key = f"{path} {question.id}"
        item = self._state.get(key).result()
        revision = None if item is None else item.revision
        written = self._state.compare_and_set(key, row_of(question), revision=revision).result()
        if written is None:
            raise ConfigError(f"question {question.id}", "somebody else has answered just now")

    def _find(self, id: str) -> tuple[str, Question] | None:
        everything = list(self._all())
        found = [one for one in everything if id in {one[1].id, one[1].key}]
        found = found or [one for one in everything if id and one[1].id.startswith(id)]
        return found[0] if len(found) == 1 else None

    def _all(self) -> Iterator[tuple[str, Question]]:
        after = ""
        while True:
            page: list[Item] = self._state.list(after=after, limit=PAGE).result()
            for item in page:
                yield item.key.rpartition(" ")[0], question_of(item.data)
            if len(page) < PAGE:
                return
            after = page[-1].key


def _problem(question: Question, answer: str) -> str:
    try:
        read_answer(answer, question.options, ())
    except ValueError as error:
        return str(error)
    return ""
