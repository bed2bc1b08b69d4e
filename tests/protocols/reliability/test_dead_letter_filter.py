"""Filters over dead letters."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import ConfigError
from harmonium.protocols.path_glob import PathGlob
from harmonium.protocols.reliability.dead_letter_filter import DeadLetterFilter, Letter

LETTER = Letter("e-1", "Mailbox full", "/shop/pay/3", "pay.Charge", 100.0, "r-7")
TEXT = st.text("abc*? /.-_", min_size=1, max_size=8).map(str.strip).filter(bool)
FILTERS = st.builds(
    DeadLetterFilter,
    reason=st.none() | TEXT,
    path=st.none() | st.sampled_from(["/shop/*", "pay*", "**"]).map(PathGlob),
    type=st.none() | TEXT,
    request=st.none() | TEXT,
    older=st.none() | st.floats(0, 1e6),
    newer=st.none() | st.floats(0, 1e6),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("reason=mailbox*", True),
        ('reason="mailbox full"', True),
        ("reason=crash*", False),
        ("path=pay", True),
        ("path=/shop/*", False),
        ("path=/shop/**", True),
        ("type=pay.*", True),
        ("type=Pay.Charge", True),
        ("request=r-7", True),
        ("request=r-8", False),
        ("older=1m", True),
        ("older=61s", False),
        ("newer=1m", False),
        ("newer=61s", True),
        ("path=pay type=pay.* older=1m reason=crash", False),
    ],
)
def test_every_part_must_fit(text, expected):
    """A filter means the letters that fit all of its parts; an empty one means all."""
    assert expected is DeadLetterFilter.parse(text).matches(LETTER, 160.0)


@given(FILTERS)
def test_a_filter_can_be_written_and_read(wanted):
    """The text of a filter parses to the same filter."""
    assert wanted == DeadLetterFilter.parse(str(wanted))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pth=/a", "filter 'pth=/a': is unknown; did you mean 'path'?"),
        ("reason", "filter 'reason': is no NAME=VALUE"),
        ("path=", "filter 'path=': is no NAME=VALUE"),
        ("=a", "is no NAME=VALUE"),
        ("older=soon", "filter 'older=soon': 'soon' is no duration; write 250ms"),
        ("path=a//b", "needs a name in each segment"),
        ("path=a path=b", "gives path a second time"),
        ('reason="open', "is no NAME=VALUE"),
    ],
)
def test_a_wrong_word_is_named(text, expected):
    """A wrong filter raises one ConfigError that names the word and the remedy."""
    with pytest.raises(ConfigError) as caught:
        DeadLetterFilter.parse(text)
    assert expected in str(caught.value)


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text):
    """Any text is a filter or a ConfigError."""
    with contextlib.suppress(ConfigError):
        assert isinstance(DeadLetterFilter.parse(text), DeadLetterFilter)
