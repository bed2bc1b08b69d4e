"""Which members come and which go when a pool changes its size: a pure rule."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

import attrs

__all__ = ["Change", "change_size"]


@attrs.frozen(slots=True)
class Change:
    """What leads from one size to another.

    Args:
        back: Members that were draining and take mail again.
        start: Numbers of members to start.
        drain: Members that take no more mail, and stop when they have none.
    """

    back: tuple[int, ...] = ()
    start: tuple[int, ...] = ()
    drain: tuple[int, ...] = ()


def change_size(
    staying: Collection[int],
    draining: Collection[int],
    wanted: int,
    *,
    taken: Collection[int] = (),
) -> Change:
    """Tell how a pool gets to the size that is wanted.

    Those that drain come back before new ones are started, the lowest numbers
    first, so that a pool of n members has the numbers 0 to n-1 again and a key
    finds its old member. The highest numbers leave first.

    Args:
        staying: The numbers of the members.
        draining: The numbers of those that are leaving.
        wanted: The size.
        taken: The numbers of those that are being stopped by now.

    Example:
        >>> change_size([0, 1], [2], 4)
        Change(back=(2,), start=(3,), drain=())
        >>> change_size([0, 1, 3], [], 1)
        Change(back=(), start=(), drain=(3, 1))
    """
    missing = wanted - len(staying)
    if missing <= 0:
        return Change(drain=tuple(sorted(staying, reverse=True)[:-missing]) if missing else ())
    back = tuple(sorted(draining)[:missing])
    used = {*staying, *draining, *taken}
    free = (number for number in count() if number not in used)
    return Change(back, tuple(next(free) for _ in range(missing - len(back))))
