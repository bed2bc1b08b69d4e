"""The W3C traceparent header: read, made and passed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.traceparent import TraceParent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def hex_ids(size: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**size - 1).map(lambda number: f"{number:0{size}x}")


@given(hex_ids(32), hex_ids(16), st.booleans())
def test_round_trip(trace: str, span: str, sampled: bool) -> None:
    """What is written is read again."""
    parent = TraceParent(trace, span, sampled=sampled)
    assert parent == TraceParent.parse(str(parent))
    assert len(str(parent)) == 55


@given(st.text(max_size=60))
def test_noise_is_no_parent(text: str) -> None:
    """Any other text gives None and never an error, as the standard asks."""
    parent = TraceParent.parse(text)
    assert parent is None or str(parent)[:52] == f"00{text[2:52]}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
        f"0-{TRACE}-{SPAN}-01",
    ],
)
def test_the_invalid_ones_of_the_standard(text: str) -> None:
    """Section 3.2.2: zeros, version ff, capitals, wrong lengths, more after version 00."""
    assert TraceParent.parse(text) is None


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-fe", False),
        (f"cc-{TRACE}-{SPAN}-03", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", True),
    ],
)
def test_flags_and_later_versions(text: str, sampled: bool) -> None:
    """Only the last bit of the flags counts; a later version is read as far as it is known."""
    assert TraceParent(TRACE, SPAN, sampled=sampled) == TraceParent.parse(text)


def test_a_child_stays_in_the_trace() -> None:
    """A call from here has another span in the same trace, sampled as before."""
    parent = TraceParent(TRACE, SPAN, sampled=True)
    assert TraceParent(TRACE, "00f067aa0ba902b7", sampled=True) == parent.child("00f067aa0ba902b7")
    with pytest.raises(ValueError, match="span_id"):
        parent.child("0")
