"""A child has to be restarted: what that costs, and how it is done."""

from __future__ import annotations

from harmonium.protocols.budget import EMPTY, Budget
from harmonium.protocols.waiting import Refuse
from harmonium.supervisors.core import group, shutdown
from harmonium.supervisors.core.cause import Cause
from harmonium.supervisors.core.child import After, Child, Status, Why
from harmonium.supervisors.core.effects import Park, Spend
from harmonium.supervisors.core.instances import halt, launch
from harmonium.supervisors.core.timers import Due
from harmonium.supervisors.core.turn import Turn
from harmonium.supervisors.words import ONE_FOR_ONE

__all__ = ["charge_subtree", "recover", "rest"]

RESTART = Why.RESTART


def recover(turn: Turn, child: Child, cause: Cause, *, charged: bool = True) -> None:
    """Restart a child that failed or ended, if that can still be afforded.

    Args:
        turn: The decision in the making.
        child: The child; its failed instance may still be there.
        cause: Why.
        charged: Whether it costs a unit; not so for a message that is retried
            and has a limit of its own.
    """
    _count_failure(turn, child)
    if _retries_are_used_up(child):
        shutdown.give_up(turn, f"{child.failures - 1} retries of {child.id}", cause)
    elif _fails_its_trial(turn, child):
        _quarantine(turn, child, cause, "its trial")
    elif not charged:
        turn.rule(child.id, "restart", f"{cause}; the message has a limit of its own.")
        _go(turn, child, cause)
    else:
        _charge(turn, child, cause)


def _count_failure(turn: Turn, child: Child) -> None:
    backoff = child.spec.backoff
    if backoff is not None and child.ready_at is not None:
        up = child.uptime(turn.now)
        child.failures = 0 if up >= backoff.stable_for else child.failures
    child.failures += 1


def _retries_are_used_up(child: Child) -> bool:
    backoff = child.spec.backoff
    limit = None if backoff is None else backoff.max_retries
    return limit is not None and child.failures > limit


def _fails_its_trial(turn: Turn, child: Child) -> bool:
    if not child.on_trial:
        return False
    well = child.ready_at is not None
    if well and child.uptime(turn.now) >= child.spec.quarantine.stable_for:
        child.on_trial, child.trials = False, 0
        return False
    return True


# --- the budgets ---


def _charge(turn: Turn, child: Child, cause: Cause) -> None:
    """Pay for the restart, then do it; where the money ends, quarantine or give up."""
    own = _own_budget(turn, child)
    over, figures = _spend_own(turn, child, own) if own else _spend_shared(turn, child)
    if over and own:
        _quarantine(turn, child, cause, over)
    elif over:
        shutdown.give_up(turn, over, cause)
    elif charge_subtree(turn, 1, cause):
        turn.rule(child.id, "restart", f"{cause.text}; {figures}.")
        _go(turn, child, cause)


def _own_budget(turn: Turn, child: Child) -> Budget | None:
    spec = turn.state.spec
    return child.spec.budget or (spec.budget if spec.per_child else None)


def _spend_own(turn: Turn, child: Child, budget: Budget) -> tuple[str, str]:
    spell = child.uptime(turn.now) + child.waited
    child.streak = _streak(child.streak, spell, budget)
    allowed, child.window = (child.window or EMPTY).spend(budget, turn.now)
    return _weigh(budget, len(child.window), child.streak, allowed=allowed)


def _spend_shared(turn: Turn, child: Child) -> tuple[str, str]:
    state, budget = turn.state, turn.state.spec.budget
    allowed, state.window = state.window.spend(budget, turn.now)
    if state.spec.strategy is ONE_FOR_ONE:
        spell = child.uptime(turn.now) + child.waited
        streak = child.streak = _streak(child.streak, spell, budget)
    else:
        steady = 0.0 if state.steady_at is None else turn.now - state.steady_at
        streak = state.streak = _streak(state.streak, steady + state.waited, budget)
    return _weigh(budget, len(state.window), streak, allowed=allowed)


def _streak(before: int, spell: float, budget: Budget) -> int:
    """Count restarts in a row that had no lasting success in between.

    The window alone never fills when each stop takes longer than the window can
    bear; this count leaves out the time that stops and starts take. Where they
    take none it never decides anything that the window has not decided before.
    """
    return 1 if spell >= budget.spacing else before + 1


def _weigh(budget: Budget, used: int, streak: int, *, allowed: bool) -> tuple[str, str]:
    """Name what ran out (or nothing), and the figures of the decision."""
    if not allowed:
        return str(budget), ""
    if streak > budget.max_restarts:
        return f"{budget}, not counting the time that stops and starts took", ""
    return "", f"{used} of {budget} used"


def charge_subtree(turn: Turn, count: int, cause: Cause) -> bool:
    """Charge restarts to the subtree's budget and to those above; tell if they fit."""
    state, limit = turn.state, turn.state.spec.subtree
    for _ in range(count if limit is not None else 0):
        assert limit is not None  # noqa: S101 - for the type checker
        allowed, state.subtree = state.subtree.spend(limit, turn.now)
        if not allowed:
            shutdown.give_up(turn, f"{limit} in its subtree", cause)
            return False
    if state.reports:
        turn.emit(Spend(count, cause.text))
    return True


# --- what is done then ---


def _go(turn: Turn, child: Child, cause: Cause) -> None:
    backoff = child.spec.backoff
    delay = 0.0 if backoff is None else backoff.delay(child.failures, turn.draw)
    child.waited = delay
    if turn.state.spec.strategy is ONE_FOR_ONE:
        _revive(turn, child, cause, delay)
    else:
        group.begin(turn, child, cause, delay)


def _revive(turn: Turn, child: Child, cause: Cause, delay: float) -> None:
    """Restart one child after `delay` seconds; a failed instance is torn down at once."""
    child.cause, child.why = cause, RESTART
    if not delay:
        launch(turn, child)
        return
    child.until = turn.now + delay
    turn.emit(Park(child.id, child.spec.mail, child.until, cause.text))
    _put_off(turn, child, After.WAIT)


def _quarantine(turn: Turn, child: Child, cause: Cause, over: str) -> None:
    """Leave a child alone whose own budget is used up; its siblings go on."""
    child.trials += 1
    child.window, child.streak, child.failures, child.on_trial = EMPTY, 0, 0, False
    child.cause, child.waited = cause, 0.0
    child.until = turn.now + child.spec.quarantine.delay(child.trials, turn.draw)
    turn.rule(child.id, "quarantine", f"{cause}; {over} used up.")
    turn.emit(Park(child.id, Refuse(child.until, cause.text), child.until, cause.text))
    _put_off(turn, child, After.QUARANTINE)


def _put_off(turn: Turn, child: Child, after: After) -> None:
    if child.suspended:
        halt(turn, child, after, keep=True, cause=child.cause)
    else:
        rest(turn, child, after)


def rest(turn: Turn, child: Child, after: After) -> None:
    """Wait for the time of the restart, which may have passed while the child stopped."""
    delay = max(0.0, (child.until or 0.0) - turn.now)
    if after is After.QUARANTINE:
        child.status = Status.BROKEN
        turn.arm(child, Due.TRIAL, delay)
    elif delay:
        child.status = Status.WAITING
        turn.arm(child, Due.BACKOFF, delay)
    else:
        launch(turn, child)
