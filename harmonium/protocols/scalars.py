"""How values without parts travel: strict both ways, text for what JSON does not have.

The patterns are the common part of what Python's `re` and JSON Schema
(ECMA 262) understand; the codec and the schemas use the same ones.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import math
import re
import uuid
from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.errors import MalformedMessage

__all__ = [
    "NOT_FINITE",
    "TEXTS",
    "Hooks",
    "TextForm",
    "enum_hooks",
    "literal_hooks",
    "misfit",
    "scalar_hooks",
    "wire_literal",
]

Read = Callable[[Any, Any], Any]
Write = Callable[[Any], Any]
Hooks = tuple[Read, Write]
"""How to read a type (the value, the type) and how to write it (the value)."""


def misfit(expected: str, value: Any) -> MalformedMessage:
    """Make the error for a value of a wrong type; its path grows on the way out.

    The value itself is not shown: it may be a secret, huge, or fail in `repr`.
    """
    return MalformedMessage("", f"{expected} expected, not {type(value).__name__}")


@attrs.frozen
class TextForm:
    """A type that travels as text.

    Args:
        pattern: What the whole text must match.
        write: Makes the text.
        read: Makes the value of a text that matches; may raise ValueError or ArithmeticError.
        keywords: What JSON Schema says of it besides the pattern.
    """

    pattern: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]
    keywords: tuple[tuple[str, str], ...] = ()


def _write_span(value: dt.timedelta) -> str:
    micro = value // dt.timedelta(microseconds=1)
    seconds, fraction = divmod(abs(micro), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    tail = f".{fraction:06}" if fraction else ""
    return f"{'-' if micro < 0 else ''}P{days}DT{seconds}{tail}S"


def _read_span(text: str) -> dt.timedelta:
    days, seconds, fraction = re.split(r"DT|\.|S", text.lstrip("-P") + "S")[:3]
    whole = int(days) * 86_400 + int(seconds)
    micro = whole * 1_000_000 + int(fraction.ljust(6, "0"))
    return dt.timedelta(microseconds=-micro if text.startswith("-") else micro)


def _read_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{6})?)?)?"

TEXTS: dict[type, TextForm] = {
    bytes: TextForm(
        "[A-Za-z0-9+/]*={0,2}",
        lambda value: base64.b64encode(value).decode("ascii"),
        _read_bytes,
        (("contentEncoding", "base64"),),
    ),
    dt.datetime: TextForm(
        f"{_DATE}T{_TIME}{_ZONE}", dt.datetime.isoformat, dt.datetime.fromisoformat
    ),
    dt.date: TextForm(_DATE, dt.date.isoformat, dt.date.fromisoformat, (("format", "date"),)),
    dt.time: TextForm(f"{_TIME}{_ZONE}", dt.time.isoformat, dt.time.fromisoformat),
    dt.timedelta: TextForm(r"-?P[0-9]{1,10}DT[0-9]{1,5}(\.[0-9]{6})?S", _write_span, _read_span),
    decimal.Decimal: TextForm(
        r"-?([0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?|Infinity|s?NaN[0-9]*)", str, decimal.Decimal
    ),
    uuid.UUID: TextForm(
        "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        str,
        uuid.UUID,
        (("format", "uuid"),),
    ),
}
"""The scalars that JSON has no form for.

Of a date and time the offset from UTC is kept, not the name of its zone and
not the `fold`: ISO 8601 has neither.
"""

NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
"""The floats that JSON has no number for, and the texts they travel as."""


def scalar_hooks(kind: type) -> Hooks:
    """Give the hooks of one of `harmonium.protocols.shapes.SCALARS`."""
    if kind in TEXTS:
        return _text_hooks(kind, TEXTS[kind])
    return {
        str: (_read_str, _write_str),
        float: (_read_float, _write_float),
        int: (_read_int, _write_int),
        bool: _exact_hooks(bool, "bool"),
        type(None): _exact_hooks(type(None), "null"),
    }[kind]


def _exact_hooks(kind: type, name: str) -> Hooks:
    def write(value: Any) -> Any:
        if type(value) is not kind:
            raise misfit(name, value)
        return value

    return (lambda value, _: write(value)), write


def _text_hooks(kind: type, form: TextForm) -> Hooks:
    matches = re.compile(form.pattern).fullmatch

    def read(value: Any, _: Any) -> Any:
        if type(value) is not str:
            raise misfit(f"{kind.__name__} as text", value)
        if not matches(value):
            raise MalformedMessage("", f"the text is no {kind.__name__}")
        try:
            return form.read(value)
        except (ValueError, ArithmeticError) as error:
            raise MalformedMessage("", f"the text is no {kind.__name__}") from error

    def write(value: Any) -> str:
        # A datetime is a date for Python, but would lose its time here.
        if not isinstance(value, kind) or (kind is dt.date and isinstance(value, dt.datetime)):
            raise misfit(kind.__name__, value)
        return form.write(value)

    return read, write


def _write_str(value: Any) -> str:
    if not isinstance(value, str):
        raise misfit("str", value)
    if not value.isascii():
        _check_unicode(value)
    return value if type(value) is str else str.__str__(value)


def _read_str(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise misfit("str", value)
    if not value.isascii():
        _check_unicode(value)
    return value


def _check_unicode(text: str) -> None:
    """Refuse lone surrogates: UTF-8 has none, and JSON joins two into one character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedMessage("", "the text holds a lone surrogate") from None


def _write_int(value: Any) -> int:
    if type(value) is int:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise misfit("int", value)
    return int(value)


def _read_int(value: Any, _: Any) -> int:
    if type(value) is not int:
        raise misfit("int", value)
    return value


def _write_float(value: Any) -> Any:
    if not isinstance(value, float | int) or isinstance(value, bool):
        raise misfit("float", value)
    number = _as_float(value)
    return number if math.isfinite(number) else repr(number)


def _read_float(value: Any, _: Any) -> float:
    if type(value) is str and value in NOT_FINITE:
        return NOT_FINITE[value]
    if type(value) is not float and type(value) is not int:
        raise misfit("float", value)
    number = _as_float(value)
    if not math.isfinite(number):
        raise MalformedMessage("", "a finite number expected")
    return number


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise MalformedMessage("", "the number is too large for a float") from None


def enum_hooks(kind: type[enum.Enum]) -> Hooks:
    """Give the hooks of an enum: a member travels by its name, flags as their number."""
    if issubclass(kind, enum.Flag):
        return _flag_hooks(kind)
    members = dict(kind.__members__)

    def read(value: Any, _: Any) -> enum.Enum:
        if type(value) is not str:
            raise misfit(f"a name of {kind.__name__}", value)
        if value not in members:
            raise MalformedMessage("", f"one of {', '.join(members)} expected")
        return members[value]

    def write(value: Any) -> str:
        if not isinstance(value, kind):
            raise misfit(kind.__name__, value)
        return value.name

    return read, write


def _flag_hooks(kind: type[enum.Flag]) -> Hooks:
    def read(value: Any, _: Any) -> enum.Flag:
        try:
            return kind(_read_int(value, int))
        except ValueError as error:
            raise MalformedMessage("", f"the number is no {kind.__name__}") from error

    def write(value: Any) -> int:
        if not isinstance(value, kind):
            raise misfit(kind.__name__, value)
        return int(value.value)

    return read, write


def wire_literal(value: Any) -> Any:
    """Give what a value of a Literal travels as."""
    if isinstance(value, enum.Enum):
        return enum_hooks(type(value))[1](value)
    return TEXTS[bytes].write(value) if isinstance(value, bytes) else value


def literal_hooks(values: tuple[Any, ...]) -> Hooks:
    """Give the hooks of a Literal; True is not 1 here."""
    to_wire = {(type(value), value): wire_literal(value) for value in values}
    from_wire = {(type(wire), wire): key[1] for key, wire in to_wire.items()}
    expected = f"one of {', '.join(map(repr, values))} expected"

    def read(value: Any, _: Any) -> Any:
        key = (type(value), value)
        if type(value) in (str, int, bool, type(None)) and key in from_wire:
            return from_wire[key]
        raise MalformedMessage("", expected)

    def write(value: Any) -> Any:
        key: tuple[type, Any] = (type(value), value)
        if isinstance(value, str | int | bytes | enum.Enum | None) and key in to_wire:
            return to_wire[key]
        raise MalformedMessage("", expected)

    return read, write
