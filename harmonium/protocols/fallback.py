"""What to do when a step fails: rules as data, and the chain that chooses among them.

A chain is read from its first rule on: the first one that covers the failure
and is not used up decides. Every rule has a limited number of uses, so a chain
always comes to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.backoff import Backoff
from harmonium.protocols.checks import check_count, check_seconds
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure, describe, names_of
from harmonium.protocols.ladder import Ladder, ladder_of

__all__ = [
    "Chain",
    "Choice",
    "Escalate",
    "Fail",
    "Failure",
    "FallbackRule",
    "Hedge",
    "Prefer",
    "Retry",
    "Skip",
    "To",
    "Use",
    "describe",
    "wait_before",
]


@attrs.frozen(slots=True)
class Retry:
    """Send the same message again.

    A retry after a timeout, a crash or a death carries the same idempotency
    key, because the work may have been done; a retry after a refusal is a new
    request to the agent and carries a new one.

    Args:
        times: How often at most, at least 1.
        backoff: Seconds to wait before each retry, or a callable of the
            number of the retry (from 1) and a draw in [0, 1), or a `Backoff`.
        on: Classes or names of the errors that it covers; none means all.
    """

    times: int = 1
    backoff: float | Callable[[int, float], float] | Backoff = 0.0
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __attrs_post_init__(self) -> None:
        check_count("Retry", self.times, least=1)

    def __str__(self) -> str:
        return f"retry {self.times} times" if self.times > 1 else "retry once"


_NOTHING: Any = object()


@attrs.frozen(slots=True)
class Use:
    """Take a value in place of the reply, or send another message.

    Args:
        value: What takes the reply's place, or a callable of the context that
            gives it. A message *class* is sent, as with `message`.
        message: The message to send instead, to the agent that failed: a
            callable of the context, a message class that is built from the
            request (the item of a mapped step), or a message.
        on: Classes or names of the errors that it covers; none means all.
    """

    value: Any = _NOTHING
    message: Any = attrs.field(default=_NOTHING, kw_only=True)
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __attrs_post_init__(self) -> None:
        if (self.value is _NOTHING) == (self.message is _NOTHING):
            raise SpecError("Use", "it needs a value or a message, and not both", "give one")

    @property
    def sends(self) -> bool:
        """Whether a message is sent; otherwise a value is taken at once."""
        return self.value is _NOTHING or isinstance(self.value, type)

    @property
    def source(self) -> Any:
        """What the value or the message is made of."""
        return self.message if self.value is _NOTHING else self.value

    def __str__(self) -> str:
        return "send another message" if self.sends else f"use {_named(self.source)}"


@attrs.frozen(slots=True)
class To:
    """Send the same message to another agent; later retries go there too.

    Args:
        to: Name or path of the other agent.
        on: Classes or names of the errors that it covers; none means all.
    """

    to: str
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __str__(self) -> str:
        return f"ask {self.to} instead"


@attrs.frozen(slots=True)
class Hedge:
    """Send a second copy when the first is slow; the first reply wins.

    It does not wait for a failure, so it has no ``on``. Both copies carry the
    same idempotency key. (Dean and Barroso, The Tail at Scale, 2013.)

    Args:
        after: How long the first copy has, in seconds, above 0.
        to: Who gets the second copy; None means the same agent or pool.
    """

    after: float
    to: str | None = None

    def __attrs_post_init__(self) -> None:
        check_seconds("Hedge", self.after, above=0.0)

    def __str__(self) -> str:
        return f"ask {self.to or 'again'} after {self.after:g} s"


@attrs.frozen(slots=True)
class Escalate:
    """Climb a ladder; its answer takes the reply's place.

    Args:
        ladder: The ladder, a single rung, or the name of a higher agent.
        on: Classes or names of the errors that it covers; none means all.
    """

    ladder: Ladder = attrs.field(converter=ladder_of)
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __str__(self) -> str:
        return f"escalate to {self.ladder}"


@attrs.frozen(slots=True)
class Skip:
    """Go on without the step; whoever reads its result gets None."""

    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __str__(self) -> str:
        return "go on without it"


@attrs.frozen(slots=True)
class Fail:
    """Fail the step at once, without the rules that follow."""

    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __str__(self) -> str:
        return "fail at once"


@attrs.frozen(slots=True)
class Prefer:
    """Resolve a conflict: the reply of one of its steps stands.

    Args:
        step: Name of the step whose reply is taken.
        on: Classes or names of the errors that it covers; none means all.
    """

    step: str
    on: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=names_of)

    def __str__(self) -> str:
        return f"prefer {self.step}"


FallbackRule = Prefer | Retry | Use | To | Hedge | Escalate | Skip | Fail


@attrs.frozen(slots=True)
class Choice:
    """What a chain decided after a failure.

    Args:
        rule: The rule that decided, or None when no rule is left.
        count: Which use of the rule this is, from 1.
        why: The reason, for the record.
    """

    rule: FallbackRule | None
    count: int
    why: str

    @property
    def text(self) -> str:
        """The rule in words, for the record."""
        if isinstance(self.rule, Retry):
            return f"retry {self.count} of {self.rule.times}"
        return str(self.rule)


@attrs.frozen(slots=True)
class Chain:
    """The rules of one step, and how often each was used.

    Example:
        >>> chain, choice = Chain((Retry(1), Use(0))).after(Failure("AskTimeout"))
        >>> choice.rule, choice.count
        (Retry(times=1, backoff=0.0, on=()), 1)
        >>> chain.after(Failure("AskTimeout"))[1].why
        'AskTimeout'
    """

    rules: tuple[FallbackRule, ...]
    used: tuple[int, ...] = ()

    def after(self, failure: Failure, *, urgent: bool = False) -> tuple[Chain, Choice]:
        """Choose what follows a failure, and count it.

        Args:
            failure: Why the last attempt failed.
            urgent: Whether no time is left: then only rules that need none
                are considered (a value, a rule rung, skip, fail).
        """
        used = self.used or (0,) * len(self.rules)
        for index, rule in enumerate(self.rules):
            if (
                used[index] < _limit(rule)
                and _covers(rule, failure)
                and not (urgent and _needs_time(rule))
            ):
                count = used[index] + 1
                spent = (*used[:index], count, *used[index + 1 :])
                return Chain(self.rules, spent), Choice(rule, count, str(failure))
        return self, Choice(None, 0, str(failure))


def _named(source: Any) -> str:
    """Name a callable without its address, so that two runs record the same."""
    return getattr(source, "__name__", "a callable") if callable(source) else repr(source)


def _limit(rule: FallbackRule) -> int:
    return rule.times if isinstance(rule, Retry) else 1


def _covers(rule: FallbackRule, failure: Failure) -> bool:
    if isinstance(rule, Hedge):
        return False
    return not rule.on or failure.is_any(rule.on)


def _needs_time(rule: FallbackRule) -> bool:
    return isinstance(rule, (Retry, To)) or (isinstance(rule, Use) and rule.sends)


def wait_before(rule: Retry, count: int, draw: float) -> float:
    """Give the seconds to wait before the retry of this number.

    Args:
        rule: The rule that decided.
        count: Which retry it is, from 1.
        draw: A number in [0, 1) that spreads the waits; chance is the caller's.
    """
    backoff = rule.backoff
    if isinstance(backoff, Backoff):
        return backoff.delay(count, draw)
    return backoff(count, draw) if callable(backoff) else float(backoff)
