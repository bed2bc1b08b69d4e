"""`Table`: the children of one supervisor in start order, as a value.

A change gives a new table and costs the same with ten children and with ten
thousand: only the path to the changed place is copied (a trie of nodes with 32
places, as in Clojure's vectors). Places are never given out twice, so a higher
place means a later start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harmonium.supervisors.core.child import Child

__all__ = ["Table"]

_BITS = 5
_WIDTH = 1 << _BITS
_MASK = _WIDTH - 1
_EMPTY: tuple[Any, ...] = (None,) * _WIDTH


class _Index:
    """Where each id stands. Shared by the versions of a table; fits the newest one only."""

    __slots__ = ("places", "version")

    def __init__(self, places: dict[str, int], version: int) -> None:
        self.places = places
        self.version = version


class Table:
    """Children by id and by place.

    `put` and `remove` return a new table; this one stays as it is. An older
    version can still be read and changed, at the price of reading it once.
    """

    __slots__ = ("_index", "_root", "_shift", "_version", "end")

    def __init__(
        self,
        root: tuple[Any, ...] = _EMPTY,
        shift: int = 0,
        end: int = 0,
        index: _Index | None = None,
    ) -> None:
        self._root = root
        self._shift = shift
        self._index = _Index({}, 0) if index is None else index
        self._version = self._index.version
        self.end = end
        """One above the highest place that was ever given out."""

    @classmethod
    def of(cls, children: Sequence[Child]) -> Table:
        """Make the table of new children, in start order; each gets its place."""
        if len(children) > _WIDTH:
            table = cls()
            for one in children:
                table = table.put(one)
            return table
        for place, one in enumerate(children):
            one.place = place
        index = _Index({one.id: one.place for one in children}, len(children))
        return cls((*children, *_EMPTY[len(children) :]), 0, len(children), index)

    def get(self, id: str) -> Child | None:
        """Find a child by its id."""
        index = self._index if self._index.version == self._version else self._fitting()
        place = index.places.get(id)
        if place is None:
            return None
        return self._at(place) if self._shift else self._root[place]

    def put(self, child: Child) -> Table:
        """Replace the child at its place; a child at place -1 gets the next one."""
        index = self._fitting()
        if child.place < 0:
            child.place = self.end
            index.places[child.id] = child.place
            index.version += 1
        return self._changed(child.place, child, index)

    def put_all(self, children: Collection[Child]) -> Table:
        """Replace several children that have their places; the same as `put` for each."""
        if self._shift:
            table = self
            for one in children:
                table = table.put(one)
            return table
        places = list(self._root)  # few children stand in one node: it is copied once
        for one in children:
            places[one.place] = one
        return Table(tuple(places), 0, self.end, self._fitting())

    def remove(self, child: Child) -> Table:
        """Leave the child out."""
        index = self._fitting()
        del index.places[child.id]
        index.version += 1
        return self._changed(child.place, None, index)

    def upward(self, place: int = 0) -> Iterator[Child]:
        """Go through the children from `place` on, in start order."""
        if self._shift:
            return _upward(self._root, self._shift, 0, place)
        return iter([one for one in self._root[place : self.end] if one is not None])

    def downward(self, place: int | None = None) -> Iterator[Child]:
        """Go through the children from `place` back to the first one."""
        return _downward(self._root, self._shift, 0, self.end if place is None else place)

    def __len__(self) -> int:
        return len(self._fitting().places)

    def __iter__(self) -> Iterator[Child]:
        return self.upward()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Table({', '.join(f'{one.id}: {one.status.value}' for one in self)})"

    def _fitting(self) -> _Index:
        """Give the index of this version; one that a newer version took over is made anew."""
        if self._index.version != self._version:
            self._index = _Index({one.id: one.place for one in self}, self._version)
        return self._index

    def _at(self, place: int) -> Child | None:
        node = self._root
        for shift in range(self._shift, -1, -_BITS):
            node = node[(place >> shift) & _MASK]
            if node is None:
                return None
        return node  # type: ignore[return-value]

    def _changed(self, place: int, child: Child | None, index: _Index) -> Table:
        root, shift = self._root, self._shift
        if not shift and place < _WIDTH:  # 0.7 us, where the rest takes 1
            root = (*root[:place], child, *root[place + 1 :])
            return Table(root, 0, max(self.end, place + 1), index)
        while place >> (shift + _BITS):
            root = (root, *_EMPTY[1:])
            shift += _BITS
        root = _with(root, shift, place, child) or _EMPTY
        return Table(root, shift, max(self.end, place + 1), index)


def _with(node: tuple[Any, ...], shift: int, place: int, value: Any) -> tuple[Any, ...] | None:
    slot = (place >> shift) & _MASK
    if shift:
        value = _with(node[slot] or _EMPTY, shift - _BITS, place, value)
    if value is None and node.count(None) + (node[slot] is not None) == _WIDTH:
        return None
    return (*node[:slot], value, *node[slot + 1 :])


def _upward(node: tuple[Any, ...], shift: int, base: int, least: int) -> Iterator[Child]:
    for slot in range(max(0, (least - base) >> shift), _WIDTH):
        below = node[slot]
        if below is None:
            continue
        if shift:
            yield from _upward(below, shift - _BITS, base + (slot << shift), least)
        else:
            yield below


def _downward(node: tuple[Any, ...], shift: int, base: int, most: int) -> Iterator[Child]:
    for slot in range(min(_MASK, (most - base) >> shift), -1, -1):
        below = node[slot]
        if below is None:
            continue
        if shift:
            yield from _downward(below, shift - _BITS, base + (slot << shift), most)
        else:
            yield below
