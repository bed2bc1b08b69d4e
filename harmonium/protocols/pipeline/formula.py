"""Messages, values and conditions as data, for pipelines that are written in TOML.

A text that begins with ``$`` reads what is known: ``$request.customer_id``,
``$item.sku``, ``$index``, ``$result``, ``$key``, or a step by its name,
``$stock.units``. ``$$`` begins a text with a plain dollar sign. A table with
``message`` makes a message, every other key is one of its fields. Everything
else stands for itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.protocols.nearest import did_you_mean

__all__ = ["Condition", "Formula", "Messages", "read_condition", "read_formula"]

Messages = Mapping[str, type]
"""The message classes by the name that the file uses."""

_OWN = ("request", "item", "index", "result", "failure", "key")


@attrs.frozen
class Path:
    """Read something that is known: the first name, then its fields."""

    names: tuple[str, ...]

    def __call__(self, context: Any) -> Any:
        first, *rest = self.names
        value = getattr(context, first) if first in _OWN else context[first]
        for name in rest:
            value = _field(value, name)
        return value

    def __str__(self) -> str:
        return f"${'.'.join(self.names)}"


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value[name]
    if isinstance(value, tuple) and name.isdigit():
        return value[int(name)]
    return getattr(value, name)


@attrs.frozen
class Make:
    """Make a message of its fields."""

    cls: type
    fields: tuple[tuple[str, Any], ...]

    def __call__(self, context: Any) -> Any:
        return self.cls(**{name: value(context) for name, value in self.fields})


@attrs.frozen
class Many:
    """Make a tuple of its parts."""

    parts: tuple[Any, ...]

    def __call__(self, context: Any) -> tuple[Any, ...]:
        return tuple(part(context) for part in self.parts)


@attrs.frozen
class Plain:
    """Stand for itself."""

    value: Any

    def __call__(self, context: Any) -> Any:
        del context
        return self.value


Formula = Path | Make | Many | Plain


def read_formula(place: str, data: Any, messages: Messages) -> Formula:
    """Read a value or message.

    Raises:
        ConfigError: If a message or a path is unknown, with the place in the file.
    """
    if isinstance(data, str):
        return _text(place, data)
    if isinstance(data, list | tuple):
        parts = (read_formula(f"{place}[{n}]", one, messages) for n, one in enumerate(data))
        return Many(tuple(parts))
    if isinstance(data, Mapping) and "message" in data:
        return _message(place, data, messages)
    return Plain(data)


def _text(place: str, data: str) -> Path | Plain:
    if data.startswith("$$"):
        return Plain(data[1:])
    if not data.startswith("$"):
        return Plain(data)
    names = tuple(data[1:].split("."))
    if not all(name.replace("-", "_").isidentifier() or name.isdigit() for name in names):
        raise ConfigError(place, f"{data!r} is no path", "write $request.field or $step.field")
    return Path(names)


def _message(place: str, data: Mapping[str, Any], messages: Messages) -> Make:
    name = data["message"]
    cls = messages.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ConfigError(place, f"no message {name!r}", did_you_mean(str(name), messages))
    known = {a.alias: a for a in attrs.fields(cls) if a.init} if attrs.has(cls) else {}
    for key in data.keys() - {"message"} - known.keys():
        raise ConfigError(f"{place}.{key}", f"{name} has no such field", did_you_mean(key, known))
    for key, field in known.items():
        if key not in data and field.default is attrs.NOTHING:
            raise ConfigError(place, f"{name} needs a field {key!r}", f"give {key} = ...")
    fields = (
        (key, read_formula(f"{place}.{key}", value, messages))
        for key, value in data.items()
        if key != "message"
    )
    return Make(cls, tuple(fields))


# --- Conditions -----------------------------------------------------------

_TESTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "is": operator.eq,
    "is_not": operator.ne,
    "above": operator.gt,
    "below": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
    "in": lambda value, many: value in many,
}


@attrs.frozen
class Condition:
    """Whether all tests hold of a value; without tests, whether it is true."""

    value: Formula
    tests: tuple[tuple[str, Formula], ...] = ()

    def __call__(self, context: Any) -> bool:
        """Ask it."""
        value = self.value(context)
        if not self.tests:
            return bool(value)
        return all(_TESTS[name](value, other(context)) for name, other in self.tests)


@attrs.frozen
class Several:
    """Whether all, or any, of the conditions hold."""

    every: bool
    conditions: tuple[Any, ...]

    def __call__(self, context: Any) -> bool:
        results = (condition(context) for condition in self.conditions)
        return all(results) if self.every else any(results)


def read_condition(place: str, data: Any, messages: Messages) -> Condition | Several:
    """Read a condition: a path, a table with `value` and tests, or `all` or `any` of such.

    Example:
        >>> read_condition("when", {"value": "$a.n", "above": 3}, {}).tests
        (('above', Plain(value=3)),)
    """
    if isinstance(data, Mapping) and data.keys() <= {"all", "any"} and len(data) == 1:
        ((word, many),) = data.items()
        if not isinstance(many, list | tuple):
            raise ConfigError(f"{place}.{word}", "it is no list", "give a list of conditions")
        parts = (read_condition(f"{place}.{word}[{n}]", m, messages) for n, m in enumerate(many))
        return Several(word == "all", tuple(parts))
    if not isinstance(data, Mapping):
        return Condition(read_formula(place, data, messages))
    if "value" not in data:
        raise ConfigError(place, "it has no value", 'give value = "$step.field", or all = [...]')
    for key in data.keys() - {"value"} - _TESTS.keys():
        raise ConfigError(f"{place}.{key}", "no such test", did_you_mean(key, _TESTS))
    tests = (
        (key, read_formula(f"{place}.{key}", other, messages))
        for key, other in data.items()
        if key != "value"
    )
    return Condition(read_formula(f"{place}.value", data["value"], messages), tuple(tests))
