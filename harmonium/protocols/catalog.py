"""The message classes that a codec knows, by name and version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from harmonium.protocols.errors import MalformedMessage, MessageDefinitionError, UnknownMessage
from harmonium.protocols.fields import parts_of, wire_fields
from harmonium.protocols.message_class import complete
from harmonium.protocols.message_info import MessageInfo, Upcast, info_of
from harmonium.protocols.nearest import nearest
from harmonium.protocols.scalars import misfit
from harmonium.protocols.shapes import MessageShape, RecordShape, Shape, shape_of

__all__ = ["Catalog", "reachable"]

_WIRE_NAME = re.compile(r"([^/\s]{1,200})/([1-9][0-9]{0,8})")

Steps = tuple[tuple[int, Upcast], ...]


class Catalog:
    """Finds the class that a name and version on the wire mean, and what leads to it.

    Args:
        messages: The classes; those in their fields are added.

    Raises:
        MessageDefinitionError: If one is no message class, or two have the
            same name and version.
    """

    def __init__(self, messages: Iterable[type]) -> None:
        self.shapes: dict[Any, Shape] = {}
        self._by_name: dict[str, dict[int, MessageInfo]] = {}
        self._exact: dict[str, type] = {}
        for cls in messages:
            if info_of(cls) is None:
                raise MessageDefinitionError(
                    getattr(cls, "__qualname__", repr(cls)),
                    "it is no message class",
                    "decorate it with @message",
                )
            self.shapes.update(reachable(cls))
        for shape in self.shapes.values():
            if isinstance(shape, MessageShape):
                self._add(shape.type)

    def _add(self, cls: type) -> None:
        info = info_of(cls)
        assert info is not None  # noqa: S101 - its shape says so
        self._exact[info.wire_name] = cls
        other = self._by_name.setdefault(info.name, {}).setdefault(info.version, info)
        if other.owner is not cls:
            raise MessageDefinitionError(
                f"{cls.__module__}.{cls.__qualname__}",
                f"{other.owner.__module__}.{other.owner.__qualname__} is {info.wire_name} too",
                "give one of them another name: @message(name=...)",
            )

    def knows(self, cls: type) -> bool:
        """Tell whether this very class is among them."""
        return cls in self.shapes

    @property
    def names(self) -> tuple[str, ...]:
        """All names with their versions, sorted."""
        return tuple(sorted(self._exact))

    def find(self, wire_name: Any) -> tuple[type, Steps]:
        """Find the class for a name on the wire, and the upcasts that lead to its version.

        Raises:
            CodecError: If it is no name, or names nothing that is known.
        """
        if type(wire_name) is not str:
            raise misfit("a name like 'orders.Pay/1'", wire_name)
        if wire_name in self._exact:
            return self._exact[wire_name], ()
        match = _WIRE_NAME.fullmatch(wire_name)
        if match is None:
            raise MalformedMessage("", "a name like 'orders.Pay/1' expected")
        name, version = match[1], int(match[2])
        versions = self._by_name.get(name)
        if versions is None:
            raise UnknownMessage("", f"no message is named {name!r}", nearest(name, self._by_name))
        return self._older(versions[max(versions)], version)

    def _older(self, info: MessageInfo, version: int) -> tuple[type, Steps]:
        if version > info.version:
            raise UnknownMessage(
                "", f"version {version} of {info.name} is newer than {info.version}, the last known"
            )
        missing = [step for step in range(version, info.version) if step not in info.upcast]
        if missing:
            raise UnknownMessage(
                "", f"no upcast leads from version {missing[0]} of {info.name} to the next"
            )
        steps = tuple((step, info.upcast[step]) for step in range(version, info.version))
        return info.owner, steps


def reachable(cls: type) -> Iterator[tuple[Any, Shape]]:
    """Give the types that a message class consists of, itself first, each once.

    Args:
        cls: A message class.

    Raises:
        MessageDefinitionError: If one of them cannot be resolved.
    """
    seen: set[Any] = set()
    waiting: list[Any] = [cls]
    while waiting:
        annotation = waiting.pop()
        if annotation in seen:
            continue
        seen.add(annotation)
        shape = shape_of(annotation, cls.__qualname__)
        yield annotation, shape
        waiting += parts_of(shape)
        if isinstance(shape, MessageShape | RecordShape):
            complete(shape.type)
            waiting += [field.type for field in wire_fields(shape.type)]
