"""Publish and subscribe: by the event's class, by a topic name, or by a pattern of names.

An event published goes to each subscriber as a message of its own with its
own fate. An agent that subscribes twice to the same gets it once. What is
published durably is kept in the store as well, for durable subscribers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.durable_topics import DurableTopics
from harmonium.actors.handlers import lane_of
from harmonium.protocols.message_info import info_of
from harmonium.protocols.topics import Topics as Patterns
from harmonium.protocols.topics import check_pattern, check_topic, type_topic

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.context import Context
    from harmonium.actors.ground import Ground

__all__ = ["Topics"]

_TYPES = type_topic("").partition(".")[0]

MOST_ROUTES = 10_000
"""Topic names whose subscribers by pattern are remembered: a dict look-up against 5 us."""


class Topics:
    """The subscriptions of one ground; a look-up is one dict look-up, two for patterns.

    Args:
        ground: Carries the events.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._by_key: dict[type | str, dict[Cell, None]] = {}
        self._of_cell: dict[Cell, set[type | str]] = {}
        self._patterns = Patterns()
        self._cells: dict[str, Cell] = {}
        self._routes: dict[str, tuple[Cell, ...]] = {}
        self._topic_of: dict[type, str] = {}
        self.durable = DurableTopics(ground)

    def subscribe(self, cell: Cell, key: type | str) -> None:
        """Send what is published under `key` to this agent from now on.

        Raises:
            SpecError: If it is neither a topic nor a pattern.
        """
        if isinstance(key, str) and _by_pattern(key):
            name = cell.path
            self._cells[name] = cell
            self._patterns = self._patterns.subscribe(name, key)
            self._routes.clear()
        else:
            self._by_key.setdefault(key, {})[cell] = None
        self._of_cell.setdefault(cell, set()).add(key)

    def unsubscribe(self, cell: Cell, key: type | str) -> None:
        """End one subscription; a no-op when there is none."""
        self._by_key.get(key, {}).pop(cell, None)
        self._of_cell.get(cell, set()).discard(key)
        if isinstance(key, str) and _by_pattern(key):
            self._patterns = self._patterns.unsubscribe(cell.path, key)
            self._routes.clear()

    def forget(self, cell: Cell) -> None:
        """End what belongs to an incarnation: its subscriptions."""
        self.durable.pause(cell)
        keys = self._of_cell.pop(cell, None)
        if not keys:
            return
        for key in keys:
            self._by_key.get(key, {}).pop(cell, None)
        if self._cells.pop(cell.path, None) is not None:
            self._patterns = self._patterns.unsubscribe(cell.path)
            self._routes.clear()

    def subscribers(self, topic: str) -> tuple[Cell, ...]:
        """The agents that a topic reaches by its name now, the first one first."""
        found = dict(self._by_key.get(topic, ()))
        found.update(dict.fromkeys(self._routed(topic)))
        return tuple(found)

    def _routed(self, topic: str) -> tuple[Cell, ...]:
        """The subscribers whose pattern matches a topic."""
        route = self._routes.get(topic)
        if route is None:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            matching = self._patterns.match(topic) if self._patterns else check_topic(topic) and ()
            route = self._routes[topic] = tuple(self._cells[name] for name in matching)
        return route

    def topic_of(self, event: Any) -> str:
        """The topic on which every published event of a class is heard."""
        cls = type(event)
        topic = self._topic_of.get(cls)
        if topic is None:
            info = info_of(cls)
            topic = self._topic_of[cls] = type_topic(info.name if info else cls.__qualname__)
        return topic

    def publish(self, sender: Cell | None, event: Any, topic: str | None = None) -> int:
        """Send an event plainly; see `spread`. Durable subscribers that miss it are named once."""
        if self.durable:
            self.durable.missed(event, topic)
        return self.spread(sender, event, topic)

    def spread(
        self,
        sender: Cell | None,
        event: Any,
        topic: str | None = None,
        context: Context | None = None,
    ) -> int:
        """Send an event to its subscribers; returns how many there were.

        A subscriber whose mailbox is full and would make the publisher wait
        or fail gets it as a dead letter instead: one slow subscriber must not
        hold up the others.

        Raises:
            SpecError: If the topic is no name.
        """
        targets = dict(self._by_key.get(type(event), ()))
        if topic is not None:
            targets.update(self._by_key.get(topic, ()))
            targets.update(dict.fromkeys(self._routed(topic)))
        if self._patterns:
            targets.update(dict.fromkeys(self._routed(self.topic_of(event))))
        lane = lane_of(type(event))
        for cell in targets:
            self._ground.post_or_bounce(sender, cell, event, lane, context)
        return len(targets)


def _by_pattern(key: str) -> bool:
    """Whether it takes more than a look at the published name: a wildcard, or a type's topic."""
    words = check_pattern(key)
    return "*" in words or words[-1] == ">" or words[0] == _TYPES
