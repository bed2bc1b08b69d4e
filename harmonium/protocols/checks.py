"""The checks that values of a definition have in common: what is wrong, and the remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from harmonium.protocols.errors import ConfigError, SpecError

__all__ = [
    "check_count",
    "check_flag",
    "check_number",
    "check_seconds",
    "check_share",
    "inside",
    "is_number",
]

Made = TypeVar("Made")
_LARGEST = sys.float_info.max


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite int or float; a bool is no number here.

    An int that is too large for a float is none either: a system file can hold one.

    Example:
        >>> is_number(3), is_number(float("nan")), is_number(10**400), is_number("3")
        (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LARGEST <= value <= _LARGEST


def check_count(place: str, value: Any, *, least: int = 0) -> int:
    """Return `value` if it is a whole number of at least `least`.

    Raises:
        SpecError: If it is not; a bool is no number here.

    Example:
        >>> check_count("max_restarts", 3)
        3
    """
    if value.__class__ is int and value >= least:  # the usual case: 60 ns, where the rest takes 150
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(place, f"{value!r} is no whole number", f"give an int of at least {least}")
    if value < least:
        raise SpecError(place, f"{value} is too small", f"give an int of at least {least}")
    return value


def check_seconds(place: str, value: Any, *, above: float = -1.0, least: float = 0.0) -> float:
    """Return `value` as float if it is a finite number of seconds in its bounds.

    Args:
        place: What to name in the error.
        value: The number to check.
        above: The value must be greater than this one.
        least: The value must be at least this one.

    Raises:
        SpecError: If it is not; a bool is no number here.

    Example:
        >>> check_seconds("within", 5, above=0)
        5.0
    """
    if value.__class__ is float and above < value <= _LARGEST and value >= least:
        return value  # the usual case: a fifth of the rest
    return float(_bounded(place, value, above, least, _SECONDS))


def check_number(place: str, value: Any, *, above: float = -1.0, least: float = 0.0) -> float:
    """Return `value` if it is a finite number in its bounds, which are those of `check_seconds`.

    Raises:
        SpecError: If it is not; a bool is no number here.

    Example:
        >>> check_number("factor", 2, least=1.0)
        2
    """
    return _bounded(place, value, above, least, _NUMBER)


_SECONDS = ("seconds", "number of seconds", " s")
_NUMBER = ("a number", "number", "")


def _bounded(
    place: str, value: Any, above: float, least: float, words: tuple[str, str, str]
) -> float:
    what, kind, unit = words
    remedy = f"give {what} above {above:g}" if above >= 0 else f"give {what} of at least {least:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(place, f"{value!r} is no {kind}", remedy)
    if not is_number(value) or value <= above or value < least:
        raise SpecError(place, f"{_short(value, unit)} is out of bounds", remedy)
    return value


_SHARES = {
    (False, False): "between 0 and 1",
    (True, False): "from 0, below 1",
    (False, True): "above 0, up to 1",
    (True, True): "from 0 to 1",
}
"""The words for the bounds of a share: whether it may be 0, and 1."""


def check_share(place: str, value: Any, *, zero: bool = False, one: bool = False) -> float:
    """Return `value` if it is a number between 0 and 1.

    Args:
        place: What to name in the error.
        value: The number to check.
        zero: Whether it may be 0 as well.
        one: Whether it may be 1 as well.

    Raises:
        SpecError: If it is not; a bool is no number here.

    Example:
        >>> check_share("jitter", 0.2, zero=True, one=True)
        0.2
    """
    if is_number(value) and (0.0 < value < 1.0 or (zero and value == 0) or (one and value == 1)):
        share: float = value
        return share
    raise SpecError(place, f"{value!r} is no share", f"give a number {_SHARES[zero, one]}")


def check_flag(place: str, value: Any) -> bool:
    """Return `value` if it is True or False; raise SpecError if not."""
    if not isinstance(value, bool):
        raise SpecError(place, f"{value!r} is neither True nor False", "give a bool")
    return value


def inside(
    place: str, make: Callable[[], Made], error: type[ConfigError | SpecError] = SpecError
) -> Made:
    """Run `make`; put `place` where its SpecError names only the class, as an error of a kind."""
    try:
        return make()
    except SpecError as raised:
        _, dot, field = raised.path.partition(".")
        raise error(place + dot + field, raised.problem, raised.remedy) from None


def _short(value: float, unit: str) -> str:
    if isinstance(value, float) or is_number(value):
        return f"{value:g}{unit}"
    return "so large a number"  # it is no float, and its 400 digits help nobody
