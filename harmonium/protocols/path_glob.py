"""Patterns over tree paths, as chaos plans and dead-letter filters use them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import cached_property

import attrs

from harmonium.protocols.errors import SpecError

__all__ = ["PathGlob"]

# One segment of a pattern; None is `**`.
_Segment = Callable[[str], re.Match[str] | None] | None


@attrs.define(frozen=True, slots=False, repr=False)
class PathGlob:
    """A pattern that tree paths match or do not.

    Inside one segment `*`, `?` and `[abc]` mean what they mean in a shell, and
    case counts. `**` as a whole segment stands for any number of segments. A
    pattern that begins with ``/`` describes the whole path. Any other one
    describes its end, and a pool's pattern covers its members: ``inventory``
    matches ``/shop/inventory`` and ``/shop/inventory/3``.

    Args:
        text: The pattern. Not empty.

    Raises:
        SpecError: If the text is empty or has an empty segment.

    Example:
        >>> PathGlob("pay*").matches("/shop/payments")
        True
        >>> PathGlob("/shop/*").matches("/shop/inventory/3")
        False
    """

    text: str = attrs.field()

    @text.validator
    def _check(self, _attribute: attrs.Attribute[str], value: str) -> None:
        if not all(value.removeprefix("/").split("/")):
            raise SpecError(
                f"pattern {value!r}", "needs a name in each segment", "write /shop/pay*"
            )

    @cached_property
    def _segments(self) -> tuple[_Segment, ...]:
        absolute = self.text.startswith("/")
        parts = self.text.removeprefix("/").split("/")
        return tuple(map(_segment, parts if absolute else ["**", *parts]))

    def matches(self, path: str) -> bool:
        """Tell whether a path (``/shop/inventory``, or a bare name) matches."""
        names = path.removeprefix("/").split("/")
        if _fits(self._segments, names):
            return True
        member_of_pool = not self.text.startswith("/") and names[-1].isdigit()
        return member_of_pool and _fits(self._segments, names[:-1])

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"PathGlob({self.text!r})"


def _segment(pattern: str) -> _Segment:
    return None if pattern == "**" else re.compile(fnmatch.translate(pattern)).match


def _fits(segments: Sequence[_Segment], names: Sequence[str]) -> bool:
    if not segments:
        return not names
    first, rest = segments[0], segments[1:]
    if first is None:
        return any(_fits(rest, names[start:]) for start in range(len(names) + 1))
    return bool(names) and first(names[0]) is not None and _fits(rest, names[1:])
