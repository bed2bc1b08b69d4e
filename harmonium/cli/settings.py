"""``--set name=value``: text to typed settings, with errors that help."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.protocols.nearest import did_you_mean

__all__ = ["read_settings"]

S = TypeVar("S")

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_settings(cls: type[S], pairs: Iterable[str]) -> S:
    """Make the settings from ``name=value`` texts; what is not named has its default.

    Raises:
        ConfigError: If a name is unknown or stands twice, or a value is of the
            wrong type or out of its bounds.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals:
            raise ConfigError(f"--set {pair!r}", "it is not name=value")
        if name not in hints:
            raise ConfigError(f"--set {name}", "unknown setting", did_you_mean(name, hints))
        if name in values:
            raise ConfigError(f"--set {name}", "it is set twice")
        values[name] = _convert(name, text.strip(), hints[name])
    return _make(cls, values)


def _convert(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return _WORDS[text.lower()]
        if kind in (int, float, Decimal):
            # Python's own readers take 1_0 and digits of other scripts; a person means neither.
            return kind(text if text.isascii() and "_" not in text else "?")
        return text
    except (ValueError, KeyError, InvalidOperation):
        what = {int: "an integer", float: "a number", bool: "true or false"}.get(kind, "a number")
        raise ConfigError(f"--set {name}={text}", f"{text!r} is not {what}") from None


def _make(cls: type[S], values: dict[str, Any]) -> S:
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        text = str(error.args[0]) if error.args else str(error)
        bad = next((n for n in values if f"'{n}'" in text), "")
        place = f"--set {bad}={values[bad]}" if bad else "--set"
        raise ConfigError(place, text.split("\n")[0]) from None


def describe_settings(cls: type[Any]) -> list[tuple[str, str, str]]:
    """List name, default and help of each setting."""
    return [
        (field.name, str(field.default), str(field.metadata.get("help", "")))
        for field in attrs.fields(cls)
    ]
