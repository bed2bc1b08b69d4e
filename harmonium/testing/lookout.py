"""`Lookout`: what a test looks at while its run goes on, and not only at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.testing.obligations import Rule
from harmonium.testing.trace import Trace
from harmonium.testing.violation import PropertyViolated

if TYPE_CHECKING:
    from harmonium.actors.simulated import SimulatedGround

__all__ = ["Lookout"]


class Lookout:
    """Stands beside a ground, which tells it what it needs to know.

    Args:
        ground: Whose run.
        trace: Where answers are noted.
    """

    __slots__ = ("_ground", "_log", "rules")

    def __init__(self, ground: SimulatedGround, trace: Trace) -> None:
        self._ground = ground
        self._log = trace.raw.append
        self.rules: list[Rule] = []
        """What holds always."""

    def always(self, rule: Rule) -> None:
        """Check a rule now, and after each thing that an agent does."""
        self.rules.append(rule)
        self._ground.on_delivery = self._look
        rule.check(self._ground.time)

    def _look(self) -> None:
        ground = self._ground
        for rule in self.rules:
            rule.check(ground.time)
        if ground.escaped:
            raise ground.escaped[0]

    # -- what the ground tells

    def escaped(self) -> None:
        """Simulated code has reached for the real world: the run ends after this visit."""
        self._ground.on_delivery = self._look

    def too_many(self) -> None:
        """More messages have arrived than the run may have.

        Raises:
            PropertyViolated: A livelock.
        """
        ground = self._ground
        raise PropertyViolated(
            "no livelock", f"{ground.deliveries} messages, and no end of it", ground.time
        )

    def answered(self, ask: Any, answer: Any) -> None:
        """A reply has arrived."""
        self._log((self._ground.time, "answered", ask.owner, answer))
