"""Deadlines: how they pass from a request to the requests that it causes.

A deadline is the time after which nobody wants the answer. Each hop keeps a
reserve for itself, so that an answer which comes just in time below still
reaches the top in time; work that begins too late is not begun. Between
processes a deadline travels as the seconds that are left, because clocks differ
(as gRPC does with ``grpc-timeout``).
"""

from __future__ import annotations

__all__ = ["RESERVE", "from_wire", "is_expired", "remaining", "shrink"]

RESERVE = 0.005
"""What a hop keeps for itself, in seconds."""


def shrink(
    deadline: float | None,
    now: float,
    *,
    timeout: float | None = None,
    reserve: float = RESERVE,
) -> float | None:
    """Give the deadline of a request that is made while another is handled.

    Args:
        deadline: That of the request in work; None for none.
        now: The time, in seconds of the same clock.
        timeout: How long the new request may take; None for as long as there is.
        reserve: What is kept back for the way up, in seconds. It never makes a
            deadline that had time left end before `now`.

    Returns:
        The earlier of the two limits; None when there is neither.

    Example:
        >>> shrink(10.0, 9.0, timeout=5.0, reserve=0.1)
        9.9
        >>> shrink(10.0, 2.0, timeout=5.0, reserve=0.1)
        7.0
    """
    inherited = deadline
    if deadline is not None:
        inherited = min(deadline, max(deadline - reserve, now))
    if timeout is None:
        return inherited
    own = now + timeout
    return own if inherited is None or own < inherited else inherited


def is_expired(deadline: float | None, now: float) -> bool:
    """Tell whether work with a deadline is not to be begun any more."""
    return deadline is not None and now >= deadline


def remaining(deadline: float | None, now: float) -> float | None:
    """Tell the seconds that are left, at least 0; None for no limit. This goes over the wire."""
    return None if deadline is None else max(0.0, deadline - now)


def from_wire(left: float | None, now: float) -> float | None:
    """Turn the seconds that were left into a deadline of this process's clock.

    The time on the way is not known and counts for nothing: the deadline may be
    that much late, never early.
    """
    return None if left is None else now + left
