"""`MessageBook`: the codec of a coordinator, which learns the classes that it meets.

A message is kept under its name and version. Which class that is has to be
known when it is read again, by another process: so the place of each class, its
module and name, is kept beside the messages and imported. What cannot be
imported (a class inside a function, or one that has moved) is looked for in the
contracts of the agents of the declared tree.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from harmonium.actors.cell import Cell
from harmonium.protocols.codec import Codec
from harmonium.protocols.contract import Contract
from harmonium.protocols.errors import CodecError, UnknownAgent
from harmonium.protocols.message_info import info_of
from harmonium.protocols.pipeline import wire
from harmonium.protocols.pipeline.events import Event
from harmonium.supervisors.pipelines import pipelines_of
from harmonium.supervisors.singleton import made_by
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec
from harmonium.supervisors.supervisor import Supervisor

__all__ = ["MessageBook"]


class MessageBook:
    """Turns events with their messages to plain data and back.

    Args:
        cell: The coordinator's cell: refs in messages are looked up from it.
        places: Where the classes are that were met before: ``module:name`` by
            the message's name.
    """

    def __init__(self, cell: Cell, places: Mapping[str, str]) -> None:
        self._cell = cell
        self.places = dict(places)
        self.is_changed = False
        """Whether `places` has something that the store has not."""
        self._classes: dict[str, type] = {}
        self._keep(_imported(self.places))
        self._take_in(set(_declared(cell)))
        self._codec = self._new_codec()

    def encode(self, event: Event, at: float) -> dict[str, Any]:
        """Give an event and its time as plain data.

        Raises:
            CodecError: If it holds what is no message and no plain value.
        """
        try:
            return wire.encode(event, at, self._codec)
        except CodecError:
            if not self._learn(event):
                raise
            return self.encode(event, at)

    def encode_value(self, value: Any) -> Any:
        """Give a result as plain data.

        Raises:
            CodecError: If it is no message and no plain value.
        """
        try:
            return wire.encode_value(value, self._codec)
        except CodecError:
            if not self._learn(value):
                raise
            return self.encode_value(value)

    def decode(self, data: Any) -> tuple[Event, float]:
        """Make an event and its time again.

        Raises:
            CodecError: If a message in it is not known any more.
        """
        return wire.decode(data, self._codec)

    def decode_value(self, data: Any) -> Any:
        """Make a result again.

        Raises:
            CodecError: If a message in it is not known any more.
        """
        return wire.decode_value(data, self._codec)

    def _learn(self, value: Any) -> bool:
        """Take in the classes of all messages in a value; False when none is new."""
        new = {type(one) for one in _messages_in(value)} - set(self._classes.values())
        if not new:
            return False
        self._take_in(new)
        self._codec = self._new_codec()
        return True

    def _take_in(self, classes: set[type]) -> None:
        self._keep(classes)
        for cls in classes:
            place = f"{cls.__module__}:{cls.__qualname__}"
            if "<locals>" not in place and self.places.get(_wire_name(cls)) != place:
                self.places[_wire_name(cls)] = place
                self.is_changed = True

    def _keep(self, classes: Iterable[type]) -> None:
        for cls in classes:
            self._classes[_wire_name(cls)] = cls

    def _new_codec(self) -> Codec:
        return Codec(
            self._classes.values(), ref_to_str=lambda ref: str(ref.path), str_to_ref=self._ref
        )

    def _ref(self, path: str) -> Any:
        found = self._cell.ground.registry.find(path)
        if found is None:
            raise UnknownAgent(path, "")
        return found.ref


def _wire_name(cls: type) -> str:
    info = info_of(cls)
    return "" if info is None else info.wire_name


def _messages_in(value: Any) -> Iterator[Any]:
    if info_of(type(value)) is not None:
        yield value
    if attrs.has(type(value)):
        parts: Iterable[Any] = (getattr(value, f.name, None) for f in attrs.fields(type(value)))
    elif isinstance(value, Mapping):
        parts = (*value.keys(), *value.values())
    elif isinstance(value, tuple | list | frozenset):
        parts = value
    else:
        return
    for part in parts:
        yield from _messages_in(part)


# -- classes that are known before any message comes


def _imported(places: Mapping[str, str]) -> Iterator[type]:
    for place in places.values():
        module, _, name = place.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            continue  # it moved; if a contract does not name it either, decoding says so
        if isinstance(found, type) and info_of(found) is not None:
            yield found


def _declared(cell: Cell) -> Iterator[type]:
    """Give the classes that the contracts of the declared tree name."""
    tops = [one.agent.state.spec for one in _above(cell) if isinstance(one.agent, Supervisor)]
    if not tops:
        return
    for contract in _contracts(tops[-1]):
        for cls in (*contract.accepts, *contract.answers, *contract.publishes):
            if info_of(cls) is not None:
                yield cls
    for declared in pipelines_of(tops[-1]):
        yield declared.pipeline.request


def _above(cell: Cell) -> Iterator[Cell]:
    while cell.parent is not None:
        cell = cell.parent
        yield cell


def _contracts(spec: SupervisorSpec) -> Iterator[Contract]:
    members = spec.children if spec.template is None else (*spec.children, spec.template)
    for member in members:
        if member.tree is not None:
            yield from _contracts(member.tree)
        else:
            yield from _contract(member)


def _contract(spec: ChildSpec) -> Iterator[Contract]:
    table = getattr(made_by(spec), "__table__", None)
    if table is not None:
        yield table.contract
