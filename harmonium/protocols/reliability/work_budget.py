"""Budgets of work: messages, time, concurrency, money and tokens, and the stop at their end.

A budget belongs to a scope: a request, an agent, or a subtree by its path. What
happens in a request of an agent counts for all of its scopes. A budget that
stops refuses new work and lets what runs end; one that only warns never stops
anything, whatever was spent.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import attrs

from harmonium.protocols.checks import check_count, check_flag, check_seconds, check_share
from harmonium.protocols.errors import SpecError
from harmonium.protocols.persistent_map import PersistentMap

__all__ = ["Exceeded", "Ledger", "Note", "Refused", "Unit", "Usage", "Warned", "WorkBudget"]

_NOTHING = Decimal(0)


class Unit(enum.Enum):
    """What a budget counts."""

    MESSAGES = "messages"
    """Messages that were begun."""
    SECONDS = "seconds"
    """Time since the scope was opened."""
    CONCURRENCY = "concurrency"
    """Messages in work at once."""
    MONEY = "money"
    """Money, in one currency that the user chooses."""
    TOKENS = "tokens"
    """Tokens of a language model, or any other whole unit."""


@attrs.frozen
class WorkBudget:
    """How much work a scope may do; None sets no limit.

    Args:
        messages: How many messages. At least 0.
        seconds: How long, from when the scope was opened. Above 0.
        concurrency: How many messages at once. At least 1.
        money: How much money, a `Decimal` of at least 0 (a float would lose cents).
        tokens: How many tokens. At least 0.
        warn_at: At which shares of a limit there is a warning, each once.
            Above 0, up to 1.
        stops: Whether work is refused when a limit is reached; with False there
            are warnings only.

    Raises:
        SpecError: If a bound above does not hold.
    """

    messages: int | None = attrs.field(default=None, kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)
    concurrency: int | None = attrs.field(default=None, kw_only=True)
    money: Decimal | None = attrs.field(default=None, kw_only=True)
    tokens: int | None = attrs.field(default=None, kw_only=True)
    warn_at: tuple[float, ...] = attrs.field(default=(0.8,), kw_only=True)
    stops: bool = attrs.field(default=True, kw_only=True)
    limits: tuple[tuple[Unit, float | Decimal], ...] = attrs.field(init=False, repr=False, eq=False)
    """The units that have a limit, and the limits."""

    def __attrs_post_init__(self) -> None:
        for name, least in (("messages", 0), ("concurrency", 1), ("tokens", 0)):
            if getattr(self, name) is not None:
                check_count(f"WorkBudget.{name}", getattr(self, name), least=least)
        if self.seconds is not None:
            check_seconds("WorkBudget.seconds", self.seconds, above=0.0)
        if self.money is not None:
            _check_money("WorkBudget.money", self.money)
            if self.money < 0:
                raise SpecError("WorkBudget.money", f"{self.money} is below 0", "give 0 or more")
        for share in self.warn_at:
            check_share("WorkBudget.warn_at", share, one=True)
        check_flag("WorkBudget.stops", self.stops)
        limits = ((unit, getattr(self, unit.value)) for unit in Unit)
        object.__setattr__(self, "limits", tuple((u, n) for u, n in limits if n is not None))


class Usage(NamedTuple):
    """What a scope has used; a named tuple, because every message changes it.

    `warned` holds the limits that were announced: the unit and the share.
    """

    budget: WorkBudget
    opened_at: float
    messages: int = 0
    running: int = 0
    money: Decimal = _NOTHING
    tokens: int = 0
    warned: frozenset[tuple[Unit, float]] = frozenset()

    def used(self, unit: Unit, now: float) -> float | Decimal:
        """Tell how much of a unit is used at a time."""
        return _USED[unit](self, now)


_USED: dict[Unit, Callable[[Usage, float], float | Decimal]] = {
    Unit.MESSAGES: lambda usage, _: usage.messages,
    Unit.SECONDS: lambda usage, now: max(0.0, now - usage.opened_at),
    Unit.CONCURRENCY: lambda usage, _: usage.running,
    Unit.MONEY: lambda usage, _: usage.money,
    Unit.TOKENS: lambda usage, _: usage.tokens,
}


@attrs.frozen
class Warned:
    """Announces that a scope has used a share of a limit."""

    scope: str
    unit: Unit
    used: float | Decimal
    limit: float | Decimal
    share: float


@attrs.frozen
class Exceeded:
    """Announces that a scope has used up a limit; it stops only if its budget says so."""

    scope: str
    unit: Unit
    used: float | Decimal
    limit: float | Decimal


Note = Warned | Exceeded


@attrs.frozen
class Refused:
    """Says which limit has no room for one more message."""

    scope: str
    unit: Unit
    used: float | Decimal
    limit: float | Decimal


@attrs.frozen
class Ledger:
    """What all scopes have used: a value, each change gives a new one.

    A scope that was never opened has no limits and is not counted.
    """

    _scopes: PersistentMap[str, Usage] = attrs.field(
        factory=PersistentMap, alias="scopes", repr=False
    )

    def open(self, scope: str, budget: WorkBudget, now: float) -> Ledger:
        """Give a scope its budget; its clock starts now. One that is open gets the new limits."""
        known = self._scopes.get(scope)
        usage = known._replace(budget=budget) if known else Usage(budget, now)
        return Ledger(self._scopes.set(scope, usage))

    def close(self, scope: str) -> Ledger:
        """Forget a scope, as at the end of a request."""
        return Ledger(self._scopes.discard(scope))

    def usage(self, scope: str) -> Usage | None:
        """Tell what a scope has used; None if it is not open."""
        return self._scopes.get(scope)

    def admit(
        self,
        scopes: Iterable[str],
        now: float,
        *,
        money: Decimal = _NOTHING,
        tokens: int = 0,
    ) -> tuple[Ledger, Refused | None, tuple[Note, ...]]:
        """Begin one message in all of its scopes, or in none.

        Args:
            scopes: The request, the agent and its subtrees.
            now: Monotonic time, in seconds.
            money: What it is expected to cost; charged at once, so that many
                at a time cannot overspend together. Correct it with `spend`.
            tokens: What it is expected to cost, likewise.

        Returns:
            The new ledger, the limit that refused it (the ledger is then as it
            was) or None, and what is to be announced.
        """
        names = tuple(dict.fromkeys(scopes))
        for scope in names:
            usage = self._scopes.get(scope)
            refused = _refusal(scope, usage, now, money, tokens) if usage else None
            if refused is not None:
                return self, refused, ()
        ledger, notes = self._change(names, now, 1, 1, money, tokens)
        return ledger, None, notes

    def leave(self, scopes: Iterable[str], now: float) -> Ledger:
        """End one message in all of its scopes."""
        return self._change(tuple(scopes), now, 0, -1, _NOTHING, 0)[0]

    def spend(
        self, scopes: Iterable[str], now: float, *, money: Decimal = _NOTHING, tokens: int = 0
    ) -> tuple[Ledger, tuple[Note, ...]]:
        """Charge what was spent, even above a limit: it is spent. Negative amounts give back."""
        _check_money("spend", money)
        return self._change(tuple(scopes), now, 0, 0, money, tokens)

    def deadline(self, scopes: Iterable[str]) -> float | None:
        """Tell when the first of the scopes that stop has used up its seconds; None for never."""
        ends = [
            usage.opened_at + usage.budget.seconds
            for usage in map(self._scopes.get, scopes)
            if usage and usage.budget.stops and usage.budget.seconds is not None
        ]
        return min(ends, default=None)

    def _change(
        self,
        scopes: tuple[str, ...],
        now: float,
        messages: int,
        running: int,
        money: Decimal,
        tokens: int,
    ) -> tuple[Ledger, tuple[Note, ...]]:
        found, notes = self._scopes, []
        for scope in dict.fromkeys(scopes):
            usage = found.get(scope)
            if usage is None:
                continue
            changed = usage._replace(
                messages=usage.messages + messages,
                running=max(0, usage.running + running),
                money=usage.money + money,
                tokens=usage.tokens + tokens,
            )
            changed, more = _announce(scope, changed, now)
            found = found.set(scope, changed)
            notes.extend(more)
        return Ledger(found), tuple(notes)


def _refusal(scope: str, usage: Usage, now: float, money: Decimal, tokens: int) -> Refused | None:
    if not usage.budget.stops:
        return None
    more: dict[Unit, Any] = {Unit.MESSAGES: 1, Unit.CONCURRENCY: 1}
    more |= {Unit.MONEY: money, Unit.TOKENS: tokens}
    for unit, limit in usage.budget.limits:
        used = usage.used(unit, now)
        if used >= limit or used + more.get(unit, 0) > limit:
            return Refused(scope, unit, used, limit)
    return None


def _announce(scope: str, usage: Usage, now: float) -> tuple[Usage, list[Note]]:
    notes: list[Note] = []
    warned = usage.warned
    for unit, limit in usage.budget.limits:
        used = usage.used(unit, now)
        share = 1.0 if not limit else float(used / limit)  # type: ignore[operator]
        for step in (*usage.budget.warn_at, 1.0):
            mark = (unit, step)
            if share < step:
                warned -= {mark}
            elif mark not in warned:
                warned |= {mark}
                notes.append(_note(scope, unit, used, limit, step))
    return usage._replace(warned=warned), notes


def _note(
    scope: str, unit: Unit, used: float | Decimal, limit: float | Decimal, step: float
) -> Note:
    if step < 1.0:
        return Warned(scope, unit, used, limit, step)
    return Exceeded(scope, unit, used, limit)


def _check_money(place: str, value: Any) -> None:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise SpecError(place, f"{value!r} is no amount of money", "give a Decimal")
