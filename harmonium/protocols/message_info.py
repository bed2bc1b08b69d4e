"""What the runtime and the codec know of a message class, and who is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from harmonium.protocols.lanes import Lane

__all__ = [
    "MessageInfo",
    "Upcast",
    "default_name",
    "info_of",
    "is_message",
    "is_message_class",
    "name_of",
]

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the fields of one version, as decoded JSON, into those of the next."""

_PLUMBING = frozenset({"messages", "protocol"})


@attrs.frozen
class MessageInfo:
    """The identity of a message class, kept as its `__message__`.

    Args:
        name: Its name on the wire, as in ``orders.CheckStock``.
        version: Its version, from 1.
        upcast: For each older version the function that makes the next one of it.
        lane: The lane it takes unless the sender says another.
        owner: The class itself. A subclass inherits `__message__`, but is not
            the owner, and so is no message until it is decorated.
    """

    name: str
    version: int
    upcast: Mapping[int, Upcast]
    lane: Lane
    owner: type = attrs.field(eq=False, repr=False)

    @property
    def wire_name(self) -> str:
        """Name and version, as in ``orders.CheckStock/1``."""
        return f"{self.name}/{self.version}"


def info_of(cls: Any) -> MessageInfo | None:
    """Return the identity of a message class, or None when it is none."""
    info = getattr(cls, "__message__", None)
    return info if isinstance(info, MessageInfo) and info.owner is cls else None


def is_message_class(cls: Any) -> bool:
    """Tell whether `cls` is decorated with `@message` itself, not only a base of it."""
    return info_of(cls) is not None


def is_message(value: Any) -> bool:
    """Tell whether `value` can be sent: an instance of a message class."""
    # 110 ns for a message, so not on the path of each hop: there the contract's dict tells it.
    cls = type(value)
    info = getattr(cls, "__message__", None)
    return info is not None and getattr(info, "owner", None) is cls


def default_name(cls: type) -> str:
    """Name a class for the wire: the last telling part of its module, and its own name.

    Example:
        >>> class Pay: ...
        >>> Pay.__module__ = "examples.orders.messages"
        >>> default_name(Pay)
        'orders.Pay'
    """
    parts = cls.__module__.split(".")
    while len(parts) > 1 and parts[-1] in _PLUMBING:
        parts.pop()
    module = "main" if parts[-1] == "__main__" else parts[-1]
    return f"{module}.{re.sub(r'^.*<locals>[.]', '', cls.__qualname__)}"


def name_of(cls: type) -> str:
    """Name a class for people: a message by its name on the wire, another as by default."""
    info = info_of(cls)
    return info.name if info else default_name(cls)
