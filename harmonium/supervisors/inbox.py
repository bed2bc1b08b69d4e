"""`inbox`: where questions wait for a person or a group, and how they are answered.

A coordinator that comes to a person's rung puts the question here. Whoever
answers, on the command line, in the embedding program or behind a gateway,
says it to this agent, which asks the coordinator whether it takes the answer.
The first valid answer wins; a later one is refused, and on record.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from harmonium.actors.agent import Agent
from harmonium.actors.ask import Ask
from harmonium.actors.cell import Cell
from harmonium.actors.ground import Ground
from harmonium.actors.handlers import handles
from harmonium.actors.simulated import SimulatedGround
from harmonium.actors.store.opening import open_store
from harmonium.actors.store.watching import Watch
from harmonium.protocols.errors import AskFailed, HarmoniumError
from harmonium.protocols.message import evolve, message
from harmonium.protocols.question import Question, Questions, Standing, answer_text, read_answer
from harmonium.supervisors.inbox_messages import (
    AnswerOutcome,
    AnswerQuestion,
    AnswerTaken,
    ListQuestions,
    Outcome,
    PutQuestion,
    ShowQuestion,
    TakeAnswer,
    WithdrawQuestion,
)
from harmonium.supervisors.inbox_shelf import KEEP, Shelf
from harmonium.supervisors.spec import ChildSpec, child

__all__ = ["CALL", "Bring", "Inbox", "InboxCalls", "inbox", "wall_clock"]

_ANSWERED = {Standing.GIVEN, Standing.TAKEN}

PATIENCE = 5.0
"""Seconds until a coordinator counts as not running: the answer is kept for it."""
CALL = 2 * PATIENCE
"""Seconds that a call of an inbox may take."""


@message
class Bring:
    """Bring an answer that lies here to its coordinator."""

    key: str


class Inbox(Agent):
    """Keeps the questions of one person or group.

    With a store they survive the process; without one, a crash of this agent.
    """

    def __init__(self) -> None:
        self._questions: dict[str, Question] = {}
        self._watch: Watch | None = None

    async def started(self) -> None:
        """Read what was asked before, and bring the answers that were not taken yet."""
        more, ground = self._cell.more, self._cell.ground
        store = ground.store
        if store is None:  # what outlives an incarnation, but not the process
            now = partial(wall_clock, ground)
            store = more.legacy = more.legacy or open_store("memory:", now=now)
        self._shelf = Shelf(store, self.path)
        self._questions = await self._shelf.load()
        for question in self._questions.values():
            if question.standing is Standing.GIVEN:
                self.tell(self.ref, Bring(question.key))
        if ground.store is not None:
            self._watch = await self._shelf.watch(self._answered)

    def stopped(self) -> None:
        """Look no more at what others write."""
        if self._watch is not None:
            self._watch.close()

    def _answered(self, key: str) -> None:
        """Hear, in a thread of the store, that somebody has written an answer."""
        cell = self._cell
        cell.ground.call_threadsafe(lambda: _tell(cell, Bring(key)))

    @handles
    async def put(self, command: PutQuestion) -> None:
        """Take a question; one that has its answer already is answered at once."""
        now = self._now()
        self._forget(now)
        known = self._questions.get(command.question.key)
        if known is not None and known.standing in _ANSWERED:
            self.reply(None)
            await self._bring(known)
            return
        question = evolve(
            command.question,
            asked_at=now if known is None else known.asked_at,
            deadline=now + command.within,
        )
        await self._save(question)

    @handles
    async def withdraw(self, command: WithdrawQuestion) -> None:
        """Close a question that nobody waits for."""
        question = self._questions.get(command.key)
        if question is not None and question.standing is Standing.OPEN:
            await self._save(question.closed(command.why))

    @handles
    def list(self, query: ListQuestions) -> Questions:
        """List what is open, the oldest first."""
        now = self._now()
        found = (q for q in self._questions.values() if query.everything or q.is_open(now))
        return Questions(tuple(sorted(found, key=lambda one: (one.asked_at, one.key))))

    @handles
    def show(self, query: ShowQuestion) -> Questions:
        """Give the question of this id, or none."""
        question = self._find(query.id)
        return Questions(() if question is None else (question,))

    @handles
    async def answer(self, command: AnswerQuestion) -> AnswerOutcome:
        """Take an answer to its coordinator; it is kept before, so that no crash loses it."""
        question = self._find(command.id)
        if question is None:
            return AnswerOutcome(Outcome.REFUSED, f"no question {command.id!r} waits here")
        by = command.by or question.person
        given = question.given(command.answer, by, declined=command.decline)
        late = question.late(self._now())
        if late:
            await self._ask_taken(given)  # it is refused there, and on record
            return AnswerOutcome(Outcome.REFUSED, late)
        problem = "" if command.decline else _problem(question, command.answer)
        if problem:
            return AnswerOutcome(Outcome.REFUSED, problem)
        await self._save(given)
        return await self._bring(given)

    @handles
    async def bring(self, command: Bring) -> None:
        """Bring an answer of before a restart, or one that another process wrote."""
        question = self._questions.get(command.key)
        if question is not None and question.standing is Standing.OPEN:
            question = self._questions[command.key] = await self._shelf.find(question)
        if question is not None and question.standing is Standing.GIVEN:
            await self._bring(question, again=True)

    async def _bring(self, given: Question, *, again: bool = False) -> AnswerOutcome:
        taken = await self._ask_taken(given)
        if taken is None:
            return AnswerOutcome(Outcome.KEPT, f"{given.asker} does not run now")
        if not taken.problem:
            await self._save(evolve(given, standing=Standing.TAKEN))
            return AnswerOutcome(Outcome.TAKEN)
        if not taken.is_late:
            await self._save(given.reopened(taken.problem))
        elif not again:  # after a restart it may ask again, and then takes it
            await self._save(given.closed(taken.problem))
        return AnswerOutcome(Outcome.REFUSED, taken.problem)

    async def _ask_taken(self, given: Question) -> AnswerTaken | None:
        take = TakeAnswer(
            given.key, given.correlation_id, given.step, given.answer, given.by, given.declined
        )
        try:
            taken: AnswerTaken = await self.ask(given.asker, take, timeout=PATIENCE)
        except HarmoniumError as error:
            if isinstance(error, AskFailed):
                return AnswerTaken(f"{given.asker} failed on it: {error.text}")
            return None
        return taken

    async def _save(self, question: Question) -> None:
        """Keep it, in the store first."""
        await self._shelf.save(question, self._now())
        self._questions[question.key] = question

    def _find(self, id: str) -> Question | None:
        if id in self._questions:
            return self._questions[id]
        found = [one for one in self._questions.values() if id and one.id.startswith(id)]
        return found[0] if len(found) == 1 else None

    def _forget(self, now: float) -> None:
        """Drop what was over long ago."""
        for key, question in list(self._questions.items()):
            if question.deadline + KEEP < now:
                del self._questions[key]

    def _now(self) -> float:
        return wall_clock(self._cell.ground)


def _tell(cell: Cell, message: Any) -> None:
    if cell.alive and cell.ground.open:
        cell.ground.post_or_bounce(None, cell, message, None)


def wall_clock(ground: Ground) -> float:
    """Give seconds of a clock that goes on after a restart; virtual in simulation."""
    return ground.clock() if isinstance(ground, SimulatedGround) else time.time()


def _problem(question: Question, answer: str) -> str:
    """Say what can be seen to be wrong without the coordinator."""
    try:
        read_answer(answer, question.options, ())
    except ValueError as error:
        return str(error)
    return ""


class InboxCalls:
    """The calls of one inbox for the program around the system; each gives a promise.

    Await it, or call ``result()`` in a plain thread.

    Args:
        ask: Asks the inbox.
    """

    def __init__(self, ask: Callable[[Any], Ask[Any]]) -> None:
        self._ask = ask

    def list(self, *, everything: bool = False) -> Ask[Questions]:
        """List the questions that are open; with `everything`, what is over too."""
        return self._ask(ListQuestions(everything))

    def show(self, id: str) -> Ask[Questions]:
        """Give the question of this id, as a list of one; an empty list if there is none."""
        return self._ask(ShowQuestion(id))

    def answer(self, id: str, answer: Any, *, by: str = "") -> Ask[AnswerOutcome]:
        """Answer a question.

        Args:
            id: Its id, the beginning of its id, or its key.
            answer: A text; where the question expects a type, JSON text or
                an instance of the message class.
            by: Who answers; the inbox's person if not given.

        Returns:
            Whether it was taken, or why it was refused: it is late, it is not
            valid, there is no such question.
        """
        text = answer if isinstance(answer, str) else answer_text(answer)
        return self._ask(AnswerQuestion(id, text, by))

    def refuse(self, id: str, why: str = "", *, by: str = "") -> Ask[AnswerOutcome]:
        """Decline to answer: the next rung of the ladder is asked at once."""
        return self._ask(AnswerQuestion(id, why, by, decline=True))


def inbox(id: str, **options: Any) -> ChildSpec:
    """Declare the inbox of a person or a group as a child.

    Args:
        id: Its id, which a ``PersonRung`` names.
        **options: As for `child`.
    """
    return child(Inbox, id=id, **options)
