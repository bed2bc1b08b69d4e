"""Frozen values that are made several times for each event, with a cheaper constructor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from harmonium.protocols.fast_init import give_fast_init

__all__ = ["quick"]

C = TypeVar("C")


def quick(cls: type[C]) -> type[C]:
    """Give a frozen attrs class the constructor that costs less than half.

    A step of a pipeline makes about ten such values: it saves 3 of 15 us.
    """
    give_fast_init(cls, _steps)
    return cls


def _steps(converter: Any) -> tuple[Callable[[Any], Any], ...]:
    return () if converter is None else (converter,)
