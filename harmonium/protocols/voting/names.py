"""Lists of names; a single text, which Python would take for a list of letters, is refused."""

from __future__ import annotations

from collections.abc import Iterable

from harmonium.protocols.errors import SpecError

__all__ = ["listed", "listed_or_none"]


def listed(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names as a tuple.

    Raises:
        SpecError: If they are one text, or no list at all.
    """
    if isinstance(names, str):
        problem, remedy = f"a list of names is the text {names!r}", "give a tuple of names"
        raise SpecError("vote", problem, remedy)
    if not isinstance(names, Iterable):
        raise SpecError("vote", f"{names!r} is no list of names", "give a tuple of names")
    return tuple(names)


def listed_or_none(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names as a tuple, or None."""
    return None if names is None else listed(names)
