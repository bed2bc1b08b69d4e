"""Records come out of any bytes; a broken line costs that line only."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.orders.records import (
    MAX_LINE_BYTES,
    MAX_RECORD_LINES,
    Record,
    read_records,
)


def records(data: bytes) -> list[Record]:
    return list(read_records(io.BytesIO(data)))


def fields(data: bytes) -> list[list[str]]:
    found = records(data)
    assert [record.problem for record in found] == [None] * len(found)
    return [record.fields for record in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
        (b"a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
        (b"a,b\nc,d", [["a", "b"], ["c", "d"]]),
        (b"\xef\xbb\xbfa,b\n", [["a", "b"]]),
        (b"\n\r\na\n\n\n", [["a"]]),
        (b",\n", [["", ""]]),
        (b'"a,b",""\n', [["a,b", ""]]),
        (b'"a ""b"" c"\n', [['a "b" c']]),
        (b'"a\nb\n\nc",d\ne\n', [["a\nb\n\nc", "d"], ["e"]]),
        (b'"a\r\nb",c\r\n', [["a\nb", "c"]]),
        (b'2" nail,it"s\n', [['2" nail', 'it"s']]),
        ("é,Ü\n".encode(), [["é", "Ü"]]),
        (b"", []),
        (b"\n\n", []),
    ],
)
def test_well_formed_csv_is_read_as_rfc_4180_has_it(data, expected):
    """Quotes, line ends, an empty line, a byte order mark: all the usual forms of CSV."""
    assert fields(data) == expected


@pytest.mark.parametrize(
    ("bad", "first", "problem"),
    [
        (b"a,\xa3\n", "a", "byte 0xa3 at position 3 is not UTF-8"),
        (b"a,\0\n", "a", "it has a NUL byte"),
        (b"a," + b"x" * MAX_LINE_BYTES + b"\n", "a", "it is longer than 65,536 bytes"),
        (b"a," + b"x" * (MAX_LINE_BYTES * 3) + b"\n", "a", "it is longer than 65,536 bytes"),
        (b'a,"b\n', "a", "a quote that opens here is not closed properly"),
        (b'a,"b"c\n', "a", "a quote that opens here is not closed properly"),
        (b'"a,b\n', "a", "a quote that opens here is not closed properly"),
        (b'"a"b,c\n', "ab", "a quote that opens here is not closed properly"),
    ],
)
def test_broken_line_costs_that_line_only(bad, first, problem):
    """A line that cannot be read is reported with its first field; its neighbours are whole."""
    before, after = b'1,"x, y"\n', b'3,"p, q"\n4,z\n'
    assert records(before + bad + after) == [
        Record(1, ["1", "x, y"]),
        Record(2, [first.replace("ab", 'a"b')], problem),
        Record(3, ["3", "p, q"]),
        Record(4, ["4", "z"]),
    ]


def test_record_over_several_lines_has_the_number_of_its_first():
    """Lines inside a quoted field are counted, so that the numbers fit an editor."""
    assert [record.line for record in records(b'a\n"b\n\nc"\n\nd\n')] == [1, 2, 6]


def test_quote_that_stays_open_gives_up_after_the_limit():
    """A field may run over `MAX_RECORD_LINES` lines more, and not over one more than that."""
    inside = b"x\n" * (MAX_RECORD_LINES - 1)
    assert len(fields(b'a,"\n' + inside + b'"\n')) == 1
    found = records(b'a,"\n' + inside + b'x\n"\nb\n')
    assert found[0].problem is not None
    assert found[-1].fields == ["b"]


def test_quote_that_stays_open_gives_up_after_the_longest_length():
    """Lines that are short one by one do not make a record longer than a line may be."""
    inside = (b"x" * (MAX_LINE_BYTES // 4) + b"\n") * 4
    found = records(b'a,"\n' + inside + b'"\nb\n')
    assert found[0] == Record(1, ["a"], "a quote that opens here is not closed properly")
    assert [len(record.fields) for record in found[1:5]] == [1] * 4
    assert found[-1].fields == ["b"]


def test_line_of_the_longest_length_is_read():
    """The bound counts the line end, and is itself allowed."""
    assert fields(b"x" * (MAX_LINE_BYTES - 1) + b"\ny\n")[1] == ["y"]
    assert records(b"x" * MAX_LINE_BYTES + b"\ny\n")[0].problem is not None


class Endless(io.RawIOBase):
    """A file that never ends a line; it remembers how much was asked for at once."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.largest = 0

    def readline(self, limit: int = -1) -> bytes:
        assert limit > 0
        self.largest = max(self.largest, limit)
        size = min(limit, self.left)
        self.left -= size
        return b"x" * size


def test_endless_line_is_never_held_in_memory():
    """A line of any length is read in bounded pieces."""
    file = Endless(50_000_000)
    assert len(list(read_records(file))) == 1
    assert file.largest <= MAX_LINE_BYTES + 1


def test_records_are_read_one_at_a_time():
    """The first record is there before the rest of the file is read."""
    file = io.BytesIO(b"a\n" * 10_000)
    assert next(read_records(file)).fields == ["a"]
    assert file.tell() == 2


CSV_BYTES = st.lists(
    st.one_of(
        st.sampled_from(
            [b",", b'"', b'""', b"\n", b"\r\n", b"a", b"7", b"\0", b"\xff", b"\xc3\xa9"]
        ),
        st.binary(max_size=5),
    )
).map(b"".join)


@given(CSV_BYTES)
def test_any_bytes_give_records_and_no_exception(data):
    """Whatever the bytes are: every record has a first field and a line of its own."""
    found = records(data)
    numbers = [record.line for record in found]
    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= data.count(b"\n") + 1 for number in numbers)
    assert all(record.fields for record in found)
    assert all(len(record.fields) == 1 for record in found if record.problem)


@given(CSV_BYTES.filter(lambda data: b'"' not in data))
def test_without_quotes_each_line_is_one_record(data):
    """No line is lost and none counted twice: records are the lines that are not empty."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    filled = [number for number, line in enumerate(lines, 1) if line.removesuffix(b"\r")]
    assert [record.line for record in records(data)] == filled


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.lists(TEXT, min_size=1, max_size=4), max_size=6))
def test_what_is_written_quoted_is_read_back(table):
    """Any text without NUL survives in a quoted field (a CRLF inside comes back as LF)."""
    lines = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in table]
    expected = [[field.replace("\r\n", "\n") for field in row] for row in table]
    assert fields("\n".join(lines).encode()) == expected


@given(
    st.binary(max_size=30).filter(lambda line: b"\n" not in line),
    st.lists(st.sampled_from([b"1,x", b'2,"y, z"', b'3,"say ""z"""']), min_size=1),
)
def test_good_lines_survive_any_line_between_them(junk, good):
    """One line of anything between good lines leaves the good ones as they were."""
    data = b"\n".join(itertools.chain(good, [junk], good))
    whole = [record.fields for record in records(b"\n".join(good))]
    found = [record.fields for record in records(data) if record.line != len(good) + 1]
    assert found == whole * 2
