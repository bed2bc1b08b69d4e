"""Durations as people write them: ``250ms``, ``10s``, ``5m``, ``1h``, ``7d``."""

from __future__ import annotations

import math
import re
from typing import Any

from harmonium.protocols.checks import is_number
from harmonium.protocols.errors import ConfigError, SpecError

__all__ = ["format_duration", "parse_duration", "read_duration"]

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(
    r"(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*(?P<unit>[a-z]*)", re.IGNORECASE
)


def parse_duration(text: str) -> float:
    """Read a duration; a number without a unit is seconds.

    Args:
        text: A number of at least 0 and one of the units ms, s, m, h, d.

    Returns:
        The duration in seconds.

    Raises:
        ConfigError: If the text is no such duration; it names the text and the forms.

    Example:
        >>> parse_duration("1.5m")
        90.0
    """
    form = _FORM.fullmatch(text.strip())
    unit = _UNITS.get(form["unit"]) if form else None
    seconds = float(form["number"]) * unit if form and unit else math.inf
    if not math.isfinite(seconds):
        raise ConfigError(repr(text), "is no duration", "write 250ms, 10s, 5m, 1h or 7d")
    return seconds


def read_duration(
    place: str, value: Any, error: type[ConfigError | SpecError] = ConfigError
) -> float:
    """Read a duration in a file, a text or a number of seconds; an error of a kind names its place.

    Example:
        >>> read_duration("shop.within", "250ms"), read_duration("shop.within", 5)
        (0.25, 5.0)
    """
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ConfigError as wrong:
            raise error(place, f"{value!r} {wrong.problem}", wrong.remedy) from None
    if not is_number(value):
        raise error(place, f"{value!r} is no duration", "write it as 250ms or as seconds")
    return float(value)


def format_duration(seconds: float) -> str:
    """Write a duration in seconds, so that `parse_duration` reads the same number again.

    Example:
        >>> format_duration(10.0), format_duration(0.25)
        ('10s', '0.25s')
    """
    return f"{repr(float(seconds)).removesuffix('.0')}s"
