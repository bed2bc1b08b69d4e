"""The agents of the example: workers who vote, and the tally that asks and decides."""

from __future__ import annotations

from collections.abc import Mapping

from examples.votes.box import BallotBox
from examples.votes.messages import (
    AskBallot,
    BallotCast,
    ClosePoll,
    HoldVote,
    OpenPoll,
    PollClosed,
    VoteHeld,
)
from harmonium import Agent, Ask, HarmoniumError, handles
from harmonium.protocols.voting import Ballot

__all__ = ["Tally", "Worker"]

PATIENCE = 2.0
"""Seconds until a worker is asked again."""
MOST_ASKS = 50
"""How often a worker is asked in all; one that never answers is missing from the vote."""


class Worker(Agent):
    """Votes on the questions that it has answered.

    Args:
        name: Its name on the ballots.
        answers: Its answer to each question.
    """

    def __init__(self, name: str, answers: Mapping[str, str]) -> None:
        self._name = name
        self._answers = answers

    @handles
    def vote(self, query: AskBallot) -> BallotCast:
        """Vote on one question; abstain from one that it never answered."""
        answer = self._answers.get(query.question)
        ballot = Ballot(self._name, answer, abstain=answer is None, round=query.question)
        return BallotCast(ballot)


class Tally(Agent):
    """Holds one vote after another, in the order in which it is asked to.

    Args:
        box: Its book; it outlives a crash.
    """

    def __init__(self, box: BallotBox) -> None:
        self._box = box

    @handles
    def open(self, command: OpenPoll) -> None:
        """Fix the options."""
        self._box.open(command.options)

    @handles
    async def hold(self, command: HoldVote) -> VoteHeld:
        """Ask all voters at once, wait for each, and put the ballots into the box."""
        question = command.question
        if question not in self._box.ballots:
            # All are asked before the first is awaited.
            asks = [(at, self._ask_for(question, at)) for at, _ in command.voters]
            cast = [await self._ballot(question, at, ask) for at, ask in asks]
            members = [name for _, name in command.voters]
            self._box.put(question, members, [one for one in cast if one is not None])
        return VoteHeld(question, len(self._box.ballots[question]))

    @handles(blocking=True)
    def close(self, _command: ClosePoll) -> PollClosed:
        """Decide; in a thread, as learning from a whole batch takes seconds."""
        return PollClosed(self._box.close())

    def _ask_for(self, question: str, address: str) -> Ask[BallotCast]:
        return self.ask(address, AskBallot(question), timeout=PATIENCE)

    async def _ballot(self, question: str, address: str, ask: Ask[BallotCast]) -> Ballot | None:
        for _ in range(MOST_ASKS):
            try:
                return (await ask).ballot
            except HarmoniumError:  # it crashed or hung: a ballot may be asked for again
                await self.sleep(0.001)
                ask = self._ask_for(question, address)
        self.log.bind(voter=address, question=question).warning("a worker gives no ballot")
        return None
