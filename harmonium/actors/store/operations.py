"""What every write is made of: operations, the unit they form, and how a group is decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import attrs

from harmonium.actors.store.draft import Draft, Keys
from harmonium.actors.store.pending import Outcome, Pending
from harmonium.actors.store.values import Fence
from harmonium.protocols.errors import HarmoniumError, StaleToken

__all__ = ["Operation", "Unit", "decide_group", "groups_of"]


class Operation(Protocol):
    """One write: which rows it asks about, and what it makes of them.

    Both are pure: the store loads the rows, passes the time, and writes what
    the draft came to.
    """

    def ask(self, keys: Keys) -> None:
        """Name the rows that `decide` will look at."""
        ...

    def decide(self, draft: Draft, now: float) -> Any:
        """Change the draft and return the result; raise before the first change."""
        ...


@attrs.frozen(slots=True, eq=False)
class Unit:
    """Operations that happen together or not at all.

    Args:
        operations: In the order in which they are decided.
        pending: Settled once the unit is durable, or refused.
        fence: The lease that must still be held, or None.
        single: Whether the result is that of the one operation, not a tuple.
    """

    operations: tuple[Operation, ...]
    pending: Pending[Any]
    fence: Fence | None = None
    single: bool = True


def groups_of(units: Iterable[Unit]) -> Iterator[tuple[list[Unit], Keys]]:
    """Split units into groups for one commit each, with the rows that each asks about.

    A unit that asks by a condition (`Keys.selections`) is a group of its own: so
    it sees what came before it, however the units happened to come together.
    """
    group: list[Unit] = []
    keys = Keys()
    for unit in units:
        _ask(unit, keys)
        if not keys.selections:
            group.append(unit)
            continue
        if group:
            keys.selections.clear()  # what else it asked for does no harm
            yield group, keys
        alone = Keys()
        _ask(unit, alone)
        yield [unit], alone
        group, keys = [], Keys()
    if group:
        yield group, keys


def _ask(unit: Unit, keys: Keys) -> None:
    if unit.fence is not None:
        keys.leases.add(unit.fence.lease)
    for operation in unit.operations:
        operation.ask(keys)


def decide_group(units: Sequence[Unit], draft: Draft, now: float) -> list[Outcome]:
    """Decide the units one after another; a refused one leaves the draft as it was."""
    return [_decide(unit, draft, now) for unit in units]


def _decide(unit: Unit, draft: Draft, now: float) -> Outcome:
    try:
        if unit.fence is not None:
            _check_fence(unit.fence, draft)
        if len(unit.operations) == 1:
            result = unit.operations[0].decide(draft, now)
            return (result if unit.single else (result,)), None
        upper = draft.over()
        results = tuple(operation.decide(upper, now) for operation in unit.operations)
        draft.merge(upper)
        return results, None
    except HarmoniumError as error:
        # Its traceback would keep this draft alive as long as the error.
        return None, error.with_traceback(None)


def _check_fence(fence: Fence, draft: Draft) -> None:
    row = draft.leases.get(fence.lease)
    if row is None or row[1] != fence.token:
        raise StaleToken(fence.lease, fence.token, None if row is None else row[1])
