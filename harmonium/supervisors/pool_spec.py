"""`PoolSettings`: what makes a supervisor a pool, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from harmonium.protocols.autoscale import Autoscale
from harmonium.protocols.checks import check_count, check_seconds, is_number
from harmonium.protocols.errors import SpecError
from harmonium.protocols.overflow import DEFAULT_CAPACITY, WAIT, Overflow
from harmonium.protocols.routing.members import Router
from harmonium.protocols.routing.turns import ROUND_ROBIN
from harmonium.protocols.stable_hash import Key
from harmonium.supervisors.words import Word

__all__ = ["DEFAULT_DRAIN", "HAND_OVER", "KEEP", "KeyOf", "MemberCrash", "PoolSettings"]

DEFAULT_DRAIN = 30.0
"""How long a member that leaves may work off its mail, in seconds."""

KeyOf = Callable[[Any], Key] | str
"""What a message is about: a function of it, or the name of one of its fields."""


class MemberCrash(Word):
    """What becomes of the mail of a member that crashed."""

    KEEP = "keep"
    """It waits for the member's restart."""
    HAND_OVER = "hand_over"
    """It goes to the other members at once."""


KEEP = MemberCrash.KEEP
HAND_OVER = MemberCrash.HAND_OVER


@attrs.frozen(slots=True, kw_only=True)
class PoolSettings:
    """How a pool spreads its mail, and how large it is. Made by `pool`.

    Args:
        size: How many members it begins with. At least 1.
        router: Who gets a message.
        key: What a message is about, for the routers that look at it.
        autoscale: When it grows and shrinks; None: when an operator says so.
        on_member_crash: What becomes of the mail of a member that crashed.
        weights: What each member can do beside the others, by its number; the
            last one stands for all further members. None for equals.
        with_arguments: Gives the arguments of member n; None: the template's.
        drain: How long a member that leaves may work off its mail, in seconds,
            at least 0; the others then get what is left. None sets no limit.
        mailbox: How many messages may wait while no member takes any.
        overflow: What happens to one more.
        agent: The class of the supervisor's agent.

    Raises:
        SpecError: If a field is out of bounds or two contradict each other.
    """

    size: int = 1
    router: Router[Any] = ROUND_ROBIN
    key: KeyOf | None = None
    autoscale: Autoscale | None = None
    on_member_crash: MemberCrash = KEEP
    weights: tuple[float, ...] | None = None
    with_arguments: Callable[[int], Sequence[Any]] | None = None
    drain: float | None = DEFAULT_DRAIN
    mailbox: int = DEFAULT_CAPACITY
    overflow: Overflow = WAIT
    agent: Callable[..., Any] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        check_count("pool.size", self.size, least=1)
        _instance("pool.router", self.router, Router)
        _instance("pool.on_member_crash", self.on_member_crash, MemberCrash)
        if self.drain is not None:
            check_seconds("pool.drain", self.drain)
        self._check_key()
        self._check_weights()
        self._check_scale()

    def _check_key(self) -> None:
        if self.key is not None and not isinstance(self.key, str) and not callable(self.key):
            raise SpecError("pool.key", f"{self.key!r} gives no key", "give a function or a field")
        if self.router.keyed and self.key is None:
            problem = f"{type(self.router).__name__} goes by a key, and none is given"
            raise SpecError("pool.key", problem, "give key=lambda message: ..., or a field's name")

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        if not self.weights or not all(_is_positive(one) for one in self.weights):
            raise SpecError(
                "pool.weights", f"{self.weights!r} is no list of weights", "give numbers above 0"
            )

    def _check_scale(self) -> None:
        scale = self.autoscale
        if scale is None:
            return
        _instance("pool.autoscale", scale, Autoscale)
        if not scale.minimum <= self.size <= scale.maximum:
            problem = f"{self.size} is not from {scale.minimum} to {scale.maximum}"
            raise SpecError("pool.size", problem, "begin within the bounds of autoscale")

    @property
    def bounds(self) -> tuple[int, int | None]:
        """The fewest and the most members that it may have; None for no limit."""
        if self.autoscale is None:
            return 1, None
        return self.autoscale.minimum, self.autoscale.maximum

    @property
    def rule(self) -> tuple[Any, ...]:
        """All that says who gets a message."""
        return self.router, self.key, self.weights

    def reader(self) -> Callable[[Any], Key]:
        """Give the function that reads a message's key; None where it has none."""
        key = self.key
        if key is None or not self.router.keyed:
            return lambda _: None
        if isinstance(key, str):
            return lambda message: getattr(message, key, None)
        return key

    def weight(self, number: int) -> float:
        """Tell the weight of a member."""
        if self.weights is None:
            return 1.0
        return self.weights[min(number, len(self.weights) - 1)]


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _instance(place: str, value: Any, cls: type[Any]) -> None:
    if not isinstance(value, cls):
        raise SpecError(place, f"{value!r} is no {cls.__name__}", f"give a {cls.__name__}")
