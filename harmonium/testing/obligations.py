"""What must hold in a world: always, when quiet, in the end, or some time after a cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.testing.trace import Entry
from harmonium.testing.violation import PropertyViolated

if TYPE_CHECKING:
    from harmonium.testing.world import World

__all__ = ["Eventually", "LeadsTo", "Rule"]


@attrs.define
class Rule:
    """A condition with a name; it holds unless it gives something false, or raises.

    Args:
        condition: Called without arguments. Giving None counts as true, so that
            a function of asserts will do.
        name: What the report calls it.
    """

    condition: Callable[[], Any]
    name: str

    def check(self, now: float) -> None:
        """Raise if it does not hold."""
        condition = self.condition
        try:
            verdict = condition()
        except PropertyViolated:
            raise
        except AssertionError as error:
            raise PropertyViolated(self.name, str(error), now) from error
        if verdict is not None and not verdict:
            raise PropertyViolated(self.name, getattr(verdict, "why", ""), now)

    def holds(self) -> bool:
        """Whether it holds."""
        try:
            verdict = self.condition()
        except AssertionError:
            return False
        return verdict is None or bool(verdict)


@attrs.define
class Eventually(Rule):
    """A condition that must come true once the faults have stopped.

    Args:
        within: Virtual seconds after that.
    """

    within: float = 30.0


@attrs.define
class LeadsTo:
    """Each cause must be followed by its effect.

    Args:
        cause: Tells a message that begins an obligation.
        effect: Tells a message that ends one.
        within: Virtual seconds, from the cause or from when the faults stopped.
        key: What a cause and its effect have in common.
        name: What the report calls it.
    """

    cause: Callable[[Any], bool]
    effect: Callable[[Any], bool]
    within: float
    key: Callable[[Any], Any]
    name: str

    def check(self, world: World, healed: float, *, over: bool) -> None:
        """Raise if a cause has had no effect in time.

        Args:
            world: Whose history.
            healed: When the faults stopped.
            over: Whether nothing is left to happen, so that no effect can come.
        """
        pending: dict[Any, Entry] = {}
        for entry in world.trace.entries():
            if entry.kind not in ("handled", "answered"):
                continue
            message = entry.what
            if self.cause(message):
                pending.setdefault(self.key(message), entry)
            if self.effect(message):
                found = pending.get(self.key(message))
                if found is not None and entry.at <= max(found.at, healed) + self.within:
                    del pending[self.key(message)]
        for entry in pending.values():
            due = max(entry.at, healed) + self.within
            if over or due <= world.now:
                why = f"{entry.what!r} at {entry.at:.3f} s led to nothing within {self.within} s"
                raise PropertyViolated(self.name, why, due)
