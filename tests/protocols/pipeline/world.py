"""A world that carries out a machine's effects, with agents that misbehave by plan.

It keeps the interpreter's promises (a send is reported on within its timeout)
and breaks whatever else can break: replies come late, twice, wrong or never.
While it runs it checks what must hold at every moment.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

import attrs

from harmonium.protocols.decision_log import Entry, Kind
from harmonium.protocols.failure import Failure
from harmonium.protocols.pipeline import effects as ef
from harmonium.protocols.pipeline import events as ev
from harmonium.protocols.pipeline.machine import advance, replay
from harmonium.protocols.pipeline.spec import Pipeline
from harmonium.protocols.pipeline.state import RequestState, Spread


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
        self.ends: list[tuple[float, ef.Finish | ef.FailRequest]] = []

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
        act = self._acts.get(type(effect))
        if act is not None:
            act(effect)

    @functools.cached_property
    def _acts(self) -> dict[type, Callable[[Any], None]]:
        return {
            ef.Send: self._send,
            ef.Undo: self._undo,
            ef.Publish: self._publish,
            ef.AskBallots: self._poll,
            ef.AskPerson: self._ask_person,
            ef.SetTimer: self._set_timer,
            ef.CancelTimer: self._cancel_timer,
        }

    def _set_timer(self, effect: ef.SetTimer) -> None:
        self.timers[effect.token] = effect.at
        self.plan(ev.TimerFired(effect.token), max(0.0, effect.at - self.now))

    def _cancel_timer(self, effect: ef.CancelTimer) -> None:
        if self._luck(90):  # else it fires all the same
            self.timers.pop(effect.token, None)

    def _ask_person(self, effect: ef.AskPerson) -> None:
        answer = effect.options[0] if effect.options else "yes"
        for chance in (50, self.chances.twice):
            if self._luck(chance):
                self.plan(ev.Answered(effect.step, effect.attempt, answer, "ann"), self._wait())

    def _luck(self, chance: int) -> bool:
        return self.random.randrange(100) < chance

    def _wait(self) -> float:
        return self.random.random() * self.chances.slowest

    def _send(self, effect: ef.Send) -> None:
        name, attempt, chances = effect.step, effect.attempt, self.chances
        failure = self._fails()
        wait = self._wait()
        if failure is None and wait <= effect.timeout:
            reply = self._reply(name)
            self.plan(ev.Replied(name, attempt, reply, effect.to), wait)
            if self._luck(chances.twice):
                self.plan(ev.Replied(name, attempt, reply, effect.to), wait + self._wait())
            return
        if failure is not None and failure is not TIMEOUT:
            self.plan(ev.Failed(name, attempt, failure), min(wait, effect.timeout))
            return
        self.plan(ev.Failed(name, attempt, TIMEOUT), effect.timeout)
        if self._luck(chances.late):
            self.plan(ev.Replied(name, attempt, self._reply(name), "late"), wait + effect.timeout)

    def _fails(self) -> Failure | None:
        chances = self.chances
        for chance, failure in (
            (chances.silent, TIMEOUT),
            (chances.dead, DEAD),
            (chances.full, FULL),
        ):
            if self._luck(chance):
                return failure
        return None

    def _reply(self, name: str) -> Any:
        if self._luck(self.chances.refuses):
            return Refused(name)
        return Work("wrong") if self._luck(self.chances.wrong) else Done(name)

    def _undo(self, effect: ef.Undo) -> None:
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
            if isinstance(effect, ef.Send | ef.Publish | ef.AskBallots):
                self._needs_are_done(effect.step)
            if isinstance(effect, ef.Finish | ef.FailRequest):
                self.ends.append((self.now, effect))
        assert all(e.timeout > 0 for e in effects if isinstance(e, ef.Send | ef.Undo | ef.Publish))
        assert len(self.ends) <= 1, "a request ends once"
        if before.is_over:
            assert self.state == before
            assert all(isinstance(effect, ef.Record) for effect in effects), "over is over"
        self._concurrency_is_kept()

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

    def sent(self, kind: type) -> list[Any]:
        """Give the effects of a class, in their order."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def entries(self, *kinds: Kind) -> list[Entry]:
        """Give the entries of these kinds, or all."""
        entries = [record.entry for record in self.sent(ef.Record)]
        return [entry for entry in entries if not kinds or entry.kind in kinds]

    def replayed(self, count: int) -> RequestState:
        return replay(self.start, self.history[:count])
