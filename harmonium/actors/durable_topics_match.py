"""Which entries of the journal a durable subscription is for."""

from __future__ import annotations

from typing import Any

from harmonium.actors.store.values import Entry
from harmonium.protocols.message_info import info_of
from harmonium.protocols.topics import Topics, check_pattern, type_topic

__all__ = ["Match"]

_TYPES = type_topic("")


class Match:
    """What somebody subscribed to: a pattern of topics, or a message class.

    Args:
        to: The pattern or class.

    Raises:
        SpecError: If it is no pattern.
    """

    def __init__(self, to: type | str) -> None:
        self._class = to if isinstance(to, type) else None
        info = info_of(to) if isinstance(to, type) else None
        self._name = info.name if info is not None else ""
        self._patterns = Topics().subscribe("", to) if isinstance(to, str) else Topics()
        self._known: dict[str, bool] = {}
        self._typed = isinstance(to, str) and to.startswith(_TYPES)
        self.prefix = "" if isinstance(to, type) or self._typed else _prefix(to)

    def entry(self, entry: Entry) -> bool:
        """Whether an entry is for it."""
        kind = str(entry.data["message"].get("type", "")).partition("/")[0]
        return kind == self._name if self._class is not None else self._hears(entry.topic, kind)

    def takes(self, topic: str, cls: type) -> bool:
        """Whether an event of this class on this topic is for it."""
        if self._class is not None:
            return cls is self._class
        info = info_of(cls)
        return self._hears(topic, info.name if info is not None else "")

    def _hears(self, topic: str, kind: str) -> bool:
        if self._typed:
            topic = type_topic(kind)
        heard = self._known.get(topic)
        if heard is None:
            if len(self._known) > 10_000:
                self._known.clear()
            heard = self._known[topic] = bool(self._patterns.match(topic))
        return heard

    def classes(self, agent: Any) -> tuple[type, ...]:
        """The classes that the agent's contract lets it get."""
        return (self._class,) if self._class is not None else tuple(agent.__table__.by_class)


def _prefix(pattern: str) -> str:
    """What the names of all matching topics begin with."""
    words: list[str] = []
    for word in check_pattern(pattern):
        if word in {"*", ">"}:
            return ".".join([*words, ""]) if words else ""
        words.append(word)
    return pattern
