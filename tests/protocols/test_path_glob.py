"""Which tree paths a pattern means."""

import fnmatch
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.path_glob import PathGlob

SEGMENT = st.text("ab1", min_size=1, max_size=3)
PATH = st.lists(SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
PATTERN_SEGMENT = st.text("ab1*?[]!-^", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("inventory", "/shop/inventory", True),
        ("inventory", "/inventory", True),
        ("inventory", "inventory", True),
        ("inventory", "/shop/inventory/3", True),
        ("inventory", "/shop/inventory/audit", False),
        ("inventory", "/shop/old-inventory", False),
        ("pay*", "/shop/payments", True),
        ("pay*", "/shop/Payments", False),
        ("shop", "/shop/payments", False),
        ("shop/*", "/eu/shop/payments", True),
        ("*", "/shop/payments", True),
        ("/shop/*", "/shop/payments", True),
        ("/shop/*", "/eu/shop/payments", False),
        ("/shop/inventory", "/shop/inventory/3", False),
        ("/shop/**", "/shop", True),
        ("/shop/**", "/shop/a/b/c", True),
        ("/shop/**/c", "/shop/a/b/c", True),
        ("worker-[0-3]", "/pool/worker-2", True),
        ("worker-[!0-3]", "/pool/worker-2", False),
    ],
)
def test_examples(pattern, path, expected):
    """A relative pattern describes the end of a path, an absolute one the whole of it."""
    assert expected is PathGlob(pattern).matches(path)


@given(PATH)
def test_a_path_matches_itself(path):
    """A path without wildcards matches itself, absolute and relative."""
    assert PathGlob(path).matches(path)
    assert PathGlob(path[1:]).matches(path)


@given(PATTERN_SEGMENT.filter(lambda text: text != "**"), SEGMENT)
def test_inside_a_segment_the_rules_are_those_of_fnmatch(pattern, name):
    """One segment matches as fnmatch says, whatever brackets and stars it holds."""
    assert fnmatch.fnmatchcase(name, pattern) is PathGlob(f"/{pattern}").matches(f"/{name}")


@given(PATH, SEGMENT)
def test_a_star_stays_in_its_segment(path, name):
    """A star never crosses a slash; a double star crosses any number."""
    assert not PathGlob("/*").matches(f"{path}/{name}")
    assert PathGlob("/**").matches(f"{path}/{name}")


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/"])
def test_an_empty_segment_is_refused(text):
    """A pattern with nothing between two slashes is a mistake of its author."""
    with pytest.raises(SpecError, match="name in each segment"):
        PathGlob(text)


def test_a_pattern_is_a_value():
    """Equal texts are equal patterns, and a used one still pickles."""
    glob = PathGlob("a*")
    assert glob.matches("/abc")
    assert PathGlob("a*") == glob == pickle.loads(pickle.dumps(PathGlob("a*")))
    assert len({glob, PathGlob("a*")}) == 1
