"""`Birth`: how an agent is made, and made again after a crash.

One value may serve any number of agents; it never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from harmonium.protocols.overflow import DEFAULT_CAPACITY, WAIT, Overflow
from harmonium.protocols.quick import quick
from harmonium.protocols.validators import non_negative, positive

if TYPE_CHECKING:
    from harmonium.protocols.reliability.work_budget import WorkBudget

__all__ = ["DEFAULT_STASH", "USUAL_LIMITS", "Birth"]

DEFAULT_STASH = 1_000
"""How many messages an agent may stash."""
USUAL_LIMITS = (DEFAULT_CAPACITY, WAIT, None, False, DEFAULT_STASH, 0, None)
"""The defaults of `Birth` from `mailbox` on; a recipe with these very objects needs no check."""


@quick
@attrs.frozen(slots=True)
class Birth:
    """The recipe of an agent: its class or factory, arguments and limits.

    Args:
        factory: The agent class, or a function that returns an agent.
        args: Positional arguments of each incarnation's constructor.
        kwargs: Keyword arguments of the same.
        mailbox: How many user messages may wait. At least 1.
        overflow: What happens to one more.
        handler_limit: Longest run of one handler, in seconds. Past it, a
            handler that has been suspended is cancelled, which counts as a
            crash; any other is reported. None sets no limit.
        keep_children: Whether a restart leaves its children running.
        stash: How many messages it may stash.
        retries: How often a message whose handler raised is handled again
            after the restart, before it counts as failed.
        work_budget: How much work it, and all below it, may do; None sets no limit.
    """

    factory: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)
    mailbox: int = attrs.field(default=DEFAULT_CAPACITY, validator=positive)
    overflow: Overflow = WAIT
    handler_limit: float | None = None
    keep_children: bool = False
    stash: int = attrs.field(default=DEFAULT_STASH, validator=non_negative)
    retries: int = attrs.field(default=0, validator=non_negative)
    work_budget: WorkBudget | None = None
