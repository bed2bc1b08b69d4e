"""`Budgets`: counts work where a budget is declared, warns, and stops what has no room.

An agent has the budgets of its own child spec and of every supervisor above it; a
request has the one it was asked with, which travels with everything it causes. The
pure `Ledger` decides; here messages are let in or turned away as they are begun.
Where nobody declared a budget, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from loguru import logger

from harmonium.actors.cell import Cell
from harmonium.actors.context import Context, RawEnvelope
from harmonium.protocols.errors import BudgetExceeded, SpecError
from harmonium.protocols.reliability.work_budget import (
    Exceeded,
    Ledger,
    Note,
    Unit,
    Usage,
    Warned,
    WorkBudget,
)

if TYPE_CHECKING:
    from harmonium.actors.handlers import Handler
    from harmonium.actors.switchboard import Switchboard

__all__ = ["BudgetContext", "Budgets", "begin_budget", "continued", "unit_of"]


class BudgetContext(Context):
    """The context of a request that has a budget; every message of it is looked at.

    Args:
        correlation_id: As for every context.
        scopes: The names of its budgets, the widest first.
    """

    __slots__ = ("scopes",)

    def __init__(
        self,
        correlation_id: str,
        scopes: tuple[str, ...],
        deadline: float | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> None:
        super().__init__(correlation_id, deadline, idempotency_key, traceparent)
        self.scopes = scopes
        self.special |= 4

    def child(self, deadline: float | None, idempotency_key: str | None = None) -> Context:
        """The context of a message sent on: of the same budgets."""
        if self.deadline is not None and (deadline is None or deadline > self.deadline):
            deadline = self.deadline
        if idempotency_key is None and self.idempotency_key is None and deadline == self.deadline:
            return self
        return continued(self, deadline, idempotency_key)


def continued(context: Context, deadline: float | None, key: str | None) -> Context:
    """A context of the same request, with its budgets where it has some."""
    id, trace = context.correlation_id, context.traceparent
    if isinstance(context, BudgetContext):
        return BudgetContext(id, context.scopes, deadline, key, trace)
    return Context(id, deadline, key, trace)


def begin_budget(
    ground: Switchboard, budget: WorkBudget, context: Context | None
) -> tuple[Context, Callable[[Any], None]]:
    """Give a request, or the part of one that is asked now, a budget of its own.

    Returns:
        The context to ask with, and what to do with the `Ask`: its end closes the budget.
    """
    context = context or ground.new_context()
    budgets = ground.budgets = ground.budgets or Budgets(ground)
    outer = context.scopes if isinstance(context, BudgetContext) else ()
    scope = context.correlation_id
    if outer:
        scope = f"{scope}#{budgets.next_number()}"
    deadline = context.deadline
    if budget.stops and budget.seconds is not None:
        end = ground.clock() + budget.seconds
        deadline = end if deadline is None else min(deadline, end)
    inner = BudgetContext(
        context.correlation_id, (*outer, scope), deadline, None, context.traceparent
    )

    def follow(ask: Any) -> None:
        on_ground(lambda: ask.then(lambda _: budgets.close(scope)))

    def on_ground(call: Callable[[], Any]) -> None:
        if ground.in_thread():
            call()
        else:
            ground.call_threadsafe(call)

    on_ground(lambda: budgets.open(scope, budget))
    return inner, follow


class Budgets:
    """All budgets of one ground, and what was used of them.

    Args:
        ground: Whose work is counted.
    """

    def __init__(self, ground: Switchboard) -> None:
        self._ground = ground
        self._ledger = Ledger()
        self._numbers = count(2)
        self._running: dict[int, tuple[Cell, tuple[str, ...]]] = {}

    def next_number(self) -> int:
        """A number for a budget within a budget."""
        return next(self._numbers)

    def open(self, scope: str, budget: WorkBudget) -> None:
        """Begin to count for a scope; one that is open keeps what was used."""
        self._ledger = self._ledger.open(scope, budget, self._ground.clock())

    def close(self, scope: str) -> None:
        """Forget a scope."""
        self._ledger = self._ledger.close(scope)

    def usage(self, scope: str) -> Usage | None:
        """What was used of a budget: an agent's or supervisor's path, or a correlation id."""
        return self._ledger.usage(scope)

    def watch(self, cell: Cell) -> None:
        """Begin to count for an agent, at the start of each of its incarnations."""
        for number in [n for n, (one, _) in self._running.items() if one is cell]:
            self.leave(number)  # work of an incarnation that is gone
        above = cell.parent.more_ if cell.parent is not None else None
        scopes = () if above is None else above.budgets
        if cell.birth.work_budget is not None:
            path = cell.path
            self.open(path, cell.birth.work_budget)
            scopes = (*scopes, path)
        cell.more.budgets = scopes

    def admit(self, cell: Cell, handler: Handler, envelope: RawEnvelope) -> Handler | None:
        """Let a message begin, or turn it away as a dead letter, whose asker hears why."""
        scopes = _scopes(cell, envelope)
        if not scopes:
            return handler
        self._ledger, refused, notes = self._ledger.admit(scopes, self._ground.clock())
        self._announce(notes, envelope)
        if refused is not None:
            error = BudgetExceeded(refused.scope, refused.unit.value, refused.used, refused.limit)
            self._ground.dead_letter(cell, envelope, "budget exceeded", error)
            return None
        self._running[envelope[3]] = cell, scopes
        return handler.calling(self._counted(handler, envelope[3]))

    def leave(self, number: int) -> None:
        """End a message that was let in, once."""
        _, scopes = self._running.pop(number, (None, ()))
        if scopes:
            self._ledger = self._ledger.leave(scopes, self._ground.clock())

    def spend(self, cell: Cell, envelope: RawEnvelope | None, cost: Any, unit: Unit) -> None:
        """Charge what the message in work has cost.

        Raises:
            BudgetExceeded: If a budget that stops has been overspent by it.
        """
        scopes = _scopes(cell, envelope)
        amount = {"money": cost} if unit is Unit.MONEY else {"tokens": cost}
        now = self._ground.clock()
        self._ledger, notes = self._ledger.spend(scopes, now, **amount)
        self._announce(notes, envelope)
        for scope in scopes:
            usage = self._ledger.usage(scope)
            limit = None if usage is None else dict(usage.budget.limits).get(unit)
            if usage is not None and limit is not None and usage.budget.stops:
                used = usage.used(unit, now)
                if used > limit:
                    raise BudgetExceeded(scope, unit.value, used, limit)

    def _counted(self, handler: Handler, number: int) -> Any:
        function, ground = handler.function, self._ground

        def done() -> None:
            if ground.in_thread():
                self.leave(number)
            else:
                ground.call_threadsafe(lambda: self.leave(number))

        def sync(agent: Any, message: Any) -> Any:
            try:
                return function(agent, message)
            finally:
                done()

        async def suspending(agent: Any, message: Any) -> Any:
            try:
                return await function(agent, message)
            finally:
                done()

        return suspending if handler.is_async else sync

    def _announce(self, notes: tuple[Note, ...], envelope: RawEnvelope | None) -> None:
        for note in notes:
            id = None if envelope is None else envelope[5].correlation_id
            bound = logger.bind(path=note.scope, correlation_id=id)
            if isinstance(note, Warned):
                bound.warning(
                    "budget of {}: {} of {} {} used",
                    note.scope,
                    note.used,
                    note.limit,
                    note.unit.value,
                )
            elif isinstance(note, Exceeded):
                bound.error(
                    "budget of {}: all {} {} used up", note.scope, note.limit, note.unit.value
                )
            self._ground.observers.emit(note)


def _scopes(cell: Cell, envelope: RawEnvelope | None) -> tuple[str, ...]:
    more = cell.more_
    own: tuple[str, ...] = () if more is None else more.budgets
    if envelope is not None and isinstance(envelope[5], BudgetContext):
        return (*envelope[5].scopes, *own)
    return own


def unit_of(unit: Unit | str, cost: Any) -> tuple[Unit, Any]:
    """Read what `spend` is told.

    Raises:
        SpecError: If it is no unit that can be spent, or no amount of it.
    """
    names = {"money": Unit.MONEY, "tokens": Unit.TOKENS}
    found = unit if isinstance(unit, Unit) else names.get(unit)
    if found not in (Unit.MONEY, Unit.TOKENS):
        raise SpecError("spend.unit", f"{unit!r} cannot be spent", "give 'tokens' or 'money'")
    if found is Unit.TOKENS and (not isinstance(cost, int) or isinstance(cost, bool)):
        raise SpecError("spend.cost", f"{cost!r} is no number of tokens", "give an int")
    if found is Unit.MONEY and not isinstance(cost, Decimal):
        raise SpecError("spend.cost", f"{cost!r} is no amount of money", "give a Decimal")
    return found, cost
