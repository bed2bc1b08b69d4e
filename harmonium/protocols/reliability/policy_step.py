"""One event in a policy's life: how its calls get on, from the outside to the inside."""

from __future__ import annotations

from typing import Any

from harmonium.protocols.deadline import is_expired, remaining
from harmonium.protocols.errors import AskTimeout, Unavailable
from harmonium.protocols.failure import describe
from harmonium.protocols.reliability.bulkhead import Entry
from harmonium.protocols.reliability.guards import Guards
from harmonium.protocols.reliability.policy import (
    CallId,
    Cancel,
    Effect,
    Finish,
    Policy,
    Retrying,
    Send,
    Wake,
)
from harmonium.protocols.reliability.policy_state import Call, Flight, PolicyState, Stage
from harmonium.protocols.reliability.retry import Again, Enough, GiveUp

__all__ = ["Outcome", "PolicyStep"]

Outcome = tuple[PolicyState, tuple[Effect, ...]]
"""The new state, and the effects in order."""


class PolicyStep:
    """The work on one event: the state while it changes, and the effects so far."""

    def __init__(self, policy: Policy, state: PolicyState, now: float, draw: float = 0.0) -> None:
        self.policy = policy
        self.now = now
        self.draw = draw
        self.calls = state.calls
        self.guards = Guards(policy, state.guards, now, draw)
        self.effects: list[Effect] = []

    def outcome(self) -> Outcome:
        """Let in whom the bulkhead has room for, and freeze what came out."""
        entered: list[Any] = self.guards.entered
        while entered:
            call, send = entered.pop(0)
            found = self.calls.get(call)
            if found is not None and found.sends == send:
                self.pace(call, found)
        state = PolicyState(self.guards.states(), self.calls)
        return state, (*self.guards.changes, *self.effects)

    # --- The way of an attempt

    def attempt(self, call: CallId, was: Call) -> None:
        """Begin the next attempt, as far as it gets."""
        found = was._replace(attempts=was.attempts + 1, sends=was.sends + 1, copies=0, flights=())
        if is_expired(found.deadline, self.now):
            self.time_out(call, found)
        elif (until := self.guards.refused_until()) is not None:
            self.refuse(call, found, until, "its circuit breaker is open")
        else:
            self.enter(call, found)

    def enter(self, call: CallId, found: Call) -> None:
        """Take a place in the bulkhead, or wait for one."""
        bulkhead = self.policy.bulkhead
        until = _earliest(found.deadline, _after(self.now, bulkhead.max_wait if bulkhead else None))
        entry = self.guards.enter((call, found.sends), until)
        if entry is Entry.ENTERED:
            self.pace(call, found)
        elif entry is Entry.WAITING:
            self.put(call, found._replace(stage=Stage.QUEUED, due=until))
        else:
            self.refuse(call, found, self.now, "its bulkhead is full")

    def pace(self, call: CallId, found: Call) -> None:
        """Take a turn under the rate limit, and go or wait for it."""
        wait = self.guards.turn_in(remaining(found.deadline, self.now))
        if wait is None:
            self.guards.leave((call, found.sends))
            self.refuse(call, found, self.guards.turn_free_at(), "its rate limit is reached")
        elif wait > 0.0:
            self.put(call, found._replace(stage=Stage.PACED, due=self.now + wait))
        else:
            self.launch(call, found)

    def launch(self, call: CallId, found: Call) -> None:
        """Ask the breaker, and send the message."""
        until = self.guards.refused_until()
        if until is not None:
            self.guards.leave((call, found.sends))
            self.refuse(call, found, until, "its circuit breaker is open")
            return
        due = _after(self.now, self.policy.attempt_timeout)
        hedge_at = _after(self.now, self.guards.hedge_delay())
        running = found._replace(stage=Stage.RUNNING, due=due, hedge_at=hedge_at)
        self.fly(call, running)

    def hedge(self, call: CallId, found: Call) -> None:
        """Send a copy, if there is room for it."""
        hedge = self.policy.hedge
        if hedge is None or not self.guards.room_for_copy((call, found.sends + 1)):
            self.put(call, found._replace(hedge_at=None))
            return
        copies = found.copies + 1
        again = _after(self.now, self.guards.hedge_delay()) if copies < hedge.copies else None
        self.fly(call, found._replace(sends=found.sends + 1, copies=copies, hedge_at=again))

    def fly(self, call: CallId, found: Call) -> None:
        """Send the call's message number `sends`."""
        flight = Flight(found.sends, self.guards.ticket(), self.now)
        deadline = _earliest(found.deadline, found.due)
        self.effects.append(Send(call, found.sends, found.attempts, deadline))
        self.put(call, found._replace(flights=(*found.flights, flight)))

    # --- What comes back

    def land(self, call: CallId, send: int, error: BaseException | None) -> None:
        """Take the result of a message; one that is not under way changes nothing."""
        found = self.calls.get(call)
        flight = next((f for f in found.flights if f.send == send), None) if found else None
        if found is None or flight is None:
            return
        self.guards.landed(flight, error)
        self.guards.leave((call, send))
        found = found._replace(flights=tuple(f for f in found.flights if f is not flight))
        if error is None:
            self.stop(call, found, blame=False)
            self.finish(call, Finish(call, send, None, found.attempts))
        elif found.flights:
            self.put(call, found)
        else:
            self.fail(call, found, error, send)

    def wake(self, call: CallId) -> None:
        """Do what is due for a call."""
        found = self.calls.get(call)
        if found is None:
            return
        found = found._replace(woken=None)
        if is_expired(found.deadline, self.now):
            self.stop(call, found, blame=True)
            self.time_out(call, found)
        elif is_expired(found.due, self.now):
            self.end_of_wait(call, found)
        elif found.stage is Stage.RUNNING and is_expired(found.hedge_at, self.now):
            self.hedge(call, found)
        else:
            self.put(call, found)

    def end_of_wait(self, call: CallId, found: Call) -> None:
        """Go on with a call whose wait is over."""
        if found.stage is Stage.RESTING:
            self.attempt(call, found)
        elif found.stage is Stage.PACED:
            self.launch(call, found)
        elif found.stage is Stage.QUEUED:
            self.guards.leave((call, found.sends))
            self.refuse(call, found, self.now, "its bulkhead stayed full")
        else:
            self.stop(call, found, blame=True)
            self.fail(call, found, AskTimeout(found.path, self.policy.attempt_timeout or 0.0))

    def refuse(self, call: CallId, found: Call, until: float, cause: str) -> None:
        """Fail an attempt whose message did not go."""
        self.fail(call, found, Unavailable(found.path, until, cause))

    def fail(
        self, call: CallId, found: Call, error: BaseException, send: int | None = None
    ) -> None:
        """Decide what follows a failed attempt."""
        again = self.again(found, error)
        if not isinstance(again, Again):
            reason = again.reason if again else None
            self.finish(call, Finish(call, send, error, found.attempts, reason))
            return
        self.effects.append(Retrying(call, found.attempts + 1, again.wait, describe(error)))
        due = self.now + again.wait
        self.put(call, found._replace(stage=Stage.RESTING, due=due, hedge_at=None, flights=()))

    def again(self, found: Call, error: BaseException) -> Again | GiveUp | None:
        """Ask the retry policy, and then its budget; None where nothing is retried."""
        if self.policy.retry is None:
            return None
        verdict = self.policy.retry.after(
            describe(error),
            made=found.attempts,
            started=found.started,
            now=self.now,
            draw=self.draw,
            not_before=error.until if isinstance(error, Unavailable) else None,
            deadline=found.deadline,
        )
        if isinstance(verdict, Again) and not self.guards.spend_retry():
            return GiveUp(Enough.BUDGET)
        return verdict

    def time_out(self, call: CallId, found: Call) -> None:
        """End a call at its deadline."""
        deadline = self.now if found.deadline is None else found.deadline
        error = AskTimeout(found.path, max(0.0, deadline - found.started))
        self.finish(call, Finish(call, None, error, found.attempts, Enough.TIME))

    # --- Keeping and ending

    def put(self, call: CallId, found: Call) -> None:
        """Keep a call, and ask to be woken for it."""
        at = _earliest(_earliest(found.deadline, found.due), found.hedge_at)
        if at is not None and at != found.woken:
            self.effects.append(Wake(call, at))
            found = found._replace(woken=at)
        self.calls = self.calls.set(call, found)

    def stop(self, call: CallId, found: Call, *, blame: bool) -> None:
        """End what is under way of a call; `blame` counts it as failed."""
        for flight in found.flights:
            self.effects.append(Cancel(call, flight.send))
            if blame:
                self.guards.landed(flight, AskTimeout(found.path, self.now - flight.sent_at))
            else:
                self.guards.abandoned(flight)
            self.guards.leave((call, flight.send))
        if found.stage in {Stage.QUEUED, Stage.PACED}:
            self.guards.leave((call, found.sends))

    def finish(self, call: CallId, end: Finish) -> None:
        """Forget a call, and tell its asker."""
        self.calls = self.calls.discard(call)
        self.effects.append(end)


def _after(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds


def _earliest(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
