"""Requests from a CSV file, which may be broken in places.

A line that cannot be used is reported with its number; all others are kept.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import attrs

from harmonium.protocols.errors import ConfigError

__all__ = ["COLUMNS", "SAMPLE", "TOPICS", "Day", "Line", "read_day"]

COLUMNS = ("at", "customer", "topic", "text")
"""The header that a file must have."""

TOPICS = ("billing", "technical")
"""What customers ask about; each topic has a pool."""

SAMPLE = Path(__file__).with_name("sample.csv")
"""Three seconds of an invented help desk, with a rush in the middle."""


@attrs.frozen
class Line:
    """One request.

    Args:
        number: Its place in the file, from 1.
        at: When it comes, in seconds from the beginning.
        customer: Who asks.
        topic: About what.
        text: The question.
    """

    number: int
    at: float
    customer: str
    topic: str
    text: str


@attrs.frozen
class Day:
    """The requests of a file in the order they come, and what could not be read."""

    lines: tuple[Line, ...]
    problems: tuple[str, ...]


def read_day(path: Path) -> Day:
    """Read the requests of a file.

    Raises:
        ConfigError: If the file cannot be read or is no such CSV.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--input {path}", f"cannot be read: {error}") from None
    rows = csv.reader(io.StringIO(text))
    header = tuple(next(rows, ()))
    if header != COLUMNS:
        columns = ",".join(COLUMNS)
        raise ConfigError(f"--input {path}", f"its first line is not {columns}")
    lines: list[Line] = []
    problems: list[str] = []
    for row in rows:
        try:
            lines.append(_line(len(lines) + 1, row))
        except ValueError as problem:
            problems.append(f"{path.name}:{rows.line_num}: {problem}")
    return Day(tuple(sorted(lines, key=lambda one: one.at)), tuple(problems))


def _line(number: int, row: list[str]) -> Line:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} fields where {len(COLUMNS)} are due")
    at, customer, topic, text = (one.strip() for one in row)
    if topic not in TOPICS:
        raise ValueError(f"nobody knows about {topic!r}; known: {', '.join(TOPICS)}")
    if not customer:
        raise ValueError("no customer")
    return Line(number, _seconds(at), customer, topic, text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text if text.isascii() and "_" not in text else "?")
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise ValueError(f"{text!r} is no time in seconds")
    return seconds
