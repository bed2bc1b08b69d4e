"""The validators of messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from harmonium.protocols.message import non_empty, non_negative, positive


@pytest.mark.parametrize(
    ("rule", "good", "bad", "text"),
    [
        (positive, (1, 0.1, Decimal("0.01")), (0, -1, Decimal(0), float("nan")), "be above 0"),
        (non_negative, (0, 0.0, 5), (-1, -0.1, float("nan")), "be 0 or more"),
        (non_empty, ("a", (1,), {1: 2}), ("", (), frozenset()), "not be empty"),
    ],
)
def test_rules(rule: Any, good: tuple[Any, ...], bad: tuple[Any, ...], text: str) -> None:
    """Each lets its good values pass, and names the field and the value for a bad one."""
    made = attrs.make_class("Made", {"f": attrs.field(validator=rule)})
    for value in good:
        assert made(value).f is value
        assert eval(rule.test.format("value"))
    for value in bad:
        assert not eval(rule.test.format("value"))
        with pytest.raises(ValueError, match=f"f must {text}, not "):
            made(value)
