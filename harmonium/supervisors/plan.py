"""The difference of two trees, and the steps from one to the other.

A plan moves only what changed: a child whose start is the same keeps running,
a change of limits and policies restarts nobody.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["Action", "Change", "Step", "diff", "plan"]


@attrs.frozen(slots=True)
class Change:
    """One difference.

    Args:
        path: Where in the tree.
        field: Which field; empty where a whole child is new or gone.
        before: What it was; None for a new child.
        after: What it is; None for a child that is gone.
    """

    path: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.field:
            return f"{self.path}.{self.field}: {self.before} -> {self.after}"
        return f"{self.path}: {'added' if self.before is None else 'removed'}"


def diff(old: SupervisorSpec, new: SupervisorSpec, *, path: str = "") -> tuple[Change, ...]:
    """List all differences of two trees, from the top down.

    Example:
        >>> from harmonium.supervisors.spec import child, supervisor
        >>> one = supervisor("shop", children=[child(dict, id="stock")])
        >>> two = supervisor("shop", within=9.0, children=[child(dict, id="orders")])
        >>> [str(change) for change in diff(one, two)]
        ['/shop.within: 5.0 -> 9.0', '/shop/stock: removed', '/shop/orders: added']
    """
    return tuple(_differences(old, new, f"{path}/{new.name}"))


def _differences(old: SupervisorSpec, new: SupervisorSpec, path: str) -> Iterator[Change]:
    yield from _fields(old, new, path, leave="children")
    for one in old.children:
        if new.named(one.id) is None:
            yield Change(f"{path}/{one.id}", "", one, None)
    for one in new.children:
        before = old.named(one.id)
        if before is None:
            yield Change(f"{path}/{one.id}", "", None, one)
        elif before != one:
            yield from _child_differences(before, one, f"{path}/{one.id}")
    kept = [one.id for one in old.children if new.named(one.id) is not None]
    order = [one.id for one in new.children if old.named(one.id) is not None]
    if kept != order:
        yield Change(path, "children", tuple(kept), tuple(order))


def _child_differences(old: ChildSpec, new: ChildSpec, path: str) -> Iterator[Change]:
    yield from _fields(old, new, path, leave="start")
    if old.tree is not None and new.tree is not None:
        yield from _differences(old.tree, new.tree, path)
    elif old.start != new.start:
        yield Change(path, "start", old.start, new.start)


def _fields(old: Any, new: Any, path: str, *, leave: str) -> Iterator[Change]:
    for field in attrs.fields(type(new)):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.init and field.name != leave and before != after:
            yield Change(path, field.name, before, after)


# --- the steps ---


class Action(enum.Enum):
    """What to order at a supervisor; each is a command of its agent."""

    RECONFIGURE = "reconfigure"
    """Give it the new spec; no child is touched."""
    STOP = "stop"
    DELETE = "delete"
    RESTART = "restart"
    """Start the stopped child again, by its new spec and at its old place."""
    START = "start"
    """Add the child, behind the others until the supervisor itself is restarted."""
    REPLACE = "replace"
    """The root itself cannot be changed into this; start the system anew."""


@attrs.frozen(slots=True)
class Step:
    """One step of a plan.

    Args:
        path: The supervisor it is for.
        action: What to order.
        why: One sentence for a person.
        child: The child it is about; empty for the supervisor itself.
        spec: The new spec of the supervisor or the child, where one is needed.
    """

    path: str
    action: Action
    why: str
    child: str = ""
    spec: SupervisorSpec | ChildSpec | None = None

    def __str__(self) -> str:
        place = f"{self.path}/{self.child}" if self.child else self.path
        return f"{self.action.value} {place}: {self.why}"


def plan(old: SupervisorSpec, new: SupervisorSpec, *, path: str = "") -> tuple[Step, ...]:
    """Make the steps that turn a running `old` tree into `new`.

    Removed children are stopped first, the last one first; then limits are
    changed, changed children are restarted at their places, new ones are added.

    Raises:
        SpecError: If the two trees have different names: those are two systems.

    Example:
        >>> from harmonium.supervisors.spec import child, supervisor
        >>> one = supervisor("shop", children=[child(dict, id="stock")])
        >>> two = supervisor("shop", children=[child(dict, id="stock", shutdown=1.0)])
        >>> [str(step) for step in plan(one, two)]
        ['reconfigure /shop: stock.shutdown']
    """
    if old.name != new.name:
        raise SpecError(f"/{new.name}", f"the tree is called {old.name!r}", "keep its name")
    place = f"{path}/{new.name}"
    if old.kind is not new.kind:
        why = f"a {old.kind} supervisor cannot become a {new.kind} one"
        return (Step(place, Action.REPLACE, why, spec=new),)
    return tuple(_steps(old, new, place))


def _steps(old: SupervisorSpec, new: SupervisorSpec, path: str) -> Iterator[Step]:
    if old == new:
        return
    for one in reversed(old.children):
        if new.named(one.id) is None:
            yield from _removal(path, one, "it is not in the new tree")
    yield Step(path, Action.RECONFIGURE, _what_changed(old, new), spec=new)
    added: list[ChildSpec] = []
    for one in new.children:
        before = old.named(one.id)
        if before is None:
            added.append(one)
        elif before != one:
            yield from _change(path, before, one)
    for one in added:
        yield Step(path, Action.START, "it is new", one.id, one)


def _removal(path: str, one: ChildSpec, why: str) -> Iterator[Step]:
    yield Step(path, Action.STOP, why, one.id)
    if not _forgets_itself(one):
        yield Step(path, Action.DELETE, why, one.id)


def _forgets_itself(one: ChildSpec) -> bool:
    return one.restart.value == "temporary"


def _change(path: str, old: ChildSpec, new: ChildSpec) -> Iterator[Step]:
    """Restart a child whose start changed; go down into a supervisor that stays one."""
    place = f"{path}/{new.id}"
    if old.tree is not None and new.tree is not None and old.tree.kind is new.tree.kind:
        yield from _steps(old.tree, new.tree, place)
    elif old.start == new.start:
        return
    elif _forgets_itself(old):
        yield from _removal(path, old, "its start changed")
        yield Step(path, Action.START, "its start changed", new.id, new)
    else:
        yield Step(path, Action.STOP, "its start changed", new.id)
        yield Step(path, Action.RESTART, "its start changed", new.id)


def _what_changed(old: SupervisorSpec, new: SupervisorSpec) -> str:
    path = f"/{new.name}"
    own = [
        f"{change.path.removeprefix(path).lstrip('/')}.{change.field}".strip(".")
        for change in diff(old, new)
        if change.field and change.path.count("/") <= 2
    ]
    return ", ".join(own) or "its list of children, or a tree below it"
