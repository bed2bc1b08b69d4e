"""The count of what is on stock: an order is reserved whole or not at all.

`decide_reservation` is pure; the ledger changes only by `record`ing what was
decided, in time that grows with the order and not with the stock. What was
recorded, in its order, rebuilds the ledger (`Ledger.replay`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

__all__ = ["Ledger", "Refusal", "Reservation", "Shortage", "Take", "Voided", "decide_reservation"]


@attrs.frozen(slots=True)
class Take:
    """What one StockCode gives to an order.

    Args:
        stock_code: Which one.
        from_stock: Units of its stock.
        from_safety: Units of its safety stock.
    """

    stock_code: str
    from_stock: int
    from_safety: int


@attrs.frozen(slots=True)
class Reservation:
    """All units of one order, taken.

    Args:
        order_id: Whose they are.
        takes: One for each StockCode, in the order asked.
    """

    order_id: str
    takes: tuple[Take, ...]

    @property
    def units(self) -> int:
        """Units taken, safety stock included."""
        return sum(take.from_stock + take.from_safety for take in self.takes)

    @property
    def safety_units(self) -> int:
        """Units taken from safety stock."""
        return sum(take.from_safety for take in self.takes)


@attrs.frozen(slots=True)
class Voided:
    """An order was released: its units went back, or will never be taken.

    Args:
        order_id: Whose they were.
    """

    order_id: str


@attrs.frozen(slots=True)
class Shortage:
    """A StockCode of which there is too little.

    Args:
        stock_code: Which one.
        wanted: Units asked for.
        available: Units that could be had.
    """

    stock_code: str
    wanted: int
    available: int


@attrs.frozen(slots=True)
class Refusal:
    """Nothing was taken.

    Args:
        order_id: Which order asked.
        shortages: What there is too little of; empty if the order was released
            before, in which case asking again does not help.
    """

    order_id: str
    shortages: tuple[Shortage, ...]


@attrs.define
class Ledger:
    """The stock of every StockCode, and who has reserved what of it.

    Each StockCode starts with the same stock. A ledger has one owner: it is
    changed in place.

    Args:
        stock: Units of each StockCode at the start. At least 0.
        safety: Units of safety stock of each StockCode at the start. At least 0.

    Raises:
        ValueError: If one of them is below 0.

    Example:
        >>> ledger = Ledger(stock=5, safety=2)
        >>> ledger.reserve("17", {"LAMP": 6})
        Refusal(order_id='17', shortages=(Shortage(stock_code='LAMP', wanted=6, available=5),))
        >>> ledger.reserve("17", {"LAMP": 6}, use_safety=True).safety_units
        1
        >>> ledger.release("17")
        >>> ledger.available("LAMP")
        (5, 2)
    """

    stock: int = attrs.field(validator=attrs.validators.ge(0), kw_only=True)
    safety: int = attrs.field(validator=attrs.validators.ge(0), kw_only=True)
    _taken: dict[str, tuple[int, int]] = attrs.field(factory=dict, init=False)
    _held: dict[str, Reservation] = attrs.field(factory=dict, init=False)
    _released: set[str] = attrs.field(factory=set, init=False)

    @classmethod
    def replay(cls, records: Iterable[Reservation | Voided], *, stock: int, safety: int) -> Ledger:
        """Rebuild a ledger from what was recorded in another that started alike."""
        ledger = cls(stock=stock, safety=safety)
        for record in records:
            ledger.record(record)
        return ledger

    def reserve(
        self, order_id: str, wanted: Mapping[str, int], *, use_safety: bool = False
    ) -> Reservation | Refusal:
        """Take all units of an order, or none; `decide_reservation` says which."""
        result = decide_reservation(self, order_id, wanted, use_safety=use_safety)
        if isinstance(result, Reservation):
            self.record(result)
        return result

    def release(self, order_id: str) -> None:
        """Give the units of an order back, and refuse it from now on.

        A second release changes nothing. A release may come before the
        reservation that it undoes; that one is then refused when it comes.
        """
        self.record(Voided(order_id))

    def record(self, decided: Reservation | Voided) -> None:
        """Change the ledger as decided; recording the same again changes nothing."""
        if isinstance(decided, Voided):
            self._released.add(decided.order_id)
            if held := self._held.pop(decided.order_id, None):
                self._count(held, -1)
        elif decided.order_id not in self._held and decided.order_id not in self._released:
            self._held[decided.order_id] = decided
            self._count(decided, 1)

    def _count(self, reservation: Reservation, sign: int) -> None:
        for take in reservation.takes:
            stock, safety = self._taken.get(take.stock_code, (0, 0))
            taken = (stock + sign * take.from_stock, safety + sign * take.from_safety)
            self._taken[take.stock_code] = taken

    def available(self, stock_code: str) -> tuple[int, int]:
        """Return the units left of a StockCode: of its stock, of its safety stock."""
        stock, safety = self._taken.get(stock_code, (0, 0))
        return self.stock - stock, self.safety - safety

    def held(self, order_id: str) -> Reservation | None:
        """Return what an order holds, or None."""
        return self._held.get(order_id)

    def is_released(self, order_id: str) -> bool:
        """Say whether an order was released."""
        return order_id in self._released

    @property
    def units_reserved(self) -> int:
        """Units that orders hold now, safety stock included."""
        return sum(stock + safety for stock, safety in self._taken.values())

    @property
    def safety_units(self) -> int:
        """Units of safety stock that orders hold now."""
        return sum(safety for _, safety in self._taken.values())


def decide_reservation(
    ledger: Ledger, order_id: str, wanted: Mapping[str, int], *, use_safety: bool = False
) -> Reservation | Refusal:
    """Decide on an order without changing the ledger.

    An order that holds a reservation is given that one again, whatever it asks
    now: the order id is the idempotency key. A refusal is not remembered, so
    that asking again can succeed; but an order once released stays refused, so
    that a late duplicate cannot take units that nobody will ever pay for.

    Args:
        ledger: The stock as it is.
        order_id: Who asks.
        wanted: Units of each StockCode; each above 0.
        use_safety: Whether each StockCode may give its safety stock once its
            stock is used up.

    Raises:
        ValueError: If a StockCode is asked for 0 units or fewer.
    """
    if bad := [code for code, units in wanted.items() if units <= 0]:
        raise ValueError(
            f"order {order_id} asks for {wanted[bad[0]]} of {bad[0]}; ask for 1 or more"
        )
    if held := ledger.held(order_id):
        return held
    if ledger.is_released(order_id):
        return Refusal(order_id, ())
    if shortages := _shortages(ledger, wanted, use_safety=use_safety):
        return Refusal(order_id, shortages)
    return Reservation(
        order_id, tuple(_take(ledger, code, units) for code, units in wanted.items())
    )


def _shortages(
    ledger: Ledger, wanted: Mapping[str, int], *, use_safety: bool
) -> tuple[Shortage, ...]:
    short = []
    for code, units in wanted.items():
        stock, safety = ledger.available(code)
        available = stock + safety if use_safety else stock
        if units > available:
            short.append(Shortage(code, units, available))
    return tuple(short)


def _take(ledger: Ledger, stock_code: str, units: int) -> Take:
    from_stock = min(units, ledger.available(stock_code)[0])
    return Take(stock_code, from_stock, units - from_stock)
