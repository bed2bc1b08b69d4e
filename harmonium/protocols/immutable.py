"""`FrozenMap`: what a dict becomes when it travels in a message."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, NoReturn, TypeVar, overload

__all__ = ["FrozenMap"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class FrozenMap(Mapping[K, V]):
    """A mapping that nobody can change, in the order in which it was made.

    Equal to any mapping with the same items, whatever their order. Hashable
    where its values are. Changing one means making another: ``old | {"a": 1}``.

    Args:
        items: A mapping or pairs; copied.

    Example:
        >>> stock = FrozenMap({"apple": 3})
        >>> stock["apple"], stock == {"apple": 3}, stock | {"pear": 1}
        (3, True, FrozenMap({'apple': 3, 'pear': 1}))
    """

    __slots__ = ("_items",)

    _items: dict[K, V]

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        object.__setattr__(self, "_items", dict(items))

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    # The mixins of Mapping would do, at five times the cost of the dict's own views.

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: Any = None) -> Any:
        """Return the value of `key`, or `default` when it is not there."""
        return self._items.get(key, default)

    def keys(self) -> KeysView[K]:
        """Return a view of the keys."""
        return self._items.keys()

    def values(self) -> ValuesView[V]:
        """Return a view of the values."""
        return self._items.values()

    def items(self) -> ItemsView[K, V]:
        """Return a view of the pairs."""
        return self._items.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return self._items == other._items
        return self._items == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __or__(self, other: Mapping[K, V]) -> FrozenMap[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return FrozenMap({**self._items, **other})

    def __repr__(self) -> str:
        return f"FrozenMap({self._items!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (self._items,)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a FrozenMap cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a FrozenMap cannot be changed: {name}")
