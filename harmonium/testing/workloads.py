"""Workloads through Hypothesis: strategies for messages, and machines that drive a world.

This module needs Hypothesis; `harmonium.testing` imports without it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from harmonium.protocols.errors import MessageDefinitionError
from harmonium.protocols.immutable import FrozenMap
from harmonium.protocols.message import is_message_class
from harmonium.protocols.shapes import (
    AnyMessageShape,
    EnumShape,
    LiteralShape,
    MappingShape,
    MessageShape,
    RecordShape,
    RefShape,
    RowShape,
    ScalarShape,
    SetShape,
    TupleShape,
    UnionShape,
    shape_of,
)
from harmonium.testing.calm import quiet
from harmonium.testing.sealed import sealed
from harmonium.testing.spec import Faults
from harmonium.testing.strategies import Rng
from harmonium.testing.world import World

__all__ = ["WorldMachine", "from_message"]

MOST = 5
"""How many items tuples, sets and mappings have at most."""

_SCALARS: dict[type, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(),
    bytes: st.binary(),
    dt.datetime: st.datetimes(timezones=st.just(dt.UTC)),
    dt.date: st.dates(),
    dt.time: st.times(),
    dt.timedelta: st.timedeltas(),
    decimal.Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=2),
    uuid.UUID: st.uuids(),
}


def from_message(cls: type, **overrides: Any) -> st.SearchStrategy[Any]:
    """Give a strategy for the messages of a class, from its annotations.

    What a field's validator refuses is not drawn.

    Args:
        cls: A `@message` class.
        overrides: By field: a strategy, or the value itself.

    Raises:
        MessageDefinitionError: If it is no message class, has no such field, or a
            field's values cannot be made up (a ref, any message): override it.

    Example:
        >>> from harmonium import message
        >>> @message
        ... class Reserve:
        ...     sku: str
        ...     units: int
        >>> from_message(Reserve, sku="A1", units=st.integers(1, 9))
        builds(Reserve, sku=just('A1'), units=integers(min_value=1, max_value=9))
    """
    if not is_message_class(cls):
        raise MessageDefinitionError(
            getattr(cls, "__qualname__", repr(cls)), "is no message class", "decorate it: @message"
        )
    names = {field.name for field in attrs.fields(cls)}
    for name in overrides.keys() - names:
        raise MessageDefinitionError(f"{cls.__qualname__}.{name}", "there is no such field")
    return _built(cls, overrides)


def _built(cls: Any, overrides: dict[str, Any]) -> st.SearchStrategy[Any]:
    given = {}
    for field in attrs.fields(cls):
        if field.name in overrides:
            value = overrides[field.name]
            given[field.name] = value if isinstance(value, st.SearchStrategy) else st.just(value)
        else:
            given[field.name] = _of_field(cls, field)
    return st.builds(cls, **given)


def _of_field(cls: type, field: attrs.Attribute[Any]) -> st.SearchStrategy[Any]:
    strategy = _values(field.type, f"{cls.__qualname__}.{field.name}")
    if field.validator is None:
        return strategy
    return strategy.filter(_accepts(field))


def _accepts(field: Any) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        try:
            field.validator(None, field, value)
        except Exception:
            return False
        return True

    return accepts


def _values(annotation: Any, place: str) -> st.SearchStrategy[Any]:
    shape = shape_of(annotation, place)
    return _OF_SHAPE[type(shape)](shape, place)


def _refused(_: Any, place: str) -> st.SearchStrategy[Any]:
    raise MessageDefinitionError(
        place, "its values cannot be made up", f"give it: {place.rpartition('.')[2]}=..."
    )


_OF_SHAPE: dict[type, Callable[[Any, str], st.SearchStrategy[Any]]] = {
    AnyMessageShape: _refused,
    EnumShape: lambda shape, _: st.sampled_from(list(shape.type)),
    LiteralShape: lambda shape, _: st.sampled_from(shape.values),
    MappingShape: lambda shape, place: st.dictionaries(
        _values(shape.key, place), _values(shape.value, place), max_size=MOST
    ).map(FrozenMap),
    MessageShape: lambda shape, _: st.deferred(lambda: _built(shape.type, {})),
    RecordShape: lambda shape, _: st.deferred(lambda: _built(shape.type, {})),
    RefShape: _refused,
    RowShape: lambda shape, place: st.tuples(*(_values(one, place) for one in shape.items)),
    ScalarShape: lambda shape, _: _SCALARS[shape.type],
    SetShape: lambda shape, place: st.frozensets(_values(shape.item, place), max_size=MOST),
    TupleShape: lambda shape, place: st.lists(_values(shape.item, place), max_size=MOST).map(tuple),
    UnionShape: lambda shape, place: st.one_of(*(_values(one, place) for one in shape.options)),
}


class WorldMachine(RuleBasedStateMachine):
    """A state machine whose rules act on a world.

    Give it a `system`, and `faults` if there are to be any; write rules that
    send messages and let time pass, and state in `prepare` what must hold. When
    the steps are done the run goes on until all is settled, and is checked.

    Class attributes:
        system: The tree, or a function that builds it.
        faults: Which faults a run may have; None for delays and orders only.
        horizon: Virtual seconds after the last step in which faults happen.
    """

    system: ClassVar[Any] = None
    faults: ClassVar[Faults | None] = None
    horizon: ClassVar[float] = 60.0
    world: World

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._stack.enter_context(sealed())
        self._stack.enter_context(quiet())
        self._begun = False

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin_world(self, seed: int) -> None:
        """Start the system."""
        kind = type(self)
        system = kind.__dict__.get("system", kind.system)
        if isinstance(system, staticmethod):
            system = system.__func__
        choices = Rng(seed, kind.faults)
        self.world = World(system, choices=choices, seed=seed, horizon=self.horizon)
        self.world.start()
        self._begun = True
        self.prepare()

    def prepare(self) -> None:
        """State what must hold; called once, before the first rule."""

    def teardown(self) -> None:
        """Let the run come to its end, and check it."""
        try:
            if self._begun:
                self.world.finish()
                self.world.close()
        finally:
            self._stack.close()
