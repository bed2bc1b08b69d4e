"""When a failed attempt is made again."""

from __future__ import annotations

import enum

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import check_count, check_flag, check_seconds
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure, names_of

__all__ = ["NEVER_AGAIN", "Again", "Enough", "GiveUp", "RetryPolicy"]

NEVER_AGAIN = (
    "DefinitionError",
    "CodecError",
    "AgentDead",
    "UnknownAgent",
    "SystemStopped",
    "BudgetExceeded",
)
"""Failures that no repetition mends."""


class Enough(enum.Enum):
    """Why no further attempt is made."""

    ERROR = "the failure is none that is retried"
    ATTEMPTS = "all attempts are made"
    TIME = "the next attempt would begin too late"
    BUDGET = "the retry budget is used up"


@attrs.frozen
class Again:
    """Make another attempt, after `wait` seconds."""

    wait: float


@attrs.frozen
class GiveUp:
    """Make no further attempt, for this reason."""

    reason: Enough


@attrs.frozen
class RetryPolicy:
    """Which failed attempts are repeated, how often, and after which wait.

    The rules of tenacity's `stop_after_attempt | stop_before_delay`,
    `retry_if_exception_type` and `wait_exponential`: an attempt that would
    begin at or after the end of the time is not waited for.

    Args:
        attempts: How many attempts in all, the first included. At least 1.
        timeout: Seconds from the first attempt within which another may begin;
            None for no limit of its own (the caller's deadline holds anyway).
        backoff: How long to wait; None for no wait.
        on: Names or classes of the failures that are retried; none for all.
        never: Names or classes that are not retried, whatever `on` says.
        in_doubt: Whether a failure that may have done its work is retried (a
            timeout, a crash). Without idempotency keys, say False.

    Raises:
        SpecError: If a bound above does not hold.

    Example:
        >>> policy = RetryPolicy(attempts=2, backoff=Backoff(0.5, 8.0, jitter=0.0))
        >>> policy.after(Failure("OSError"), made=1, started=0.0, now=3.0)
        Again(wait=0.5)
        >>> policy.after(Failure("OSError"), made=2, started=0.0, now=4.0)
        GiveUp(reason=<Enough.ATTEMPTS: 'all attempts are made'>)
    """

    attempts: int = attrs.field(default=3)
    timeout: float | None = attrs.field(default=None, kw_only=True)
    backoff: Backoff | None = attrs.field(factory=lambda: Backoff(0.05, 2.0), kw_only=True)
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)
    never: tuple[str, ...] = attrs.field(default=NEVER_AGAIN, kw_only=True, converter=names_of)
    in_doubt: bool = attrs.field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_count("RetryPolicy.attempts", self.attempts, least=1)
        check_flag("RetryPolicy.in_doubt", self.in_doubt)
        if self.timeout is not None:
            check_seconds("RetryPolicy.timeout", self.timeout, above=0.0)
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise SpecError("RetryPolicy.backoff", f"{self.backoff!r} is none", "give a Backoff")

    def covers(self, failure: Failure) -> bool:
        """Tell whether a failure is one that is retried."""
        if failure.is_any(self.never) or (failure.in_doubt and not self.in_doubt):
            return False
        return not self.on or failure.is_any(self.on)

    def after(
        self,
        failure: Failure,
        *,
        made: int,
        started: float,
        now: float,
        draw: float = 0.0,
        not_before: float | None = None,
        deadline: float | None = None,
    ) -> Again | GiveUp:
        """Decide what follows a failed attempt.

        Args:
            failure: Why it failed.
            made: How many attempts were made, this one included.
            started: When the first one began, in seconds.
            now: The time, in seconds of the same monotonic clock.
            draw: Chance for the wait's jitter, in [0, 1).
            not_before: When the agent may be asked again, where it said so.
            deadline: When the caller has no more use for an answer.
        """
        if not self.covers(failure):
            return GiveUp(Enough.ERROR)
        if made >= self.attempts:
            return GiveUp(Enough.ATTEMPTS)
        wait = self.backoff.delay(made, draw) if self.backoff else 0.0
        if not_before is not None:
            wait = max(wait, not_before - now)
        # As a sum of what has passed and what will: the same rounding as the oracle's.
        if self.timeout is not None and (now - started) + wait >= self.timeout:
            return GiveUp(Enough.TIME)
        if deadline is not None and now + wait >= deadline:
            return GiveUp(Enough.TIME)
        return Again(wait)
