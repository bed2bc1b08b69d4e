"""One rule of a chaos plan: which fault, how often, to whom and when."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable

import attrs

from harmonium.protocols.durations import format_duration
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.path_glob import PathGlob

__all__ = [
    "EVERY_AGENT",
    "NEEDS_SECONDS",
    "TAKES_SECONDS",
    "ChaosRule",
    "Draw",
    "Fault",
    "Injection",
    "Where",
]

Draw = Callable[[str], float]
"""Chance: the number in [0, 1) that belongs to a label."""

EVERY_AGENT = PathGlob("**")
"""Whom a rule befalls that names nobody."""


class Fault(enum.Enum):
    """What a chaos rule does to a message or its agent. The value is its word in a plan."""

    CRASH = "crash"
    """The handler raises, before or after its effect."""
    HANG = "hang"
    """The handler does not come back (for some seconds, or until somebody ends it)."""
    DELAY = "delay"
    """The agent waits before it handles the message; the order stays."""
    KILL = "kill"
    """The agent is killed when it gets the message; its `stopped` hook does not run."""
    DROP = "drop"
    """The message is not handled; it becomes a dead letter."""
    DUPLICATE = "duplicate"
    """The message is delivered twice."""
    SLOW_STORE = "slow_store"
    """A read or write of the agent's store takes longer."""

    def __repr__(self) -> str:
        return f"Fault.{self.name}"


class Where(enum.Enum):
    """On which side of the handler's effect a crash falls."""

    BEFORE = "before"
    AFTER = "after"

    def __repr__(self) -> str:
        return f"Where.{self.name}"


@attrs.frozen
class Injection:
    """One fault that befalls one message.

    Args:
        fault: What happens.
        rule: The rule that decided it, as text for the log.
        where: For a crash, the side of the effect; None otherwise.
        seconds: How long a delay, a hang or a slow store lasts; None for a hang
            that lasts until somebody ends it, and for every other fault.
    """

    fault: Fault
    rule: str
    where: Where | None = None
    seconds: float | None = None


NEEDS_SECONDS = frozenset({Fault.DELAY, Fault.SLOW_STORE})
"""The faults whose length must be given."""

TAKES_SECONDS = NEEDS_SECONDS | {Fault.HANG}
"""The faults whose length may be given."""


# What a plan's text can hold of a pattern: closed brackets, and no separator.
_PLAIN = re.compile(r"(?:[^\[\],=@\s]|\[[^\[\],=@\s]*\])+")


@attrs.frozen
class ChaosRule:
    """One fault of a plan: what, how often, to whom and when.

    Args:
        fault: What happens.
        rate: Chance for each message (each store operation for `SLOW_STORE`),
            from 0 to 1. With `nth` it must stay 1.
        seconds: The longest delay or slow-down, drawn evenly from 0 to it; or
            how long a hang lasts, None for one without end. At least 0.
        nth: Only the agent's n-th message, from 1, counted over its restarts.
            For `KILL` only.
        agents: Whom it befalls.
        start: From when, in seconds since the system started. At least 0.
        end: Until when, exclusive; after `start`.

    Raises:
        ConfigError: If a bound above does not hold.
    """

    fault: Fault
    rate: float = attrs.field(default=1.0, kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)
    nth: int | None = attrs.field(default=None, kw_only=True)
    agents: PathGlob = attrs.field(default=EVERY_AGENT, kw_only=True)
    start: float = attrs.field(default=0.0, kw_only=True)
    end: float = attrs.field(default=math.inf, kw_only=True)
    _text: str = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_text", _write(self))
        problem = _problem(self)
        if problem:
            raise ConfigError(f"chaos {self._text!r}", problem)

    def __str__(self) -> str:
        return self._text

    @property
    def label(self) -> str:
        """Name of its stream of chance: the same for every rate, so that rates nest."""
        return f"{self.fault.value}[{self.agents}]"

    def is_on(self, now: float) -> bool:
        """Tell whether its time has come and is not over."""
        return self.start <= now < self.end

    def hits(self, nth: int, draw: Draw) -> bool:
        """Tell whether it befalls the n-th message, given chance."""
        if self.nth is not None:
            return nth == self.nth
        return self.rate >= 1.0 or draw(self.label) < self.rate

    def injection(self, draw: Draw) -> Injection:
        """Make the fault itself, with its side or its length drawn."""
        where = None
        if self.fault is Fault.CRASH:
            where = Where.BEFORE if draw(f"{self.label}.where") < 0.5 else Where.AFTER
        seconds = self.seconds
        if seconds is not None and self.fault in NEEDS_SECONDS:
            seconds *= draw(f"{self.label}.seconds")
        return Injection(self.fault, self._text, where, seconds)


def _problem(rule: ChaosRule) -> str | None:
    if not _PLAIN.fullmatch(rule.agents.text):
        return "the pattern of its agents has a lonely bracket, a space or one of , = @"
    if not 0.0 <= rule.rate <= 1.0:
        return "a chance is from 0 to 1"
    if rule.nth is not None and (rule.fault is not Fault.KILL or rule.nth < 1 or rule.rate != 1.0):
        return "the number of a message is from 1, and for kill only"
    if rule.seconds is None and rule.fault in NEEDS_SECONDS:
        return f"{rule.fault.value} needs seconds"
    if rule.seconds is not None and rule.fault not in TAKES_SECONDS:
        return f"{rule.fault.value} takes no seconds"
    if rule.seconds is not None and not 0.0 <= rule.seconds < math.inf:
        return "seconds are at least 0"
    return None if 0.0 <= rule.start < rule.end else "a window starts before it ends"


def _write(rule: ChaosRule) -> str:
    agents = "" if rule.agents == EVERY_AGENT else f"[{rule.agents}]"
    return f"{rule.fault.value}{agents}={_write_value(rule)}{_write_window(rule)}"


def _write_value(rule: ChaosRule) -> str:
    if rule.nth is not None:
        return str(rule.nth)
    rate = repr(float(rule.rate))
    if rule.seconds is None:
        return rate
    seconds = format_duration(rule.seconds)
    if rule.fault is Fault.HANG:
        return f"{rate}:{seconds}"
    return seconds if rule.rate == 1.0 else f"{seconds}:{rate}"


def _write_window(rule: ChaosRule) -> str:
    if rule.start == 0.0 and rule.end == math.inf:
        return ""
    start = format_duration(rule.start) if rule.start else ""
    end = "" if rule.end == math.inf else format_duration(rule.end)
    return f"@{start}..{end}"
