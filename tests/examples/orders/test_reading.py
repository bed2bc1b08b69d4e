"""A retail CSV becomes orders; what cannot be read is reported and counted."""

import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from examples.orders.domain import Order, OrderLine
from examples.orders.reading import (
    COLUMNS,
    OrderFile,
    ReadLine,
    UnreadableLine,
    read_lines,
    read_orders,
)
from harmonium.protocols.errors import ConfigError

HEADER = ",".join(COLUMNS).encode() + b"\n"


def line(order="17", code="LAMP", quantity="6", price="2.55", customer="K1", country="France"):
    return f"{order},{code},A LAMP,{quantity},now,{price},{customer},{country}"


@pytest.fixture
def read(tmp_path):
    """Write lines behind a header and read them back."""

    def read(*lines: str) -> OrderFile:
        path = tmp_path / "orders.csv"
        path.write_bytes(HEADER + "\n".join(lines).encode())
        return read_orders(path)

    return read


def test_lines_become_an_order_in_file_order(read):
    """An order has its lines in file order, and customer and country of the first."""
    file = read(line(), line(code="MUG", quantity="-2", price="10", customer="K2", country="Peru"))
    lines = (OrderLine("LAMP", 6, Decimal("2.55")), OrderLine("MUG", -2, Decimal(10)))
    assert file == OrderFile((Order("17", "K1", "France", lines),), ())


def test_orders_come_in_order_of_first_appearance(read):
    """Lines of an order may stand apart; the first of them gives the order its place."""
    file = read(line("9"), line("10"), line("9", "MUG"), line("C8"))
    assert [(order.order_id, len(order.lines)) for order in file.orders] == [
        ("9", 2),
        ("10", 1),
        ("C8", 1),
    ]


def test_bad_line_gives_its_order_its_place(read):
    """An order that is first named by an unreadable line stands where that line stands."""
    file = read(line("1", quantity="x"), line("2"), line("1"))
    assert [(o.order_id, len(o.lines), o.is_malformed) for o in file.orders] == [
        ("1", 1, True),
        ("2", 1, False),
    ]


def test_customer_is_that_of_the_first_line(read):
    """A customer named only later does not count; an empty one is None."""
    (order,) = read(line(customer="  "), line(customer="K1")).orders
    assert order.customer_id is None


def test_blanks_around_a_field_are_dropped(read):
    """Spaces and tabs around any field belong to the file, not to the data."""
    assert read(line(" 17", " LAMP\t", " 6 ", "\t2.55", "K1 ", " France ")) == read(line())


@pytest.mark.parametrize("quantity", ["6", "-6", "0", "007", "999999999999"])
def test_quantity_in_plain_digits_is_read(read, quantity):
    """An optional minus and up to 12 digits are a quantity."""
    (order,) = read(line(quantity=quantity)).orders
    assert order.lines[0].quantity == int(quantity)


FOREIGN = ["\u0663", "\uff16", "\u00b2", "\u096b"]
"""Digits to Python's `str.isdigit`, and most of them to `int`; not to us."""
WORDS = ["x", "nan", "NaN", "sNaN", "inf", "-inf", "Infinity", "", "-", "--", "."]
FORMS = ["1e5", "1E5", "+6", "1_0", "0x10", "1.2.3", ".5", "5.", "1,5", "1/2", "6-", "--6", "6a"]
TOO_LONG = ["1" * 13, "0." + "1" * 13, "9" * 5000]
SPACED = ["1 000", "- 6", "6\u00a0", "6\n"]
NO_NUMBERS = [*FOREIGN, *WORDS, *FORMS, *TOO_LONG, *SPACED]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "6.0"])
def test_anything_else_is_no_quantity(read, text):
    """What Python would take for a number, and what only looks like one, is refused."""
    file = read(line(quantity=f'"{text}"'))
    assert [order.is_malformed for order in file.orders] == [True]
    assert str(file.unreadable[0]).startswith("line 2: Quantity ")


@pytest.mark.parametrize("price", ["2.55", "0", "-0.01", "10", "2.50", "0.000000000001"])
def test_price_is_exact(read, price):
    """A price keeps every digit that the file has."""
    (order,) = read(line(price=price)).orders
    assert str(order.lines[0].unit_price) == str(Decimal(price))


@pytest.mark.parametrize("text", [*NO_NUMBERS, "£2", "2.55 GBP"])
def test_anything_else_is_no_price(read, text):
    """A price is an optional minus, digits, and at most one point between digits."""
    file = read(line(price=f'"{text}"'))
    assert [order.is_malformed for order in file.orders] == [True]
    assert str(file.unreadable[0]).startswith("line 2: UnitPrice ")


@pytest.mark.parametrize("bad", ["17", "17,x", line() + ",more", line()[: -len(",France")]])
def test_wrong_column_count_rejects_the_order_it_names(read, bad):
    """A line with more or fewer columns is reported with its number; its order is malformed."""
    file = read(line(), bad, line("18"))
    assert [(o.order_id, o.is_malformed) for o in file.orders] == [("17", True), ("18", False)]
    assert [(bad.number, bad.order_id) for bad in file.unreadable] == [(3, "17")]


@pytest.mark.parametrize("first", ["", " ", '""', "\x07", "\u200b", '"1\n7"'])
def test_line_that_names_no_order_is_reported_and_nothing_else(read, first):
    """Without a printable first column a line belongs to no order, however good the rest is."""
    file = read(line("1"), line(first), line("2"))
    assert [order.order_id for order in file.orders] == ["1", "2"]
    (unreadable,) = file.unreadable
    assert (unreadable.number, unreadable.order_id) == (3, None)
    assert str(unreadable).endswith("it belongs to no order")


def test_truncated_last_line_rejects_its_order_only(read):
    """A file cut off in its last line loses that order and no other."""
    file = read(line("1"), line("2"), line("2")[:9])
    assert [order.is_malformed for order in file.orders] == [False, True]
    assert str(file.unreadable[0]) == "line 4: 3 columns instead of 8; order 2 is rejected"


def test_report_of_a_bad_line_is_one_short_line(read):
    """Whatever the line holds, its report can be shown on a terminal."""
    file = read(line("9" * 5000, quantity='"\x1b[31m\n' + "x" * 5000 + '"'))
    text = str(file.unreadable[0])
    assert text.isprintable()
    assert len(text) < 200


HEADERS = [
    (b"", "the file is empty"),
    (b"\n\n\n", "the file is empty"),
    (b"\xef\xbb\xbf", "the file is empty"),
    (HEADER.replace(b",UnitPrice", b""), "line 1: the header has no UnitPrice"),
    (HEADER.replace(b"Quantity", b"Qty"), "line 1: the header has no Quantity"),
    (HEADER.replace(b",Country", b",Country,Note"), "line 1: the header has more columns: 'Note'"),
    (b"Country," + HEADER, "line 1: the columns stand in another order, or twice"),
    (HEADER.replace(b",", b";"), "line 1: the header has no InvoiceNo, StockCode"),
    (HEADER.replace(b"\n", b"\r") + b"1,a\r", "line 1: its lines end in CR alone"),
    (HEADER.decode().encode("utf-16"), "line 1: this is no CSV header: byte 0xff at position 1"),
    (b"PK\x03\x04\0\0" + HEADER, "line 1: this is no CSV header: it has a NUL byte"),
    (b"\x7fELF\xff" * 99, "line 1: this is no CSV header: byte 0xff"),
    (b"x" * 100_000, "line 1: this is no CSV header: it is longer than 65,536 bytes"),
    (b'"' + HEADER, "line 1: this is no CSV header: a quote that opens here"),
    (b"\n\n17,x\n", "line 3: the header has no InvoiceNo"),
]


@pytest.mark.parametrize(("data", "problem"), HEADERS)
def test_file_without_the_header_is_refused_in_one_line(tmp_path, data, problem):
    """Binary, empty, another encoding, another header: one line with the place and the remedy."""
    path = tmp_path / "orders.csv"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as raised:
        read_orders(path)
    text = str(raised.value)
    assert text.startswith(str(path))
    assert problem in text
    assert text.isprintable()
    assert text.endswith(f"save it as CSV in UTF-8 with the header {','.join(COLUMNS)}")


@pytest.mark.parametrize("data", [HEADER, HEADER.strip(), b"\xef\xbb\xbf" + HEADER, b"\n" + HEADER])
def test_header_alone_is_a_file_without_orders(tmp_path, data):
    """No orders is no mistake."""
    path = tmp_path / "orders.csv"
    path.write_bytes(data)
    assert read_orders(path) == OrderFile((), ())


@pytest.mark.parametrize("name", ["missing.csv", ".", "a\0b", "line\nbreak.csv", "x" * 5000])
def test_file_that_cannot_be_opened_is_refused_in_one_line(tmp_path, name):
    """A missing file, a folder, an impossible name: one line, no traceback of another kind."""
    with pytest.raises(ConfigError, match=r"cannot be read: .*; name a CSV file") as raised:
        read_orders(tmp_path / name)
    assert str(raised.value).isprintable()


def test_medium_that_fails_while_reading_is_refused_in_one_line(tmp_path, monkeypatch):
    """An error of the disk in the middle of the file is the same clear error."""

    class Failing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def readline(self, _limit):
            raise OSError(5, os.strerror(5))

    monkeypatch.setattr(Path, "open", lambda *_: Failing())
    with pytest.raises(ConfigError, match="input/output error"):
        read_orders(tmp_path / "orders.csv")


def test_closing_the_stream_early_closes_the_file(tmp_path, monkeypatch):
    """Who stops reading in the middle leaves no file open."""
    path = tmp_path / "orders.csv"
    path.write_bytes(HEADER + (line().encode() + b"\n") * 3)
    file = path.open("rb")
    monkeypatch.setattr(Path, "open", lambda *_: file)
    stream = read_lines(path)
    assert isinstance(next(stream), ReadLine)
    assert not file.closed
    stream.close()
    assert file.closed


BROKEN = Path(__file__).parents[3] / "examples" / "orders" / "sample-broken.csv"


def test_broken_sample_keeps_what_is_good():
    """The second sample loses ten lines, each for its own reason, and keeps five orders."""
    file = read_orders(BROKEN)
    assert [bad.number for bad in file.unreadable] == [5, 7, 9, 12, 15, 17, 18, 20, 23, 25]
    good = [order.order_id for order in file.orders if not order.is_malformed]
    assert good == ["70301", "70303", "70305", "70307", "C70311", "70313"]
    assert len(file.orders) == 15


PIECES = st.lists(
    st.one_of(
        st.sampled_from([line(), line("C1"), line("2", quantity="x"), '1,"', ",,,", "\n", '"']).map(
            str.encode
        ),
        st.binary(max_size=20),
        st.sampled_from([b"\n", b"\n", b"\r\n"]),
    )
).map(b"".join)


@given(st.one_of(st.binary(), PIECES, PIECES.map(HEADER.__add__)))
@example(HEADER + b"\xff,\n")
def test_any_bytes_give_orders_or_one_clear_error(tmp_path_factory, data):
    """The reader raises nothing but `ConfigError`, and that only for the header."""
    path = tmp_path_factory.getbasetemp() / "orders-any.csv"
    path.write_bytes(data)
    try:
        file = read_orders(path)
    except ConfigError:
        assert not data.startswith(HEADER)
    else:
        assert_adds_up(file, list(read_lines(path)))


def assert_adds_up(file: OrderFile, lines: list[ReadLine | UnreadableLine]) -> None:
    good = [line for line in lines if isinstance(line, ReadLine)]
    bad = [line for line in lines if isinstance(line, UnreadableLine)]
    assert list(file.unreadable) == bad
    assert sum(len(order.lines) for order in file.orders) == len(good)
    named = [line.order_id for line in lines if line.order_id is not None]
    assert [order.order_id for order in file.orders] == list(dict.fromkeys(named))
    rejected = {line.order_id for line in bad}
    assert all(order.is_malformed == (order.order_id in rejected) for order in file.orders)
    assert all(order.lines or order.is_malformed for order in file.orders)


@given(st.data())
def test_damage_to_one_line_costs_one_order(tmp_path_factory, data):
    """Replace any line by anything on one line: every order that it does not name is as before."""
    whole = [line(str(number), f"CODE {number}") for number in range(6)]
    place = data.draw(st.integers(0, 5))
    junk = data.draw(st.binary(max_size=40).filter(lambda junk: b"\n" not in junk))
    damaged = [text.encode() for text in whole]
    damaged[place] = junk
    path = tmp_path_factory.getbasetemp() / "orders-damaged.csv"
    path.write_bytes(HEADER + b"\n".join(damaged))
    found = {order.order_id: order for order in read_orders(path).orders if not order.is_malformed}
    rejected = {bad.order_id for bad in read_orders(path).unreadable}
    expected = {str(number) for number in range(6) if number != place} - rejected
    assert expected <= set(found)
    assert all(found[order].lines[0].stock_code == f"CODE {order}" for order in expected)
