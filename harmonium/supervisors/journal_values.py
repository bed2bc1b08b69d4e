"""Decisions as JSON: the values of specs, events and effects, there and back.

Whatever a decision was made from is an attrs class or an enum of ours, and comes
back as the same value. What it passed through unread (a factory, a message, the
request of an operator) comes back as its name: `Unread`, equal where the names are.
Arguments of agents are left out altogether: they may be secrets.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import attrs

from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.spec import ChildSpec

__all__ = ["Unread", "Values"]

_OURS = "harmonium."
_LEFT_OUT = frozenset({"args", "kwargs", "extra_args", "options", "with_arguments"})


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


class Values:
    """Makes JSON of values, and values of JSON.

    Args:
        specs: Child specs that both sides know; they are written as their ids,
            which makes a restart 300 bytes long, and not 1,500.

    Example:
        >>> from harmonium.protocols.budget import Budget
        >>> Values().to_json((1, Budget(3, 10.0)))
        [1, {'is': 'harmonium.protocols.budget:Budget', 'max_restarts': 3, 'within': 10.0}]
        >>> Values().from_json(_)
        (1, Budget(max_restarts=3, within=10.0))
    """

    def __init__(self, specs: Iterable[ChildSpec] = ()) -> None:
        self._specs = {one.id: one for one in specs}

    def to_json(self, value: Any) -> Any:
        """Describe a value by what JSON knows."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, tuple | list):
            return [self.to_json(one) for one in value]
        if isinstance(value, Mapping):
            return {"map": [[self.to_json(key), self.to_json(one)] for key, one in value.items()]}
        if isinstance(value, ChildSpec) and self._specs.get(value.id) is value:
            return {"spec": value.id}
        return self._described(value)

    def _described(self, value: Any) -> Any:
        kind = type(value)
        if not kind.__module__.startswith(_OURS) or not _is_value(kind):
            return {"unread": _name(value)}
        described = {"is": f"{kind.__module__}:{kind.__qualname__}"}
        if isinstance(value, enum.Enum):
            return described | {"value": value.value}
        for field in attrs.fields(kind):
            if field.init and field.name not in _LEFT_OUT:
                described[field.name] = self.to_json(getattr(value, field.name))
        return described

    def from_json(self, data: Any) -> Any:
        """Make the value again.

        Raises:
            ConfigError: If it is no such description, or names a class that is
                not there.
        """
        if isinstance(data, list):
            return tuple(self.from_json(one) for one in data)
        if not isinstance(data, dict):
            return data
        if "map" in data:
            return {self.from_json(key): self.from_json(one) for key, one in data["map"]}
        if "unread" in data:
            return Unread(data["unread"])
        if "spec" in data and "is" not in data:
            return self._specs[data["spec"]]
        return self._made(data)

    def _made(self, data: dict[str, Any]) -> Any:
        kind = _class(str(data.get("is")))
        if issubclass(kind, enum.Enum):
            return kind(data["value"])
        fields = {name: self.from_json(one) for name, one in data.items() if name != "is"}
        try:
            return kind(**fields)
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
