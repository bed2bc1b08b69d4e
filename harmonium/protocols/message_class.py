"""Makes the frozen attrs class behind a message, at once or as soon as its types are known."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.fast_init import give_fast_init
from harmonium.protocols.fields import check_fields, resolve_fields
from harmonium.protocols.freezing import Freezer
from harmonium.protocols.lanes import Lane
from harmonium.protocols.message_info import MessageInfo, Upcast, default_name

__all__ = ["complete", "made_message"]

T = TypeVar("T")

_NAME = re.compile(r"[^\W\d]\w*([.-]\w+)*")
_MUTABLE_BASES = (list, dict, set, bytearray, BaseException)


def made_message(
    cls: type[T],
    name: str | None,
    version: int,
    upcast: Upcast | Mapping[int, Upcast] | None,
    lane: Lane,
    scope: Mapping[str, Any],
) -> type[T]:
    """Make a class a message; `harmonium.protocols.message.message` says how.

    Args:
        cls: The class as it was written.
        name: Name on the wire, or None for the usual one.
        version: Version on the wire.
        upcast: The functions from older versions.
        lane: Its lane.
        scope: Names besides those of its module that its annotations may use.
    """
    _check_class(cls)
    name = name or default_name(cls)
    _check_options(default_name(cls), name, version)
    steps = _upcasts(default_name(cls), version, upcast)
    draft = _Draft(scope)
    made = _attrs_class(cls, draft)
    draft.owner = made
    made.__message__ = MessageInfo(name, version, steps, lane, made)  # type: ignore[attr-defined]
    made.__message_draft__ = draft  # type: ignore[attr-defined]
    with contextlib.suppress(NameError):  # a name that comes later: see `complete`
        _complete(made)
    return made


def _check_class(cls: Any) -> None:
    if not isinstance(cls, type):
        raise MessageDefinitionError(repr(cls), "only a class can be a message")
    if {"__attrs_attrs__", "__dataclass_fields__"} & vars(cls).keys():
        raise MessageDefinitionError(
            default_name(cls), "it is decorated already", "use @message alone: it makes it frozen"
        )
    if issubclass(cls, _MUTABLE_BASES):
        raise MessageDefinitionError(
            default_name(cls), "its base class is mutable", "put the value into a field"
        )


def _check_options(place: str, name: str, version: int) -> None:
    if not _NAME.fullmatch(name):
        raise MessageDefinitionError(
            place, f"{name!r} is no name for the wire", "write it like 'orders.CheckStock'"
        )
    if type(version) is not int or version < 1:
        raise MessageDefinitionError(place, f"{version!r} is no version", "count versions from 1")


def _upcasts(
    place: str, version: int, upcast: Upcast | Mapping[int, Upcast] | None
) -> Mapping[int, Upcast]:
    """Give one function for each older version that can be read."""
    if upcast is None:
        return {}
    steps = upcast if isinstance(upcast, Mapping) else {version - 1: upcast}
    for older, step in steps.items():
        if type(older) is not int or not 1 <= older < version:
            raise MessageDefinitionError(
                place,
                f"there is no version {older!r} before version {version}",
                "give upcast={1: from_1_to_2, ...}",
            )
        if not callable(step):
            raise MessageDefinitionError(place, f"the upcast from version {older} is no function")
    return dict(steps)


def _attrs_class(cls: type[T], draft: _Draft) -> type[T]:
    try:
        return attrs.frozen(auto_attribs=True, field_transformer=draft.transform)(cls)
    except (attrs.exceptions.UnannotatedAttributeError, TypeError, ValueError) as error:
        raise MessageDefinitionError(default_name(cls), str(error)) from error


class _Draft:
    """What is still to be done for a message class.

    Args:
        scope: Names for its annotations.
    """

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.freezers: dict[str, Freezer] = {}
        self.owner: type | None = None

    def transform(
        self, cls: type, fields: list[attrs.Attribute[Any]]
    ) -> list[attrs.Attribute[Any]]:
        """Give each field a converter that makes its values immutable."""
        del cls
        return [
            a if isinstance(a.converter, Freezer) else a.evolve(converter=self._converter(a))
            for a in fields
        ]

    def _converter(self, field: attrs.Attribute[Any]) -> Any:
        own = field.converter
        if isinstance(own, attrs.Converter):
            self.freezers[field.name] = last = Freezer(None, self.settle)
            return attrs.converters.pipe(own, last)
        self.freezers[field.name] = only = Freezer(own, self.settle)
        return only

    def settle(self) -> None:
        """Do it now: there is a first instance."""
        if self.owner is not None:
            complete(self.owner)


def complete(cls: type) -> None:
    """Resolve and check what a message class names, if that is still to be done.

    Contracts, codecs and the first instance call it; after that it does nothing.

    Raises:
        MessageDefinitionError: If a name is still not defined, or a type is mutable.
    """
    try:
        _complete(cls)
    except NameError as error:
        raise MessageDefinitionError(
            default_name(cls),
            f"it names {error.name!r}, which is not defined",
            "define or import it at the top of the module",
        ) from error


def _complete(cls: type) -> None:
    for base in cls.__mro__[1:-1]:
        _complete(base)
    draft: _Draft | None = vars(cls).get("__message_draft__")
    if draft is None:
        return
    resolve_fields(cls, draft.scope)
    check_fields(cls)
    for a in attrs.fields(cls):
        if a.name in draft.freezers:
            draft.freezers[a.name].bind(a.type, f"{default_name(cls)}.{a.name}")
    give_fast_init(cls, _steps)
    with contextlib.suppress(AttributeError):  # another thread was faster
        del cls.__message_draft__  # type: ignore[attr-defined]


def _steps(converter: Any) -> tuple[Callable[[Any], Any], ...]:
    if converter is None:
        return ()
    return converter.steps if isinstance(converter, Freezer) else (converter,)
