"""`sometimes` and `reached`: places in a program that a simulation may use and count.

Both cost one look at the running event loop in production (50 ns), where
`sometimes` is always False and `reached` does nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["reached", "sometimes"]


def sometimes(site: str) -> bool:
    """Say no in production, and yes now and then in a simulated test.

    For what is rare and hard to bring about: a cache that misses, a batch that
    is cut short, a slow path. After FoundationDB's BUGGIFY.

    Args:
        site: The name of the place, for reports and pins (``Buggify(site)``).

    Example:
        >>> "miss" if sometimes("cache-miss") else "hit"
        'hit'
    """
    world = _world()
    return world is not None and bool(world.injector.sometimes(site))


def reached(site: str) -> None:
    """Count, in a simulated test, that the program came here.

    ``@chaos_test(must_reach=["half-open"])`` fails when no run ever does: a
    test that cannot reach what it is about proves nothing.

    Args:
        site: The name of the place.

    Example:
        >>> reached("half-open")
    """
    world = _world()
    if world is not None:
        world.reached[site] = world.reached.get(site, 0) + 1


def _world() -> Any:
    ground = getattr(asyncio._get_running_loop(), "ground", None)
    return None if ground is None else ground.world
