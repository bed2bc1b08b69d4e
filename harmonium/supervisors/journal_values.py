"""Decisions as JSON: the values of specs, events and effects, there and back.

Whatever a decision was made from is an attrs class or an enum of ours, and comes
back as the same value. What it passed through unread (a factory, a message, the
request of an operator) comes back as its name: `Unread`, equal where the names are.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import attrs

from harmonium.protocols.errors import ConfigError

__all__ = ["Unread", "from_json", "to_json"]

_OURS = "harmonium."


@attrs.frozen(slots=True)
class Unread:
    """Stands for something that no decision looks into.

    Args:
        name: What it was called.
    """

    name: str

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Refuse to stand for a factory.

        Raises:
            ConfigError: Always: a journal can be decided about again, not run.
        """
        raise ConfigError(self.name, "only its name stands in the journal")


def to_json(value: Any) -> Any:
    """Describe a value by what JSON knows.

    Example:
        >>> from harmonium.protocols.budget import Budget
        >>> to_json((1, Budget(3, 10.0)))
        [1, {'is': 'harmonium.protocols.budget:Budget', 'max_restarts': 3, 'within': 10.0}]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {"map": [[to_json(key), to_json(one)] for key, one in value.items()]}
    kind = type(value)
    if not kind.__module__.startswith(_OURS) or not _is_value(kind):
        return {"unread": _name(value)}
    is_ = {"is": f"{kind.__module__}:{kind.__qualname__}"}
    if isinstance(value, enum.Enum):
        return is_ | {"value": value.value}
    fields = [field.name for field in attrs.fields(kind) if field.init]
    return is_ | {name: to_json(getattr(value, name)) for name in fields}


def from_json(data: Any) -> Any:
    """Make the value again.

    Raises:
        ConfigError: If it is no such description, or names a class that is not there.

    Example:
        >>> from harmonium.protocols.budget import Budget
        >>> from_json(to_json(Budget(3, 10.0)))
        Budget(max_restarts=3, within=10.0)
    """
    if isinstance(data, list):
        return tuple(from_json(one) for one in data)
    if not isinstance(data, dict):
        return data
    if "map" in data:
        return {from_json(key): from_json(one) for key, one in data["map"]}
    if "unread" in data:
        return Unread(data["unread"])
    fields = {name: one for name, one in data.items() if name != "is"}
    kind = _class(str(data.get("is")))
    if issubclass(kind, enum.Enum):
        return kind(fields["value"])
    try:
        return kind(**{name: from_json(one) for name, one in fields.items()})
    except TypeError as error:
        raise ConfigError(str(data["is"]), f"is of another version: {error}") from None


def _class(name: str) -> Any:
    module, _, qualname = name.partition(":")
    found: Any = None
    if module.startswith(_OURS):
        try:
            found = getattr(import_module(module), qualname, None)
        except ImportError:
            found = None
    if not isinstance(found, type) or not _is_value(found):
        raise ConfigError(name, "is no value of a journal, or of another version")
    return found


def _is_value(kind: type) -> bool:
    return attrs.has(kind) or issubclass(kind, enum.Enum)


def _name(value: Any) -> str:
    named = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}:{named.__qualname__}"
