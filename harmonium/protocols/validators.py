"""The validators that most messages need; those of attrs work as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

__all__ = ["Rule", "non_empty", "non_negative", "positive"]


@attrs.frozen
class Rule:
    """A validator that the generated constructor can test without calling it.

    Args:
        holds: Tells whether a value keeps the rule.
        test: The same as an expression over ``{}``, for the constructor.
        text: How the error goes on after the field's name.
        schema: The keywords of JSON Schema that say the same.
    """

    holds: Callable[[Any], bool]
    test: str
    text: str
    schema: tuple[tuple[str, Any], ...]

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Raise ValueError if the value breaks the rule."""
        del instance
        if not self.holds(value):
            raise ValueError(f"{attribute.name} must {self.text}, not {value!r}")


positive = Rule(lambda value: value > 0, "{} > 0", "be above 0", (("exclusiveMinimum", 0),))
"""Refuse 0 and below."""

non_negative = Rule(lambda value: value >= 0, "{} >= 0", "be 0 or more", (("minimum", 0),))
"""Refuse what is below 0."""

non_empty = Rule(
    lambda value: len(value) > 0,
    "len({}) > 0",
    "not be empty",
    (("minLength", 1), ("minItems", 1), ("minProperties", 1)),
)
"""Refuse a text, tuple, frozenset or mapping without content."""
