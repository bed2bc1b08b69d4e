"""One message to several members: broadcast, and scatter to the first answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from harmonium.actors.ask import Ask
from harmonium.actors.context import RawEnvelope
from harmonium.actors.ground import Ground
from harmonium.protocols.routing.fan_out import Race, Standing
from harmonium.supervisors.pool_member import Member

__all__ = ["Answers", "fan_out"]

Give = Callable[[Member, RawEnvelope], Any]


@attrs.frozen(slots=True)
class Answers:
    """What the asker of a broadcast gets when all members have answered or failed.

    Args:
        answers: The answers, by member.
        failures: The errors of those who gave none.
    """

    answers: Mapping[str, Any]
    failures: Mapping[str, BaseException]


def fan_out(
    ground: Ground, envelope: RawEnvelope, members: Sequence[Member], give: Give, *, first: bool
) -> None:
    """Give a copy of a message to each member; its asker hears when that is decided.

    Each copy is a message of its own in the account; the first one takes the
    place of the original where nobody asked.

    Args:
        ground: Where it happens.
        envelope: The message.
        members: Who gets it; at least one.
        give: Brings an envelope to a member.
        first: Whether the first good answer counts; or all.
    """
    if envelope[2] is None:
        for place, member in enumerate(members):
            give(member, _copy(ground, envelope, None) if place else envelope)
        return
    ground.handled += 1  # the original: from here on its copies stand for it
    collect = _Collect(ground, envelope, members, first=first)
    for member in members:
        ask: Ask[Any] = Ask(ground, None, member.cell, None)
        ask.then(lambda done, id=member.id: collect.answered(id, done))  # type: ignore[misc]
        give(member, _copy(ground, envelope, ask))


def _copy(ground: Ground, envelope: RawEnvelope, ask: Ask[Any] | None) -> RawEnvelope:
    ground.sent += 1
    return (*envelope[:2], ask, ground.sent, *envelope[4:])


class _Collect:
    """Who has still to answer one message."""

    def __init__(
        self, ground: Ground, envelope: RawEnvelope, members: Sequence[Member], *, first: bool
    ) -> None:
        self._ground = ground
        self._envelope = envelope
        self._race = Race(tuple(member.id for member in members))
        self._first = first
        self._answers: dict[str, Any] = {}
        self._failures: dict[str, BaseException] = {}

    def answered(self, id: str, ask: Ask[Any]) -> None:
        """Take the answer or the failure of one member."""
        error = ask.exception()
        if error is None:
            self._answers[id] = ask.result()
        else:
            self._failures[id] = error
        if not self._first:
            self._count(id)
            return
        self._race, standing = self._race.answered(id, failed=error is not None)
        if standing is Standing.WON:
            self._reply(self._answers[id])
        elif standing is Standing.LOST and error is not None:
            self._ground.reply_error(self._envelope, error)

    def _count(self, id: str) -> None:
        left = tuple(one for one in self._race.waiting if one != id)
        self._race = Race(left)
        if not left:
            self._reply(Answers(self._answers, self._failures))

    def _reply(self, value: Any) -> None:
        asked: Any = self._envelope[2]
        if not asked.done():
            self._ground.reply(self._envelope, value)
