"""A world that carries out a machine's effects, with agents that misbehave by plan.

It keeps the interpreter's promises (a send is reported on within its timeout)
and breaks whatever else can break: replies come late, twice, wrong or never.
While it runs it checks what must hold at every moment.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from random import Random
from typing import Any

import attrs

from harmonium.protocols.decision_log import Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.machine import advance, replay
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import Phase, RequestState, Spread, Status


@attrs.frozen
class Order:
    id: str = "o1"
    lines: tuple[str, ...] = ("a", "b", "c")


@attrs.frozen
class Work:
    text: str = ""


@attrs.frozen
class Done:
    text: str = ""


@attrs.frozen
class Refused:
    text: str = ""


TIMEOUT = Failure("AskTimeout", "no reply", ("AskTimeout", "AskError", "TimeoutError"))
DEAD = Failure("AgentDead", "killed", ("AgentDead", "DeliveryError"))
FULL = Failure("MailboxFull", "full", ("MailboxFull", "DeliveryError"), in_doubt=False)


@attrs.define
class Chances:
    """How often, of 100, each thing happens to a send."""

    silent: int = 8
    dead: int = 8
    full: int = 5
    refuses: int = 8
    wrong: int = 5
    twice: int = 10
    late: int = 10
    undo_fails: int = 20
    slowest: float = 3.0

    @classmethod
    def none(cls) -> Chances:
        return cls(0, 0, 0, 0, 0, 0, 0, 0)


class World:
    """One request, its agents, its clock, and all that was seen."""

    def __init__(
        self,
        pipeline: Pipeline[Any, Any],
        random: Random | None = None,
        chances: Chances | None = None,
        *,
        id: str = "r1",
    ) -> None:
        self.random = random or Random(0)
        self.chances = chances or Chances()
        self.pipeline = pipeline
        self.start = self.state = RequestState.new(pipeline, id)
        self.now = 0.0
        self.queue: list[tuple[float, int, ev.Event]] = []
        self.number = itertools.count()
        self.timers: dict[str, float] = {}
        self.history: list[tuple[ev.Event, float]] = []
        self.effects: list[ef.Effect] = []
        self.sends: list[ef.Send] = []
        self.undos: list[ef.Undo] = []
        self.confirmed: list[str] = []
        self.saga_order: list[str] = []
        self.ends: list[tuple[float, ef.Finish | ef.FailRequest]] = []
        self.partials: list[ef.Partial] = []

    # --- Running ----------------------------------------------------------

    def begin(self, request: Any = None, *, deadline: float | None = None, stream: bool = False):
        self.happen(ev.Begun(Order() if request is None else request, deadline, stream))
        return self

    def happen(self, event: ev.Event) -> tuple[ef.Effect, ...]:
        before = self.state
        self.history.append((event, self.now))
        self.state, effects = advance(before, event, self.now)
        self._watch(before, effects)
        for effect in effects:
            self._carry_out(effect)
        return effects

    def run(self, *, until: float = 1e9, limit: int = 100_000) -> World:
        """Let everything happen that is planned, in the order of time."""
        for _ in range(limit):
            if not self.queue or self.queue[0][0] > until:
                return self
            self.step()
        raise AssertionError("it goes on for ever")

    def step(self) -> None:
        at, _, event = heapq.heappop(self.queue)
        self.now = max(self.now, at)
        if isinstance(event, ev.TimerFired) and self.timers.pop(event.token, None) is None:
            return
        self.happen(event)

    def crash(self) -> None:
        """Lose all that is in flight and in memory, and come back from the log."""
        self.queue = [one for one in self.queue if isinstance(one[2], ev.Cancelled)]
        self.timers.clear()
        self.state = self.replayed(len(self.history))
        self.happen(ev.RestoredFromLog())

    def plan(self, event: ev.Event, after: float = 0.0) -> None:
        heapq.heappush(self.queue, (self.now + after, next(self.number), event))

    # --- The interpreter and the agents -----------------------------------

    def _carry_out(self, effect: ef.Effect) -> None:
        match effect:
            case ef.Send():
                self._answer(effect, ev.Replied, ev.Failed, Done(effect.step))
            case ef.Undo():
                self._undo(effect)
            case ef.Publish():
                self._publish(effect)
            case ef.AskBallots():
                self._poll(effect)
            case ef.AskPerson():
                if self._luck(50):
                    answer = effect.options[0] if effect.options else "yes"
                    self.plan(ev.Answered(effect.step, effect.attempt, answer, "ann"), self._wait())
            case ef.SetTimer():
                self.timers[effect.token] = effect.at
                self.plan(ev.TimerFired(effect.token), max(0.0, effect.at - self.now))
            case ef.CancelTimer() if self._luck(90):
                self.timers.pop(effect.token, None)  # else it fires all the same
            case _:
                pass

    def _luck(self, chance: int) -> bool:
        return self.random.randrange(100) < chance

    def _wait(self) -> float:
        return self.random.random() * self.chances.slowest

    def _answer(self, effect: Any, replied: Any, failed: Any, good: Any) -> None:
        name, attempt, chances = effect.step, effect.attempt, self.chances
        reply: Any = good
        if self._luck(chances.silent):
            self.plan(failed(name, attempt, TIMEOUT), effect.timeout)
            return
        for chance, failure in ((chances.dead, DEAD), (chances.full, FULL)):
            if self._luck(chance):
                self.plan(failed(name, attempt, failure), min(self._wait(), effect.timeout))
                return
        if self._luck(chances.refuses):
            reply = Refused(name)
        elif self._luck(chances.wrong):
            reply = Work("wrong")
        wait = self._wait()
        if wait > effect.timeout:
            self.plan(failed(name, attempt, TIMEOUT), effect.timeout)
            if self._luck(chances.late):
                self.plan(replied(name, attempt, reply, "late"), wait)
            return
        self.plan(replied(name, attempt, reply, effect.to), wait)
        if self._luck(chances.twice):
            self.plan(replied(name, attempt, reply, effect.to), wait + self._wait())

    def _undo(self, effect: ef.Undo) -> None:
        self.undos.append(effect)
        if self._luck(self.chances.undo_fails):
            failure = self.random.choice([TIMEOUT, DEAD])
            self.plan(ev.UndoFailed(effect.step, effect.attempt, failure), effect.timeout)
        else:
            self.plan(ev.UndoReplied(effect.step, effect.attempt, Done("undone")), self._wait())
            if self._luck(self.chances.twice):
                self.plan(ev.UndoReplied(effect.step, effect.attempt, Done("again")), self._wait())

    def _publish(self, effect: ef.Publish) -> None:
        count = self.random.randrange(5)
        self.plan(ev.Reached(effect.step, effect.attempt, count), self._wait())
        for number in range(count):
            if not self._luck(self.chances.silent):
                said = ev.Replied(effect.step, effect.attempt, Done(str(number)), f"/s/{number}")
                self.plan(said, self._wait())
                if self._luck(self.chances.twice):
                    self.plan(said, self._wait())

    def _poll(self, effect: ef.AskBallots) -> None:
        voters = effect.among if isinstance(effect.among, tuple) else ("v1", "v2", "v3")
        if isinstance(effect.among, str):
            self.plan(ev.Polled(effect.step, effect.attempt, voters))
        for voter in voters:
            if self._luck(self.chances.dead):
                self.plan(ev.VoterGone(effect.step, effect.attempt, voter, DEAD), self._wait())
            elif not self._luck(self.chances.silent):
                cast = ev.BallotCast(effect.step, effect.attempt, voter, self._luck(60))
                self.plan(cast, self._wait())
                if self._luck(self.chances.twice):
                    self.plan(cast, self._wait())

    # --- What must hold ---------------------------------------------------

    def _watch(self, before: RequestState, effects: tuple[ef.Effect, ...]) -> None:
        self.effects += effects
        for effect in effects:
            match effect:
                case ef.Send():
                    self.sends.append(effect)
                    self._needs_are_done(effect.step)
                    assert effect.timeout > 0
                case ef.Publish() | ef.AskBallots():
                    self._needs_are_done(effect.step)
                case ef.Finish() | ef.FailRequest():
                    self.ends.append((self.now, effect))
                case ef.Partial():
                    self.partials.append(effect)
                case ef.Record(entry) if entry.kind == Kind.UNDONE:
                    self.confirmed.append(entry.step)
                case _:
                    pass
        assert len(self.ends) <= 1, "a request ends once"
        if before.is_over:
            assert self.state == before
            assert all(isinstance(effect, ef.Record) for effect in effects), "over is over"
        self._concurrency_is_kept()
        if before.phase in (Phase.RUNNING, Phase.SETTLING) and self.state.saga is not None:
            # What was finished by the time of undoing, in that order.
            saga = self.state.saga
            if saga.path or saga.left:
                self.saga_order = [*saga.left, saga.path]

    def _needs_are_done(self, path: str) -> None:
        name = path.partition("/")[0].partition("[")[0].partition("!")[0]
        name = name.partition("~")[0]
        graph = self.pipeline.graph
        for need in graph.nodes[graph.index[name]].needs:
            state = self.state.nodes[need]
            assert state is not None, f"{path} ran before its needs"
            assert state.status.is_done, f"{path} ran before its needs"

    def _concurrency_is_kept(self) -> None:
        for node, state in zip(self.pipeline.graph.nodes, self.state.nodes, strict=True):
            if isinstance(state, Spread):
                works = [state.works[place] for place in range(state.begun)]
                busy = sum(work.status.is_busy for work in works)
                assert busy == state.busy <= node.concurrency

    # --- Afterwards -------------------------------------------------------

    @property
    def end(self) -> ef.Finish | ef.FailRequest:
        assert len(self.ends) == 1
        return self.ends[0][1]

    def kinds(self) -> Counter[Kind]:
        return Counter(e.entry.kind for e in self.effects if isinstance(e, ef.Record))

    def entries(self, kind: Kind) -> list[Any]:
        return [
            e.entry for e in self.effects if isinstance(e, ef.Record) and e.entry.kind == kind
        ]

    def replayed(self, count: int) -> RequestState:
        return replay(self.start, self.history[:count])


def in_flight(state: RequestState) -> int:
    """Count the pieces of work that are busy."""
    return sum(
        node is not None and node.status in (Status.RUNNING, Status.PAUSED)
        for node in state.nodes
    )
