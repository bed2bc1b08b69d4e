"""Topics: which subscribers a name finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.errors import SpecError
from harmonium.protocols.persistent_map import PersistentMap
from harmonium.protocols.topics import Topics, check_pattern, check_topic, type_topic

WORDS = st.sampled_from(["a", "b", "c", "$s"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.tuples(st.lists(st.one_of(WORDS, st.just("*")), max_size=4), st.booleans()).map(
    lambda case: ".".join([*case[0], *([">"] if case[1] or not case[0] else [])])
)
SUBSCRIPTIONS = st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), PATTERNS), max_size=20)


def fits(pattern, name):
    """Match by a regular expression: the rule in one line."""
    if name.startswith("$") and pattern[0] in "*>":
        return False
    expression = re.escape(pattern).replace(r"\*", r"[^.]+").replace(">", r".+")
    return re.fullmatch(expression, name) is not None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("orders.created", "orders.created", True),
        ("orders.created", "orders.created.eu", False),
        ("orders.*.created", "orders.eu.created", True),
        ("orders.*.created", "orders.created", False),
        ("orders.>", "orders.eu.created", True),
        ("orders.>", "orders", False),
        (">", "anything.at.all", True),
        (">", "$type.orders.Placed", False),
        ("*.orders.Placed", "$type.orders.Placed", False),
        ("$type.orders.>", "$type.orders.Placed", True),
        ("a.*", "a.$b", True),
    ],
)
def test_examples(pattern, name, expected):
    """A star is one word, > at the end is one or more, and $ names are not met by chance."""
    assert (("me",) if expected else ()) == Topics().subscribe("me", pattern).match(name)


@given(SUBSCRIPTIONS, NAMES)
def test_the_trie_finds_what_the_rule_finds(subscriptions, name):
    """Each subscriber with a fitting pattern is found once, in the order of subscription."""
    topics, expected = Topics(), {}
    for who, pattern in subscriptions:
        topics = topics.subscribe(who, pattern)
    first = dict.fromkeys(subscriptions)
    for who, pattern in first:
        if fits(pattern, name):
            expected.setdefault(who)
    assert tuple(expected) == topics.match(name)
    assert sorted(first) == list(topics)
    assert len(first) == len(topics)


@given(SUBSCRIPTIONS, SUBSCRIPTIONS, NAMES)
def test_unsubscribing_leaves_no_trace(kept, gone, name):
    """What was subscribed and taken back is as if it had never been."""
    expected = Topics()
    for who, pattern in kept:
        expected = expected.subscribe(who, pattern)
    topics = expected
    for _, pattern in gone:
        topics = topics.subscribe("guest", pattern)
    for _, pattern in gone:
        topics = topics.unsubscribe("guest", pattern)
    assert expected.match(name) == topics.match(name)
    assert (expected._root, expected._patterns) == (topics._root, topics._patterns)


@given(SUBSCRIPTIONS)
def test_a_subscriber_leaves_with_all_its_patterns(subscriptions):
    """Without a pattern every subscription of a subscriber is taken back."""
    topics = Topics()
    for who, pattern in subscriptions:
        topics = topics.subscribe(who, pattern)
    topics = topics.unsubscribe("x")
    assert topics.patterns_of("x") == ()
    assert "x" not in {who for who, _ in topics}
    assert topics.unsubscribe("x") is topics


@pytest.mark.parametrize("name", ["orders.eu.created", "other"])
def test_unrelated_subscriptions_cost_nothing(name, monkeypatch):
    """Among 10,000 unrelated subscriptions a match does at most one look-up more."""
    few = Topics().subscribe("me", "orders.*.created").subscribe("you", "orders.>")
    many = few
    for number in range(5000):
        many = many.subscribe(f"s{number}", f"orders.eu.t{number}.*")
        many = many.subscribe(f"s{number}", f"t{number}.>")
    counts = []
    look_up = PersistentMap.get

    def counting(self, *args):
        counts[-1] += 1
        return look_up(self, *args)

    monkeypatch.setattr(PersistentMap, "get", counting)
    for topics in (few, many):
        counts.append(0)
        topics.match(name)
    assert 0 < counts[1] <= counts[0] + 1


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a.", "a b", "a.*", ">", "a.>b"])
def test_bad_names_are_refused(name):
    """A name has words without spaces and wildcards."""
    with pytest.raises(SpecError, match=re.escape(repr(name))):
        check_topic(name)


@pytest.mark.parametrize("pattern", ["", "a..b", ">.a", "a.>.b", "a*", "a.b>", "a b", "*."])
def test_bad_patterns_are_refused(pattern):
    """A wildcard is a whole word, and > is the last one."""
    with pytest.raises(SpecError, match=re.escape(repr(pattern))):
        check_pattern(pattern)


def test_a_type_has_a_topic():
    """Messages are heard by type under a name of the system."""
    topics = Topics().subscribe("me", type_topic("orders.Placed")).subscribe("all", ">")
    assert topics.match(type_topic("orders.Placed")) == ("me",)
