"""`StopPhase`: one phase of a coordinated stop, as data."""

from __future__ import annotations

from typing import Any

import attrs

from harmonium.protocols.checks import check_flag, check_seconds
from harmonium.protocols.errors import SpecError

__all__ = ["StopPhase"]


def _names(after: Any) -> Any:
    return tuple(after) if isinstance(after, list | tuple | set | frozenset) else after


@attrs.frozen(slots=True)
class StopPhase:
    """One phase of a coordinated stop; its tasks run side by side.

    Args:
        name: Its name, unique in the plan.
        after: The phases that must be over before it begins.
        timeout: How long it may take, in seconds, above 0, default 5.
        recover: Whether the stop goes on when the phase fails or takes too long;
            if not, the phases that are left are given up.
        enabled: Whether its tasks run at all; those after it run all the same.

    Raises:
        SpecError: If a field is out of bounds.
    """

    name: str
    after: tuple[str, ...] = attrs.field(default=(), converter=_names)
    timeout: float = attrs.field(default=5.0, kw_only=True)
    recover: bool = attrs.field(default=True, kw_only=True)
    enabled: bool = attrs.field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise SpecError("stop_phases", f"{self.name!r} is no name", "give a text")
        place = f"stop_phases.{self.name}"
        if not isinstance(self.after, tuple) or not all(isinstance(n, str) for n in self.after):
            raise SpecError(
                f"{place}.after", f"{self.after!r} are no names", "give a list of texts"
            )
        check_seconds(f"{place}.timeout", self.timeout, above=0.0)
        check_flag(f"{place}.recover", self.recover)
        check_flag(f"{place}.enabled", self.enabled)
