"""Topics: hierarchical names, patterns with wildcards, and who is subscribed to what.

Names and patterns are those of NATS ("Subject-based messaging", docs.nats.io):
words separated by dots; in a pattern ``*`` stands for one word and ``>``, at the
end, for one or more. As in MQTT, a wildcard in first place does not match a name
that begins with ``$``: those are for the system, as the topic of a message type.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import attrs

from harmonium.protocols.errors import SpecError
from harmonium.protocols.persistent_map import PersistentMap

__all__ = ["Topics", "check_pattern", "check_topic", "type_topic"]

_ONE = "*"
_REST = ">"
_WORD = re.compile(r"[^\s.*>]+")


def check_topic(name: str) -> tuple[str, ...]:
    """Split the name of a topic into its words.

    Raises:
        SpecError: If it has an empty word, a space or a wildcard.

    Example:
        >>> check_topic("orders.eu.created")
        ('orders', 'eu', 'created')
    """
    words = tuple(name.split("."))
    if not all(map(_WORD.fullmatch, words)):
        remedy = "write words without spaces and wildcards, separated by dots"
        raise SpecError(f"topic {name!r}", "is no name of a topic", remedy)
    return words


def check_pattern(pattern: str) -> tuple[str, ...]:
    """Split a pattern into its words.

    Raises:
        SpecError: If it has an empty word, a wildcard inside a word, or a ``>``
            before its end.

    Example:
        >>> check_pattern("orders.*.created"), check_pattern("orders.>")
        (('orders', '*', 'created'), ('orders', '>'))
    """
    words = tuple(pattern.split("."))
    plain = words[:-1] if words[-1] == _REST else words
    if not all(word == _ONE or _WORD.fullmatch(word) for word in plain):
        remedy = "write words separated by dots, * for one word, > at the end for the rest"
        raise SpecError(f"topic pattern {pattern!r}", "is no pattern", remedy)
    return words


def type_topic(message_name: str) -> str:
    """Give the topic on which every published message of a type is heard.

    Args:
        message_name: The type's name on the wire, without its version.

    Example:
        >>> type_topic("orders.OrderPlaced")
        '$type.orders.OrderPlaced'
    """
    return f"$type.{message_name}"


class _Node(NamedTuple):
    """One word of the patterns: what may follow, and who ends here.

    `here` are the patterns that end with this word, `rest` those that go on
    with ``>``; both hold the subscriber and the number of its subscription.
    """

    words: PersistentMap[str, _Node] = PersistentMap()
    one: _Node | None = None
    here: PersistentMap[str, int] = PersistentMap()
    rest: PersistentMap[str, int] = PersistentMap()


_BARE = _Node()


@attrs.frozen
class Topics:
    """Who is subscribed to which patterns: a value, each change gives a new one.

    Finding the subscribers of a name looks at the patterns that can match it,
    word by word in a trie; others cost nothing, however many there are. A
    subscriber with several matching patterns gets one copy.

    Example:
        >>> topics = Topics().subscribe("billing", "orders.*.created")
        >>> topics.subscribe("audit", "orders.>").match("orders.eu.created")
        ('billing', 'audit')
    """

    _root: _Node = attrs.field(default=_BARE, alias="root", repr=False)
    _patterns: PersistentMap[str, tuple[str, ...]] = attrs.field(
        factory=PersistentMap, alias="patterns", repr=False
    )
    _next: int = attrs.field(default=0, alias="next")

    def subscribe(self, subscriber: str, pattern: str) -> Topics:
        """Add a subscription; one that is there already changes nothing.

        Raises:
            SpecError: If the pattern is none.
        """
        words = check_pattern(pattern)
        known = self._patterns.get(subscriber, ())
        if pattern in known:
            return self
        root = _added(self._root, words, subscriber, self._next)
        patterns = self._patterns.set(subscriber, (*known, pattern))
        return Topics(root, patterns, self._next + 1)

    def unsubscribe(self, subscriber: str, pattern: str | None = None) -> Topics:
        """Take back one subscription, or all of a subscriber; what is not there is no error."""
        known = self._patterns.get(subscriber, ())
        gone = known if pattern is None else tuple(each for each in known if each == pattern)
        if not gone:
            return self
        root = self._root
        for each in gone:
            root = _removed(root, check_pattern(each), subscriber)
        left = tuple(each for each in known if each not in gone)
        patterns = self._patterns
        patterns = patterns.set(subscriber, left) if left else patterns.discard(subscriber)
        return Topics(root, patterns, self._next)

    def match(self, name: str) -> tuple[str, ...]:
        """Find the subscribers of a topic, each once, in the order in which they came.

        Raises:
            SpecError: If the name is none.
        """
        found: dict[str, int] = {}
        for subscribers in _matching(self._root, check_topic(name)):
            for subscriber, number in subscribers.items():
                if number < found.get(subscriber, number + 1):
                    found[subscriber] = number
        return tuple(sorted(found, key=found.__getitem__))

    def patterns_of(self, subscriber: str) -> tuple[str, ...]:
        """List a subscriber's patterns, in the order in which they came."""
        return self._patterns.get(subscriber, ())

    def __len__(self) -> int:
        return sum(map(len, self._patterns.values()))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Give each subscriber and pattern, sorted."""
        pairs = ((who, each) for who, patterns in self._patterns.items() for each in patterns)
        return iter(sorted(pairs))


def _matching(root: _Node, words: tuple[str, ...]) -> Iterable[PersistentMap[str, int]]:
    nodes, found = [root], []
    for place, word in enumerate(words):
        after = []
        for node in nodes:
            wild = place > 0 or not word.startswith("$")
            if wild and node.rest:
                found.append(node.rest)
            if wild and node.one is not None:
                after.append(node.one)
            child = node.words.get(word)
            if child is not None:
                after.append(child)
        nodes = after
    return itertools.chain(found, (node.here for node in nodes))


def _added(node: _Node, words: tuple[str, ...], subscriber: str, number: int) -> _Node:
    if not words:
        return node._replace(here=node.here.set(subscriber, number))
    first, others = words[0], words[1:]
    if first == _REST:
        return node._replace(rest=node.rest.set(subscriber, number))
    if first == _ONE:
        return node._replace(one=_added(node.one or _BARE, others, subscriber, number))
    child = _added(node.words.get(first, _BARE), others, subscriber, number)
    return node._replace(words=node.words.set(first, child))


def _removed(node: _Node, words: tuple[str, ...], subscriber: str) -> _Node:
    if not words:
        return node._replace(here=node.here.discard(subscriber))
    first, others = words[0], words[1:]
    if first == _REST:
        return node._replace(rest=node.rest.discard(subscriber))
    if first == _ONE:
        one = _removed(node.one or _BARE, others, subscriber)
        return node._replace(one=None if _is_bare(one) else one)
    child = _removed(node.words.get(first, _BARE), others, subscriber)
    left = node.words.discard(first) if _is_bare(child) else node.words.set(first, child)
    return node._replace(words=left)


def _is_bare(node: _Node) -> bool:
    return not (node.words or node.one or node.here or node.rest)
