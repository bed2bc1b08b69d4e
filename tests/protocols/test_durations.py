"""Durations in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.durations import format_duration, parse_duration
from harmonium.protocols.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("2", 2.0), (" 250ms ", 0.25), ("1.5 s", 1.5), ("2m", 120.0), ("1h", 3600.0)],
)
def test_units(text, seconds):
    """A unit multiplies, and no unit means seconds."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 week", "nan", "inf", "1s2s", "1e999", "10S"])
def test_other_text_is_refused_with_the_forms(text):
    """What is no duration raises an error that quotes it."""
    with pytest.raises(ConfigError, match="duration"):
        parse_duration(text)


@given(st.floats(min_value=0, max_value=1e300))
def test_written_durations_read_as_the_same_number(seconds):
    """Writing and reading a duration loses nothing."""
    assert seconds == parse_duration(format_duration(seconds))
