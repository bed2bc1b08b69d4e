"""CSV records from bytes that may be broken: a bad line costs that line only.

The `csv` module gives up a whole file for one quote that never closes, and
reads a line of any length into memory. Here every line is kept within a bound,
and a record that cannot be read is handed on with its problem.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["MAX_LINE_BYTES", "MAX_RECORD_LINES", "Record", "read_records"]

MAX_LINE_BYTES = 65_536
"""A longer line is not kept; the longest real ones have some 150 bytes."""
MAX_RECORD_LINES = 100
"""A quoted field that runs over more lines than this is taken as a stray quote."""

_BOM = b"\xef\xbb\xbf"
_QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')  # possessive: a stray quote costs one pass


class Record(NamedTuple):
    """One record of a file.

    Args:
        line: Number of its first line, from 1.
        fields: Its fields; of a record with a problem only the first, as far
            as it can be made out.
        problem: Why it cannot be read; None for a good record.
    """

    line: int
    fields: list[str]
    problem: str | None = None


class _Line(NamedTuple):
    number: int
    text: str
    problem: str | None = None


class _Unclosed(Exception):
    """A quoted field has not ended yet."""


class _Misquoted(Exception):
    """Something other than a comma follows a quoted field."""


def read_records(file: BinaryIO) -> Iterator[Record]:
    r"""Read records one by one, good and bad, in file order.

    A field in double quotes may hold commas, doubled quotes and line ends, as
    RFC 4180 has it; a quote inside an unquoted field is an ordinary character.
    Lines end in LF or CRLF; empty lines are passed over; a byte order mark of
    UTF-8 is dropped.

    A line cannot be read when it is not UTF-8, has a NUL byte, is longer than
    `MAX_LINE_BYTES`, or opens a quote that does not close properly within
    `MAX_RECORD_LINES` and `MAX_LINE_BYTES`. Only that line is lost: reading
    goes on with the next one, even if the quote would have swallowed it.

    Args:
        file: Open for reading in binary mode; read forwards only.

    Example:
        >>> import io
        >>> for record in read_records(io.BytesIO(b'a,"b, c"\n"d,e\nf,g\n')):
        ...     print(record.line, record.fields, record.problem)
        1 ['a', 'b, c'] None
        2 ['d'] a quote that opens here is not closed properly
        3 ['f', 'g'] None
    """
    lines = _Lines(file)
    while (line := lines.take()) is not None:
        if line.problem is not None:
            yield Record(line.number, [_first_field(line.text)], line.problem)
        elif line.text:
            yield _record(line, lines)


class _Lines:
    """Lines of a file, of which some can be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._fresh = _read_lines(file)
        self._given_back: deque[_Line] = deque()

    def take(self) -> _Line | None:
        if self._given_back:
            return self._given_back.popleft()
        return next(self._fresh, None)

    def give_back(self, lines: list[_Line]) -> None:
        self._given_back.extendleft(reversed(lines))


def _read_lines(file: BinaryIO) -> Iterator[_Line]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        too_long = len(raw) > MAX_LINE_BYTES
        if too_long:
            _skip_rest(raw, file)
        elif number == 1:
            raw = raw.removeprefix(_BOM)
        yield _line(number, raw.removesuffix(b"\n").removesuffix(b"\r"), too_long=too_long)


def _skip_rest(raw: bytes, file: BinaryIO) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(MAX_LINE_BYTES)


def _line(number: int, raw: bytes, *, too_long: bool) -> _Line:
    try:
        text = raw.decode()
        problem = "it has a NUL byte" if "\0" in text else None
    except UnicodeDecodeError as error:
        text = raw.decode(errors="surrogateescape")
        problem = f"byte 0x{raw[error.start]:02x} at position {error.start + 1} is not UTF-8"
    if too_long:
        problem = f"it is longer than {MAX_LINE_BYTES:,} bytes"
    return _Line(number, text, problem)


def _record(first: _Line, lines: _Lines) -> Record:
    try:
        return Record(first.number, _split(first.text))
    except _Misquoted:
        fields = None
    except _Unclosed:
        fields = _split_over_lines(first.text, lines)
    if fields is None:
        problem = "a quote that opens here is not closed properly"
        return Record(first.number, [_first_field(first.text)], problem)
    return Record(first.number, fields)


def _split_over_lines(text: str, lines: _Lines) -> list[str] | None:
    """Go on with the next lines; give them back if the quote does not close."""
    taken: list[_Line] = []
    while len(taken) < MAX_RECORD_LINES and (line := lines.take()) is not None:
        taken.append(line)
        text = f"{text}\n{line.text}"
        if line.problem is not None or len(text) > MAX_LINE_BYTES:
            break
        if '"' not in line.text:
            continue
        try:
            return _split(text)
        except _Unclosed:
            continue
        except _Misquoted:
            break
    lines.give_back(taken)
    return None


def _split(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    fields = []
    at = 0
    while True:
        field, at = _field(text, at)
        fields.append(field)
        if at == len(text):
            return fields
        at += 1


def _field(text: str, start: int) -> tuple[str, int]:
    """Return the field that starts there, and where the comma behind it stands."""
    if not text.startswith('"', start):
        end = text.find(",", start)
        end = len(text) if end < 0 else end
        return text[start:end], end
    match = _QUOTED.match(text, start)
    if match is None:
        raise _Unclosed
    if match.end() < len(text) and text[match.end()] != ",":
        raise _Misquoted
    return match[1].replace('""', '"'), match.end()


def _first_field(text: str) -> str:
    """Make out the first field of a line that cannot be read."""
    try:
        return _field(text, 0)[0]
    except (_Unclosed, _Misquoted):
        return text.partition(",")[0].strip('"')
