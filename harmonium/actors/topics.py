"""Publish and subscribe: by the event's class, by a topic name, or both.

An event published goes to each subscriber as a message of its own with its
own fate. An agent that subscribes twice to the same gets it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmonium.actors.handlers import lane_of

if TYPE_CHECKING:
    from harmonium.actors.cell import Cell
    from harmonium.actors.ground import Ground

__all__ = ["Topics"]


class Topics:
    """The subscriptions of one ground; each look-up is one dict look-up.

    Args:
        ground: Carries the events.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._by_key: dict[type | str, dict[Cell, None]] = {}
        self._of_cell: dict[Cell, set[type | str]] = {}

    def subscribe(self, cell: Cell, key: type | str) -> None:
        """Send what is published under `key` to this agent from now on."""
        self._by_key.setdefault(key, {})[cell] = None
        self._of_cell.setdefault(cell, set()).add(key)

    def unsubscribe(self, cell: Cell, key: type | str) -> None:
        """End one subscription; a no-op when there is none."""
        self._by_key.get(key, {}).pop(cell, None)
        self._of_cell.get(cell, set()).discard(key)

    def forget(self, cell: Cell) -> None:
        """End all subscriptions of an incarnation, and its watches."""
        self._ground.stateful.forget(cell)
        for key in self._of_cell.pop(cell, ()):
            self._by_key[key].pop(cell, None)

    def subscribers(self, topic: str) -> tuple[Cell, ...]:
        """The agents that subscribe to a topic by its name now, the first one first."""
        return tuple(self._by_key.get(topic, ()))

    def publish(self, sender: Cell | None, event: Any, topic: str | None = None) -> int:
        """Send an event to its subscribers; returns how many there were.

        A subscriber whose mailbox is full and would make the publisher wait
        or fail gets it as a dead letter instead: one slow subscriber must not
        hold up the others.
        """
        targets = dict(self._by_key.get(type(event), ()))
        if topic is not None:
            targets.update(self._by_key.get(topic, ()))
        lane = lane_of(type(event))
        for cell in targets:
            self._ground.post_or_bounce(sender, cell, event, lane)
        return len(targets)
