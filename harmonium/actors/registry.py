"""Names: how a path, an id or a registered name becomes an agent.

An address that starts with ``/`` is a path from the root. Any other is looked
up like a variable: among the sender's children, then among its siblings, then
one level up after the other, and at last among the registered names. Each step
is one dict look-up, so nothing here grows with the number of agents.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from harmonium.protocols.errors import SpecError

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell

__all__ = ["Registry"]


class Registry:
    """The names of one ground.

    Args:
        root: The top of the tree.
    """

    def __init__(self, root: Cell) -> None:
        self._root = root
        self._names: dict[str, Cell] = {}

    def register(self, name: str, cell: Cell) -> None:
        """Give an agent a name that is known everywhere on its ground.

        Raises:
            SpecError: If a living agent has the name.
        """
        self.check_free(name, cell.path, cell)
        self._names[name] = cell
        cell.more.names = [*cell.more.names, name]

    def check_free(self, name: str, path: str, cell: Cell | None = None) -> None:
        """Refuse a name that a living agent has.

        Raises:
            SpecError: If it has one.
        """
        holder = self._names.get(name)
        if holder is not None and holder is not cell and holder.alive:
            raise SpecError(path, f"the name {name!r} belongs to {holder.path}")

    def forget(self, cell: Cell) -> None:
        """Drop all names of an agent that is dead."""
        if cell.more_ is not None:
            for name in cell.more_.names:
                if self._names.get(name) is cell:
                    del self._names[name]

    def find(self, address: str, scope: Cell | None = None) -> Cell | None:
        """The agent behind an address, seen from `scope`; None if there is none.

        Args:
            address: ``/shop/inventory``, ``inventory``, ``inventory/3`` or a name.
            scope: Who asks; None for the outside, which sees what stands
                directly below each top-level agent.
        """
        if "/" in address:
            return self._find_path(address, scope)
        at = scope
        while at is not None:
            if at.children is not None and address in at.children:
                return at.children[address]
            at = at.parent
        found = self._names.get(address)
        if found is None and scope is None:
            found = _walk(self._root, address) or self._below_top(address)
        return found

    def _find_path(self, address: str, scope: Cell | None) -> Cell | None:
        """Go step by step from the root, or from whoever up the tree has the first step."""
        if address.startswith("/"):
            return _walk(self._root, address[1:])
        at: Cell | None = scope
        while at is not None:
            found = _walk(at, address)
            if found is not None:
                return found
            at = at.parent
        found = self._names.get(address) or _walk(self._root, address)
        if found is None and scope is None:
            found = self._below_top(address)
        return found

    def _below_top(self, address: str) -> Cell | None:
        """The one agent of this address below a top-level agent, if there is just one."""
        found: Cell | None = None
        for top in (self._root.children or {}).values():
            cell = _walk(top, address)
            if cell is not None:
                if found is not None:
                    return None
                found = cell
        return found

    def nearest(self, address: str, scope: Cell | None) -> str:
        """The known address most like this one, or an empty string."""
        known: set[str] = set(self._names)
        at = scope if scope is not None else self._root
        tops = list((self._root.children or {}).values())
        for cell in (at, at.parent, self._root, *tops):
            if cell is not None and cell.children and len(cell.children) < 1_000:
                known.update(cell.children)
        found = difflib.get_close_matches(address, sorted(known), 1)
        return found[0] if found else ""


def _walk(cell: Cell, steps: str) -> Cell | None:
    if "/" not in steps:  # the usual case, at half the price
        return None if cell.children is None else cell.children.get(steps)
    at: Cell | None = cell
    for step in steps.split("/"):
        if at is None or at.children is None:
            return None
        at = at.children.get(step)
    return at
