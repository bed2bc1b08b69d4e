"""The values of a system file: words, durations, amounts, small tables.

A reader takes the place, for its error, and the value in the file, and gives
the value in the spec.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from harmonium.protocols.checks import check_count, inside
from harmonium.protocols.durations import read_duration
from harmonium.protocols.errors import SpecError
from harmonium.protocols.nearest import did_you_mean
from harmonium.protocols.overflow import Overflow
from harmonium.protocols.table_keys import check_keys, check_table
from harmonium.protocols.waiting import DROP, HOLD, Forward, Mail, Reply, Stash
from harmonium.supervisors import words
from harmonium.supervisors.directives import Directives, directives

__all__ = [
    "Reader",
    "as_is",
    "fields_of",
    "imported",
    "list_of",
    "mail",
    "money",
    "partitions",
    "record",
    "seconds",
    "seconds_or_never",
    "shutdown",
    "store_place",
    "table",
    "table_of",
    "word",
]

MOST_PARTITIONS = 100_000
"""More take long to make, and are a slip of the pen."""
Made = TypeVar("Made")
Reader = Callable[[str, Any], Any]
"""Makes of a place and a value in the file the value in the spec."""


def as_is(_: str, value: Any) -> Any:
    """Leave the check to the spec."""
    return value


def seconds(place: str, value: Any) -> Any:
    """Read a duration that is written as a text; a number is one already."""
    return read_duration(place, value, SpecError) if isinstance(value, str) else value


def seconds_or_never(place: str, value: Any) -> Any:
    """Read a duration, or ``never``, which is None."""
    return None if value == "never" else seconds(place, value)


def shutdown(place: str, value: Any) -> Any:
    """Read a duration or one of the words of `Shutdown`."""
    known = {one.value: one for one in words.Shutdown}
    if not isinstance(value, str) or value[:1].isdigit():
        return seconds(place, value)
    if value not in known:
        raise SpecError(place, f"{value!r} is unknown", did_you_mean(value, known))
    return known[value]


def word(kind: type[words.Word | Overflow] | Mapping[str, Any]) -> Reader:
    """Make the reader of a word: the value of an enum, or a key of a table."""
    table = kind if isinstance(kind, Mapping) else {str(one.value): one for one in kind}

    def read(place: str, value: Any) -> Any:
        if not isinstance(value, str) or value not in table:
            raise SpecError(place, f"{value!r} is unknown", did_you_mean(str(value), table))
        return table[value]

    return read


def store_place(place: str, value: Any) -> str:
    """Read where a store is; it is opened when the system starts."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise SpecError(place, f"{value!r} is no place of a store", "write a path or a URL")
    return value


def money(place: str, value: Any) -> Decimal:
    """Read an amount; a float would have lost cents before it came here."""
    try:
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
    except InvalidOperation:
        pass
    raise SpecError(place, f"{value!r} is no amount of money", 'write it as a text: "12.50"')


def partitions(place: str, value: Any) -> int:
    """Read a number of partitions; each is a child, and they are made when the file is read."""
    if check_count(place, value, least=1) > MOST_PARTITIONS:
        raise SpecError(place, f"{value} are too many", f"give at most {MOST_PARTITIONS}")
    return int(value)


def record(cls: Callable[..., Any], readers: Mapping[str, Reader]) -> Reader:
    """Make the reader of a table whose keys are the fields of a class."""

    def read(place: str, value: Any) -> Any:
        fields = fields_of(place, value, readers)
        return inside(place, lambda: cls(**fields))

    return read


def table(place: str, value: Any) -> Directives:
    """Read a table of exceptions; ``*`` stands for all others."""
    rows: dict[Any, Any] = dict(table_of(place, value))
    otherwise = rows.pop("*", words.ESCALATE)
    return directives(rows, otherwise=otherwise, place=place)


def mail(place: str, value: Any) -> Mail:
    """Read what becomes of mail that waits."""
    if value == "hold":
        return HOLD
    if value == "drop":
        return DROP
    kinds: Mapping[str, Reader] = {
        "stash": lambda place, number: inside(place, lambda: Stash(number)),
        "reply": lambda place, text: Reply(imported(place, text)),
        "forward": lambda _, to: Forward(to),
    }
    if isinstance(value, Mapping) and len(value) == 1:
        (name,) = value
        if name in kinds:
            policy: Mail = kinds[name](place, value[name])
            return policy
    raise SpecError(
        place,
        f"{value!r} is no policy",
        'write "hold", "drop", {stash=3}, {reply=…} or {forward=…}',
    )


def imported(place: str, name: Any) -> Any:
    """Import what a text like ``package.module:name`` names."""
    if not isinstance(name, str) or ":" not in name:
        raise SpecError(place, f"{name!r} names nothing", "write package.module:name")
    try:
        return pkgutil.resolve_name(name)
    except Exception as error:
        raise SpecError(place, f"{name!r} cannot be imported ({error})", "check it") from error


def fields_of(
    place: str, data: Any, readers: Mapping[str, Reader], others: Iterable[str] = ()
) -> dict[str, Any]:
    """Read a table by the readers of its keys; `others` may have been meant by a wrong key."""
    table = check_keys(place, data, readers, hints=others, error=SpecError)
    return {key: readers[key](f"{place}.{key}", value) for key, value in table.items()}


def table_of(place: str, value: Any) -> Mapping[str, Any]:
    """Give a table as it is; anything else is refused."""
    return check_table(place, value, SpecError)


def list_of(place: str, value: Any) -> tuple[Any, ...]:
    """Give a list as a tuple; anything else is refused."""
    if not isinstance(value, list | tuple):
        raise SpecError(place, f"{value!r} is no list", "write a list")
    return tuple(value)
