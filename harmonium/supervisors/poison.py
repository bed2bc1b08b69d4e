"""`Poison`: when a message, and not the agent, is to blame for a crash.

A message that is retried and crashes its agent again and again, always in the
same way and while other messages are handled well, is poison: it goes to the
dead letters and the agent goes on.
"""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.checks import check_count, check_seconds

__all__ = ["Poison", "Sentence", "Suspect", "judge"]


_ROUNDING = 1e-6
"""Seconds: a timer that fires on time may be the float before it is old enough."""


def _check(instance: Poison, _: object, __: object) -> None:
    instance.check("poison")


@attrs.frozen(slots=True)
class Poison:
    """When a failing message is taken for poison; all three must hold.

    Args:
        attempts: How often it must have crashed the agent with the same
            fingerprint. At least 2.
        age: How long ago its first crash must be, in seconds. Above 0.
        others: How many other messages must have been handled well since
            then. At least 1: without that evidence the agent is to blame.

    Raises:
        SpecError: If a bound above does not hold.
    """

    attempts: int = attrs.field(default=3)
    age: float = attrs.field(default=1.0)
    others: int = attrs.field(default=1, validator=_check)

    def check(self, place: str) -> None:
        """Raise SpecError, naming `place`, if a bound does not hold."""
        check_count(f"{place}.attempts", self.attempts, least=2)
        check_seconds(f"{place}.age", self.age, above=0.0)
        check_count(f"{place}.others", self.others, least=1)


@attrs.frozen(slots=True)
class Suspect:
    """What is known of a message that crashed its agent.

    Args:
        message: Its id.
        fingerprint: Where and how it crashed the agent last.
        attempts: How often in a row with this fingerprint.
        first: When that began, in seconds.
        handled: How many messages the agent had handled well at that time.
    """

    message: str
    fingerprint: str
    attempts: int
    first: float
    handled: int


class Sentence(enum.Enum):
    """What becomes of the message that failed."""

    RETRY = "retry"
    """It is handled again first thing after the restart."""
    SET_ASIDE = "set_aside"
    """It waits apart, so that others get their turn, and is tried again later."""
    QUARANTINE = "quarantine"
    """It becomes a dead letter with its crash bundle."""


def judge(
    rule: Poison,
    known: Suspect | None,
    message: str,
    fingerprint: str,
    *,
    handled: int,
    now: float,
) -> tuple[Sentence, Suspect]:
    """Decide about a message whose handler has just raised.

    Args:
        rule: The thresholds.
        known: What was known of this message, or None at its first crash.
        message: Its id.
        fingerprint: Where and how the handler raised; another fingerprint
            begins a new count.
        handled: How many messages the agent has handled well, ever.
        now: Monotonic time, in seconds.

    Example:
        >>> rule = Poison(attempts=2, age=1.0)
        >>> _, first = judge(rule, None, "m1", "KeyError@pay", handled=5, now=0.0)
        >>> judge(rule, first, "m1", "KeyError@pay", handled=9, now=2.0)[0].value
        'quarantine'
    """
    if known is None or known.fingerprint != fingerprint:
        suspect = Suspect(message, fingerprint, 1, now, handled)
    else:
        suspect = attrs.evolve(known, attempts=known.attempts + 1)
    if suspect.attempts < rule.attempts:
        return Sentence.RETRY, suspect
    old = now - suspect.first >= rule.age - _ROUNDING
    others = handled - suspect.handled >= rule.others
    return (Sentence.QUARANTINE if old and others else Sentence.SET_ASIDE), suspect
