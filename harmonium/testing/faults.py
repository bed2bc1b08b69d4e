"""Faults: what may go wrong in a simulated run, as values that can be pasted.

A fault names what it befalls, and counts what it waits for: the n-th message
of an agent, not the n-th step of the run. So it keeps its meaning when the
program around it changes, and a reader understands it. Numbers count from 1.

Agents are named by their tree path; ``*`` and ``**`` work as in `PathGlob`,
and ``payments`` stands for ``/shop/payments``. A name means all incarnations:
a count goes on over restarts. The outside of the system is ``(outside)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.protocols.quick import quick
from harmonium.protocols.validators import Rule

__all__ = [
    "KINDS",
    "OUTSIDE",
    "Buggify",
    "ClockJump",
    "Crash",
    "Delay",
    "Drop",
    "Duplicate",
    "Fault",
    "FullStore",
    "Handled",
    "Kill",
    "Partition",
    "Pause",
    "SlowLink",
    "SlowStore",
    "TornWrite",
    "handled",
]

OUTSIDE = "(outside)"
"""The name of whoever asks from outside of the system: the test itself."""


class Fault:
    """One thing that goes wrong; its repr can be pasted."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Name the first field by position, and leave out what is as by default."""
        parts = []
        kind: Any = type(self)
        for position, field in enumerate(attrs.fields(kind)):
            value = getattr(self, field.name)
            if position == 0:
                parts.append(repr(value))
            elif field.default is attrs.NOTHING or value != field.default:
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


class _Rule(Rule):
    """A bound that a fault's constructor tests without a call: a run draws several faults."""

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Raise ConfigError if the value is out of bounds."""
        if not self.holds(value):
            raise ConfigError(attribute.name, f"is {value}", self.text)


_from_one = _Rule(lambda value: value >= 1, "{} >= 1", "messages are counted from 1", ())
_seconds = _Rule(lambda value: value >= 0, "{} >= 0", "seconds are at least 0", ())


def _where(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if value not in ("before", "inside", "after"):
        raise ConfigError(attribute.name, f"is {value!r}", "use 'before', 'inside' or 'after'")


@quick
@attrs.frozen
class Handled:
    """The moment at which an agent has handled its n-th message.

    Args:
        actor: The agent.
        nth: Which of its messages, from 1.
    """

    actor: str
    nth: int = attrs.field(validator=_from_one)

    def __repr__(self) -> str:
        return f"handled({self.actor!r}, {self.nth})"


def handled(actor: str, nth: int) -> Handled:
    """Name the moment at which an agent has handled its n-th message."""
    return Handled(actor, nth)


def _groups(groups: Iterable[str | Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((one,) if isinstance(one, str) else tuple(one) for one in groups)


# -- what befalls an agent


@quick
@attrs.frozen(repr=False)
class Crash(Fault):
    """An agent's handler raises; its supervisor decides what follows.

    Args:
        actor: The agent.
        on: At which of its messages, from 1.
        where: ``before`` the handler has done anything; ``inside``: after what
            it does, before its answer is sent; ``after`` the answer is sent and
            the message counts as handled.
        step: For an async handler and ``inside``: how many of its `await`s are
            passed before it crashes, so 0 crashes it where it first waits.
    """

    actor: str
    on: int = attrs.field(default=1, validator=_from_one)
    where: Literal["before", "inside", "after"] = attrs.field(default="inside", validator=_where)
    step: int = 0


@quick
@attrs.frozen(repr=False)
class Kill(Fault):
    """An agent is ended at once: no hook runs, and the message in work fails.

    Args:
        actor: The agent.
        on: When it is about to handle this message, from 1; or None.
        at: At this virtual time, in seconds; or None.
    """

    actor: str
    on: int | None = attrs.field(default=None, validator=attrs.validators.optional(_from_one))
    at: float | None = attrs.field(default=None, validator=attrs.validators.optional(_seconds))

    def __attrs_post_init__(self) -> None:
        if (self.on is None) == (self.at is None):
            raise ConfigError("Kill", "needs either on= or at=", "Kill('pay', on=3)")


@quick
@attrs.frozen(repr=False)
class Pause(Fault):
    """An agent stands still, as in a long garbage collection; its mail waits.

    Args:
        actor: The agent.
        after: After it began this message, from 1; 0 pauses it from the start.
        secs: For how long, in virtual seconds.
    """

    actor: str
    after: int
    secs: float = attrs.field(validator=_seconds)


# -- what befalls messages; replies on their way back are messages too


@quick
@attrs.frozen(repr=False)
class Delay(Fault):
    """A message takes longer; what its sender sends there afterwards waits behind it.

    Args:
        to: The agent it goes to.
        nth: Which of the messages that go there, from 1; replies count.
        secs: How much longer, in virtual seconds.
        until: Hold it until that moment, and `secs` more.
    """

    to: str
    nth: int = attrs.field(validator=_from_one)
    secs: float = attrs.field(default=0.0, validator=_seconds)
    until: Handled | None = None


@quick
@attrs.frozen(repr=False)
class SlowLink(Fault):
    """Every message from one agent to another takes longer.

    Args:
        a: Who sends.
        b: Who receives.
        secs: How much longer, in virtual seconds.
    """

    a: str
    b: str
    secs: float = attrs.field(validator=_seconds)


@quick
@attrs.frozen(repr=False)
class Drop(Fault):
    """A message is lost; whoever asked hears nothing until its deadline.

    Args:
        to: The agent it goes to.
        nth: Which of the messages that go there, from 1; replies count.
    """

    to: str
    nth: int = attrs.field(validator=_from_one)


@quick
@attrs.frozen(repr=False)
class Duplicate(Fault):
    """A message arrives twice. A reply does not: an ask takes the first.

    Args:
        to: The agent it goes to.
        nth: Which of the messages that go there, from 1; replies count.
        secs: How much later the second one comes.
    """

    to: str
    nth: int = attrs.field(validator=_from_one)
    secs: float = attrs.field(default=0.0, validator=_seconds)


@quick
@attrs.frozen(repr=False)
class Partition(Fault):
    """Agents of one group cannot reach those of another; what they send is lost.

    Args:
        groups: Tuples of agents. A single group is cut off from all the rest.
        start: From this virtual time on, in seconds.
        stop: Until this virtual time.
        oneway: Lose only what goes from an earlier group to a later one (with a
            single group: what leaves it).
    """

    groups: tuple[tuple[str, ...], ...] = attrs.field(converter=_groups)
    start: float = attrs.field(default=0.0, validator=_seconds)
    stop: float = float("inf")
    oneway: bool = False


# -- what befalls clocks, stores and sites in the program


@quick
@attrs.frozen(repr=False)
class ClockJump(Fault):
    """The wall clock of an agent jumps (`time.time`, `datetime.now`; never `self.now()`).

    Args:
        actor: The agent whose clock it is; ``**`` for all.
        at: When, in virtual seconds.
        delta: By how much, in seconds; may be negative.
    """

    actor: str
    at: float = attrs.field(validator=_seconds)
    delta: float


@quick
@attrs.frozen(repr=False)
class SlowStore(Fault):
    """A store takes longer to make writes durable.

    Args:
        store: The store's name.
        secs: How much longer each sync takes, in virtual seconds.
        nth: Only this sync, from 1; None for all.
    """

    store: str
    secs: float = attrs.field(validator=_seconds)
    nth: int | None = None


@quick
@attrs.frozen(repr=False)
class FullStore(Fault):
    """A store's disk is full: the write is refused, and was not made.

    Args:
        store: The store's name.
        nth: Which write, from 1.
        count: How many writes in a row are refused.
    """

    store: str
    nth: int = attrs.field(validator=_from_one)
    count: int = 1


@quick
@attrs.frozen(repr=False)
class TornWrite(Fault):
    """Power fails during a write: a part of it is on the disk, nothing was acknowledged.

    All agents are killed at that moment; the store is opened again on what is
    on the disk.

    Args:
        store: The store's name.
        nth: Which write, from 1.
        kept: Which part of the record is on the disk, from 0.0 to 1.0.
    """

    store: str
    nth: int = attrs.field(validator=_from_one)
    kept: float = 0.5


@quick
@attrs.frozen(repr=False)
class Buggify(Fault):
    """A site in the program, ``if sometimes("name")``, says yes.

    Args:
        site: The name.
        on: At which pass, from 1; counted over all agents.
    """

    site: str
    on: int = attrs.field(default=1, validator=_from_one)


KINDS: tuple[type[Fault], ...] = (
    Buggify,
    ClockJump,
    Crash,
    Delay,
    Drop,
    Duplicate,
    FullStore,
    Kill,
    Partition,
    Pause,
    SlowLink,
    SlowStore,
    TornWrite,
)
"""Every class of fault."""
