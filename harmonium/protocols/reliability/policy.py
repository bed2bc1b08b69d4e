"""One policy for an ask or a step: what holds, in which order, and what it asks to be done."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import attrs

from harmonium.protocols.checks import check_seconds
from harmonium.protocols.errors import SpecError
from harmonium.protocols.failure import Failure
from harmonium.protocols.reliability.breaker import BreakerPolicy, Phase
from harmonium.protocols.reliability.bulkhead import BulkheadPolicy
from harmonium.protocols.reliability.hedge import HedgePolicy
from harmonium.protocols.reliability.rate_limit import RateLimit
from harmonium.protocols.reliability.retry import Enough, RetryPolicy
from harmonium.protocols.reliability.retry_budget import RetryBudget

__all__ = [
    "BreakerChanged",
    "CallId",
    "Cancel",
    "Effect",
    "Finish",
    "Policy",
    "Retrying",
    "Send",
    "Wake",
]

CallId = Hashable
"""Names one call of its owner: a number, a correlation id."""


def _is(kind: type) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and not isinstance(value, kind):
            place = f"Policy.{attribute.name}"
            raise SpecError(place, f"{value!r} is of another kind", f"give a {kind.__name__}")

    return check


# The hash is kept, because each ask looks its policy up.
@attrs.frozen(cache_hash=True)
class Policy:
    """What holds for the requests to one agent, from the outside to the inside.

    1. `timeout`: the whole call, its retries and waits included, ends by then.
    2. `retry`, within `retry_budget`: a failed attempt may be made again. What
       the inner rules refuse is a failed attempt too (`Unavailable`).
    3. `breaker`: while it is open an attempt fails at once. It is asked again
       just before the message goes, so that a trial does not wait in a queue.
    4. `bulkhead`: an attempt takes a place, or waits for one. A call that rests
       between two attempts holds none.
    5. `rate`: each message that goes takes a turn.
    6. `attempt_timeout`: one attempt has this long from when its message went.
    7. `hedge`: a late attempt gets a second copy, if breaker, bulkhead, rate and
       retry budget have room for it at once.

    A part that is None does not hold. The state of a policy is shared by all
    calls that it is to protect the agent from; see `policy_machine`.

    Args:
        timeout: For the whole call, in seconds above 0.
        attempt_timeout: For one attempt, in seconds above 0.
        retry: Which failed attempts are repeated.
        retry_budget: How many repetitions all calls together may make.
        breaker: When the agent is not asked for a while.
        bulkhead: How many attempts are under way at once.
        rate: How many messages go in a second.
        hedge: When a second copy is sent.

    Raises:
        SpecError: If a part is of another kind, or a time not above 0.
    """

    timeout: float | None = attrs.field(default=None, kw_only=True)
    attempt_timeout: float | None = attrs.field(default=None, kw_only=True)
    retry: RetryPolicy | None = attrs.field(default=None, kw_only=True, validator=_is(RetryPolicy))
    retry_budget: RetryBudget | None = attrs.field(
        default=None, kw_only=True, validator=_is(RetryBudget)
    )
    breaker: BreakerPolicy | None = attrs.field(
        default=None, kw_only=True, validator=_is(BreakerPolicy)
    )
    bulkhead: BulkheadPolicy | None = attrs.field(
        default=None, kw_only=True, validator=_is(BulkheadPolicy)
    )
    rate: RateLimit | None = attrs.field(default=None, kw_only=True, validator=_is(RateLimit))
    hedge: HedgePolicy | None = attrs.field(default=None, kw_only=True, validator=_is(HedgePolicy))

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "attempt_timeout"):
            if getattr(self, name) is not None:
                check_seconds(f"Policy.{name}", getattr(self, name), above=0.0)


# --- What the machine asks to be done --------------------------------------


@attrs.frozen
class Send:
    """Send the message of a call.

    Args:
        call: Which call.
        send: Numbers the messages of the call, from 1. All of them carry the
            same idempotency key.
        attempt: Which attempt it belongs to, from 1.
        deadline: When its answer is of no more use, in seconds; None for never.
    """

    call: CallId
    send: int
    attempt: int
    deadline: float | None


@attrs.frozen
class Wake:
    """Call `wake` for this call at this time; an earlier wish for it is void."""

    call: CallId
    at: float


@attrs.frozen
class Cancel:
    """The answer to this message is not wanted any more."""

    call: CallId
    send: int


@attrs.frozen
class Retrying:
    """Announces that a failed attempt will be made again, after `wait` seconds."""

    call: CallId
    attempt: int
    wait: float
    failure: Failure


@attrs.frozen
class BreakerChanged:
    """Announces that the breaker is in another phase.

    Args:
        phase: The new one.
        until: When an open breaker lets a trial through, in seconds.
        opened: How often in a row it has opened.
    """

    phase: Phase
    until: float
    opened: int


@attrs.frozen
class Finish:
    """The call is over: tell the asker.

    Args:
        call: Which call.
        send: The message whose answer or error it is; None when the policy
            itself ended the call.
        error: What to raise; None for a good answer.
        attempts: How many attempts were made.
        reason: Why a failed attempt was not made again; None for a good answer
            or where nothing is retried.
    """

    call: CallId
    send: int | None
    error: BaseException | None
    attempts: int
    reason: Enough | None = None


Effect = Send | Wake | Cancel | Retrying | BreakerChanged | Finish
