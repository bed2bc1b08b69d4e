"""Orders from a retail CSV, which may be broken in places.

The file must be a CSV of `COLUMNS` in this order, or nothing is read. After the
header each line stands for itself: one that cannot be read is reported with its
number and rejects the order that it names, and all others are kept.

What a field must be, with the blanks (spaces and tabs) around it dropped:

- `InvoiceNo` names the order: any printable text. Without it a line belongs to
  no order.
- `Quantity` is an integer: an optional minus and 1 to 12 digits 0 to 9.
- `UnitPrice` is a decimal number: the same, with up to 12 digits after a point.

So ``1e5``, ``nan``, ``inf``, ``+6``, ``6.0`` units, ``1_000``, ``1,000``,
``.5``, ``5.`` and digits of other scripts are no numbers here, though Python
would read most of them: whoever moves stock and money should not guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import attrs

from examples.orders.domain import Order, OrderLine
from examples.orders.records import Record, read_records
from harmonium.protocols.errors import ConfigError

__all__ = [
    "COLUMNS",
    "SAMPLE",
    "OrderFile",
    "ReadLine",
    "UnreadableLine",
    "read_lines",
    "read_orders",
]

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
"""The header that a file must have."""

SAMPLE = Path(__file__).with_name("sample.csv")
"""Orders of an invented shop that touch every rule."""

_BLANKS = " \t"
_QUANTITY = re.compile(r"-?[0-9]{1,12}")
_PRICE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_SHOWN = 40  # characters of a field that a report shows


@attrs.frozen(slots=True)
class ReadLine:
    """A line that could be read.

    Args:
        number: Its number in the file, from 1; the header counts.
        order_id: The order that it belongs to.
        customer_id: The customer on it, or None.
        country: The country on it.
        line: What it orders.
    """

    number: int
    order_id: str
    customer_id: str | None
    country: str
    line: OrderLine


@attrs.frozen(slots=True)
class UnreadableLine:
    """A line that could not be read; as text it is one line for a person.

    Args:
        number: Its number in the file, from 1; the header counts.
        order_id: The order that it rejects; None if it names none.
        problem: What is wrong with it.
    """

    number: int
    order_id: str | None
    problem: str

    def __str__(self) -> str:
        fate = "it belongs to no order"
        if self.order_id is not None:
            fate = f"order {_short(self.order_id)} is rejected"
        return f"line {self.number}: {self.problem}; {fate}"


@attrs.frozen(slots=True)
class OrderFile:
    """What a file holds; every line of it is in one of the two.

    Args:
        orders: All orders, in the order of their first lines.
        unreadable: The lines that could not be read, in file order.
    """

    orders: tuple[Order, ...]
    unreadable: tuple[UnreadableLine, ...]


def read_orders(path: Path) -> OrderFile:
    """Read all orders of a file.

    The lines of an order may stand anywhere in the file, so that the first
    order is known only when the last line was read.

    Args:
        path: The file.

    Raises:
        ConfigError: As `read_lines`.
    """
    drafts: dict[str, _Draft] = {}
    unreadable: list[UnreadableLine] = []
    for line in read_lines(path):
        if isinstance(line, UnreadableLine):
            unreadable.append(line)
        if line.order_id is not None:
            drafts.setdefault(line.order_id, _Draft()).add(line)
    orders = tuple(draft.order(order_id) for order_id, draft in drafts.items())
    return OrderFile(orders, tuple(unreadable))


def read_lines(path: Path) -> Iterator[ReadLine | UnreadableLine]:
    """Read a file line by line; only one record is in memory at a time.

    A record whose quoted field runs over several lines counts as one line, with
    the number of the first. Empty lines are passed over.

    Args:
        path: The file.

    Raises:
        ConfigError: At the first step, if the file is missing, empty, not text
            in UTF-8, or has another header; at a later one if the medium fails.
    """
    with _opened(path) as file:
        records = _guarded(path, read_records(file))
        _check_header(path, next(records, None))
        for record in records:
            yield _read(record)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _cannot_read(path, error) from error


def _guarded(path: Path, records: Iterator[Record]) -> Iterator[Record]:
    try:
        yield from records
    except OSError as error:
        raise _cannot_read(path, error) from error


def _cannot_read(path: Path, error: Exception) -> ConfigError:
    problem = (getattr(error, "strerror", None) or str(error)).lower()
    return ConfigError(_shown(path), f"it cannot be read: {problem}", "name a CSV file")


def _check_header(path: Path, record: Record | None) -> None:
    if record is None:
        problem, place = "the file is empty", _shown(path)
    else:
        problem, place = _header_problem(record), f"{_shown(path)}, line {record.line}"
    if problem:
        raise ConfigError(
            place, problem, f"save it as CSV in UTF-8 with the header {','.join(COLUMNS)}"
        )


def _header_problem(record: Record) -> str:
    if record.problem is not None:
        return f"this is no CSV header: {record.problem}"
    names = [field.strip(_BLANKS) for field in record.fields]
    if tuple(names) == COLUMNS:
        return ""
    if any("\r" in name for name in names):
        return "its lines end in CR alone, not in LF or CRLF"
    if missing := [name for name in COLUMNS if name not in names]:
        return "the header has no " + ", ".join(missing)
    if more := [name for name in names if name not in COLUMNS]:
        return "the header has more columns: " + _quoted(", ".join(more))
    return "the columns stand in another order, or twice"


def _read(record: Record) -> ReadLine | UnreadableLine:
    fields = [field.strip(_BLANKS) for field in record.fields]
    order_id = fields[0] if fields[0].isprintable() and fields[0] else None
    problem = record.problem or _problem(fields)
    if order_id is None or problem:
        return UnreadableLine(record.line, order_id, problem or _unnamed(fields[0]))
    line = OrderLine(fields[1], int(fields[3]), Decimal(fields[5]))
    return ReadLine(record.line, order_id, fields[6] or None, fields[7], line)


def _problem(fields: list[str]) -> str:
    if len(fields) != len(COLUMNS):
        return f"{len(fields)} columns instead of {len(COLUMNS)}"
    if not _QUANTITY.fullmatch(fields[3]):
        return f"Quantity {_quoted(fields[3])} is not an integer in plain digits"
    if not _PRICE.fullmatch(fields[5]):
        return f"UnitPrice {_quoted(fields[5])} is not a number such as 2.55"
    return ""


def _unnamed(first: str) -> str:
    return f"InvoiceNo {_quoted(first)} is not printable" if first else "InvoiceNo is empty"


def _quoted(text: str) -> str:
    return repr(_short(text))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _shown(path: Path) -> str:
    text = str(path)
    return text if text.isprintable() else repr(text)


class _Draft:
    """An order of which more lines may come."""

    def __init__(self) -> None:
        self._lines: list[ReadLine] = []
        self._is_malformed = False

    def add(self, line: ReadLine | UnreadableLine) -> None:
        if isinstance(line, ReadLine):
            self._lines.append(line)
        else:
            self._is_malformed = True

    def order(self, order_id: str) -> Order:
        lines = tuple(line.line for line in self._lines)
        customer_id, country = (
            (self._lines[0].customer_id, self._lines[0].country) if lines else (None, "")
        )
        return Order(order_id, customer_id, country, lines, is_malformed=self._is_malformed)
