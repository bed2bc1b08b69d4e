"""The machine of a policy: what happens to its calls, event by event.

Pure: `begin`, `result`, `wake` and `cancel` take the state and give the new one
with the effects to carry out, in order. Each call that began ends with exactly
one `Finish`, unless it is cancelled; late and doubled events change nothing.
"""

from __future__ import annotations

from harmonium.protocols.reliability.policy import CallId, Policy
from harmonium.protocols.reliability.policy_state import Call, PolicyState
from harmonium.protocols.reliability.policy_step import Outcome, PolicyStep

__all__ = ["begin", "cancel", "result", "wake"]


def begin(
    policy: Policy,
    state: PolicyState,
    call: CallId,
    now: float,
    *,
    path: str = "",
    deadline: float | None = None,
    draw: float = 0.0,
) -> Outcome:
    """Begin a call.

    Args:
        policy: What holds.
        state: What is known.
        call: Its name, not that of a call that is not over.
        now: Monotonic time, in seconds.
        path: The agent that is asked, for errors.
        deadline: When the asker has no more use for an answer.
        draw: Chance for the jitter of waits, in [0, 1).
    """
    step = PolicyStep(policy, state, now, draw)
    if policy.timeout is not None:
        own = now + policy.timeout
        deadline = own if deadline is None else min(own, deadline)
    step.guards.requested()
    step.attempt(call, Call(path, now, deadline))
    return step.outcome()


def result(
    policy: Policy,
    state: PolicyState,
    call: CallId,
    send: int,
    now: float,
    *,
    error: BaseException | None = None,
    draw: float = 0.0,
) -> Outcome:
    """Take what became of a message: a good answer, or an error."""
    step = PolicyStep(policy, state, now, draw)
    step.land(call, send, error)
    return step.outcome()


def wake(
    policy: Policy, state: PolicyState, call: CallId, now: float, *, draw: float = 0.0
) -> Outcome:
    """Look at a call whose time has come; too early or too late is no harm."""
    step = PolicyStep(policy, state, now, draw)
    step.wake(call)
    return step.outcome()


def cancel(policy: Policy, state: PolicyState, call: CallId, now: float) -> Outcome:
    """End a call whose asker is gone; it gets no `Finish`."""
    step = PolicyStep(policy, state, now)
    found = step.calls.get(call)
    if found is not None:
        step.stop(call, found, blame=False)
        step.calls = step.calls.discard(call)
    return step.outcome()
