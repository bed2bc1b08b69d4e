"""`Faults`: which kinds of faults a search may use, and on what."""

from __future__ import annotations

import attrs

from harmonium.protocols.path_glob import PathGlob

__all__ = ["Faults", "Where"]

Where = bool | str | tuple[str, ...]
"""What a kind of fault may befall: all (True), nothing (False), or what matches a pattern."""


def _patterns(value: Where) -> tuple[PathGlob, ...]:
    if value is True:
        return _ALL
    if not value:
        return ()
    return tuple(map(PathGlob, (value,) if isinstance(value, str) else value))


_ALL = (PathGlob("**"),)

_BY_RATE = (
    *("delay", "drop", "duplicate"),
    *("crash", "kill", "pause"),
    *("slow_store", "full_store", "torn_write"),
    *("partition", "clock_jump"),
)
"""In the order in which a search draws their rates: another one means other runs."""


@attrs.frozen(kw_only=True)
class Faults:
    """The faults that a search may use; without any it still explores orders and delays.

    Each kind is True, False, or a pattern of agents (stores, sites) or several.

    Args:
        crash: Handlers raise: before, inside or after a message.
        kill: Agents are ended at once.
        pause: Agents stand still for a while.
        delay: Messages, and whole links, are slow.
        drop: Messages are lost.
        duplicate: Messages arrive twice.
        partition: An agent is cut off for a while, in one or both directions.
        clock_jump: Wall clocks jump.
        slow_store: Stores are slow.
        full_store: Stores refuse writes.
        torn_write: Power fails in the middle of a write.
        buggify: Sites, ``if sometimes("name")``, say yes.
        max: At most so many faults other than delays and pauses in one run.
        longest: The longest delay or pause, in virtual seconds.
        often: The highest rate of a kind: how many of its points it hits, up to 1.
            A short test wants it high; a long run needs room to make progress.
    """

    crash: Where = False
    kill: Where = False
    pause: Where = True
    delay: Where = True
    drop: Where = False
    duplicate: Where = False
    partition: Where = False
    clock_jump: Where = False
    slow_store: Where = False
    full_store: Where = False
    torn_write: Where = False
    buggify: Where = True
    max: int = attrs.field(default=5, validator=attrs.validators.ge(0))
    longest: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))
    often: float = attrs.field(default=0.5, validator=attrs.validators.gt(0))
    _known: dict[str, dict[str, bool]] = attrs.field(
        factory=dict, init=False, eq=False, repr=False, hash=False
    )
    """What `hits` has answered, by kind and name: patterns are not read in each of 1,000 runs."""

    by_rate: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    """The kinds that are on and of which each run draws how often they come, in order."""

    def __attrs_post_init__(self) -> None:
        # Not a `cached_property`: in a slotted class that makes every look at a field slow.
        object.__setattr__(self, "by_rate", tuple(kind for kind in _BY_RATE if getattr(self, kind)))

    def hits(self, kind: str, name: str) -> bool:
        """Whether a kind of fault, by its field's name, may befall what has this name."""
        answers = self.answers(kind)
        known = answers.get(name)
        if known is None:
            known = any(one.matches(name) for one in _patterns(getattr(self, kind)))
            answers[name] = known
        return known

    def answers(self, kind: str) -> dict[str, bool]:
        """Give what `hits` has answered for a kind so far, by name."""
        return self._known.setdefault(kind, {})

    @classmethod
    def everything(cls) -> Faults:
        """Allow all that a network, a process and a clock can do to agents; stores stay well."""
        return cls(
            crash=True, kill=True, drop=True, duplicate=True, partition=True, clock_jump=True
        )
