"""`@message`: a class whose instances can be sent.

A message is a frozen, slotted attrs class with a name and a version. Its
fields are of immutable types only, at any depth, so that two agents never
share state through it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform, overload

import attrs
from attrs import field

from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.lanes import Lane
from harmonium.protocols.message_class import made_message
from harmonium.protocols.message_info import (
    MessageInfo,
    Upcast,
    info_of,
    is_message,
    is_message_class,
)
from harmonium.protocols.shapes import AnyMessage
from harmonium.protocols.validators import non_empty, non_negative, positive

__all__ = [
    "AnyMessage",
    "FrozenMap",
    "MessageInfo",
    "Upcast",
    "evolve",
    "field",
    "info_of",
    "is_message",
    "is_message_class",
    "message",
    "non_empty",
    "non_negative",
    "positive",
]

T = TypeVar("T")


@overload
@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field, field))
def message(cls: type[T], /) -> type[T]: ...
@overload
@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field, field))
def message(
    *,
    name: str | None = None,
    version: int = 1,
    upcast: Upcast | Mapping[int, Upcast] | None = None,
    lane: Lane = Lane.USER,
) -> Callable[[type[T]], type[T]]: ...
def message(
    cls: type[T] | None = None,
    /,
    *,
    name: str | None = None,
    version: int = 1,
    upcast: Upcast | Mapping[int, Upcast] | None = None,
    lane: Lane = Lane.USER,
) -> Any:
    """Make a class a message: frozen, slotted, named, and of immutable fields only.

    What attrs offers works: `field` with defaults, validators, converters,
    `__attrs_post_init__`, `match`, pickling. A list given for a tuple field is
    copied into a tuple, and so for the other immutable containers. A type that
    is not defined yet is checked when the first instance is made or the class
    is first used in a contract or codec. A subclass of a message is a message
    only when it is decorated too.

    Args:
        cls: The class, when used without parentheses.
        name: Name on the wire; by default the last telling part of the module
            and the class's name, as in ``orders.CheckStock``.
        version: Version on the wire, from 1. Count it up when a field is
            added, removed or changed.
        upcast: What turns the decoded fields of an older version into those of
            the next: one function for the version before this one, or a
            mapping from each older version to its function.
        lane: The lane of its instances, unless the sender says another.

    Raises:
        MessageDefinitionError: If a field is of a mutable type, or the options
            make no sense.

    Example:
        >>> @message
        ... class CheckStock:
        ...     sku: str
        ...     quantity: int = field(validator=positive)
        >>> CheckStock("A1", 2)
        CheckStock(sku='A1', quantity=2)
    """
    # The names around a class that is defined in a function, for its annotations.
    frame = sys._getframe(1)  # noqa: SLF001 - as typing.NamedTuple does
    scope = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)

    def decorate(owner: type[T]) -> type[T]:
        return made_message(owner, name, version, upcast, lane, scope)

    return decorate if cls is None else decorate(cls)


def evolve(message: T, /, **changes: Any) -> T:
    """Copy a message with some fields changed; validators and converters run.

    Example:
        >>> from harmonium.protocols.signals import Terminated
        >>> evolve(Terminated("/a", 1, "crash"), incarnation=2)
        Terminated(path='/a', incarnation=2, kind='crash', detail='')
    """
    instance: Any = message  # for mypy a message is no attrs class, but a dataclass transform
    evolved: T = attrs.evolve(instance, **changes)
    return evolved
