"""What the orders example must give for a file: one straight line, nothing shared.

It reads with the `csv` module, keeps plain dicts and counts; it imports neither
the example nor Harmonium, so that a mistake in them cannot hide in it. It knows
nothing of broken files beyond the rules: feed it files that are CSV.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

__all__ = ["Expected", "ExpectedOrder", "expect"]


class ExpectedOrder(NamedTuple):
    """One order and what has to become of it."""

    order: str
    outcome: str
    reason: str | None
    amount: Decimal
    safety_units: int


class Expected(NamedTuple):
    """What a run over a whole file has to give."""

    orders: list[ExpectedOrder]
    outcomes: dict[str, int]
    charged: Decimal
    refunded: Decimal
    units_reserved: int
    safety_units: int
    unreadable_lines: int


def _decimal(value: Fraction) -> Decimal:
    """Write a fraction of powers of ten as the exact decimal that it is."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    sign, digits = value < 0, abs(value.numerator) * 10**places // value.denominator
    return Decimal((int(sign), tuple(map(int, str(digits))), -places))


def expect(path: Path, *, stock: int = 500, safety: int = 100) -> Expected:  # noqa: C901, PLR0912, PLR0915
    """Work the file through, order by order, as the rules say.

    Args:
        path: A CSV file in UTF-8 with a header.
        stock: Units of each StockCode at the start.
        safety: Units of safety stock of each StockCode at the start.
    """
    rows: dict[str, list[list[str]]] = {}
    broken: set[str] = set()
    unreadable = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            if not row:
                continue
            name = row[0].strip(" \t")
            if not name:
                unreadable += 1
                continue
            rows.setdefault(name, [])
            readable = (
                len(row) == 8
                and re.fullmatch(r"-?[0-9]+", row[3].strip(" \t")) is not None
                and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", row[5].strip(" \t")) is not None
            )
            if readable:
                rows[name].append(row)
            else:
                unreadable += 1
                broken.add(name)

    on_stock: dict[str, int] = {}
    on_safety: dict[str, int] = {}
    orders: list[ExpectedOrder] = []
    for name, lines in rows.items():
        amount = Fraction(0)
        from_safety = 0
        reason = None
        if name in broken:
            outcome, reason = "rejected", "malformed"
        elif name[0] == "C":
            outcome = "refunded"
            for line in lines:
                amount += abs(int(line[3])) * Fraction(line[5].strip())
        elif any(int(line[3]) <= 0 or Fraction(line[5].strip()) <= 0 for line in lines):
            outcome, reason = "rejected", "invalid_line"
        else:
            total = Fraction(0)
            units = 0
            wanted: dict[str, int] = {}
            for line in lines:
                total += int(line[3]) * Fraction(line[5].strip())
                units += int(line[3])
                code = line[1].strip(" \t")
                wanted[code] = wanted.get(code, 0) + int(line[3])
            votes = 0
            if total < 500:
                votes += 1
            if lines[0][7].strip(" \t") == "United Kingdom":
                votes += 1
            if units <= 1000:
                votes += 1
            if not lines[0][6].strip(" \t") and votes < 2:
                outcome, reason = "rejected", "review"
            else:
                fits = True
                for code, count in wanted.items():
                    on_stock.setdefault(code, stock)
                    on_safety.setdefault(code, safety)
                    if count > on_stock[code] + on_safety[code]:
                        fits = False
                if fits:
                    outcome = "fulfilled"
                    amount = total
                    for code, count in wanted.items():
                        plain = min(count, on_stock[code])
                        on_stock[code] -= plain
                        on_safety[code] -= count - plain
                        from_safety += count - plain
                else:
                    outcome = "backordered"
        orders.append(ExpectedOrder(name, outcome, reason, _decimal(amount), from_safety))

    left = sum(on_stock.values()) + sum(on_safety.values())
    return Expected(
        orders=orders,
        outcomes=dict(Counter(order.outcome for order in orders)),
        charged=_decimal(
            sum((Fraction(o.amount) for o in orders if o.outcome == "fulfilled"), Fraction(0))
        ),
        refunded=_decimal(
            sum((Fraction(o.amount) for o in orders if o.outcome == "refunded"), Fraction(0))
        ),
        units_reserved=(stock + safety) * len(on_stock) - left,
        safety_units=sum(order.safety_units for order in orders),
        unreadable_lines=unreadable,
    )
