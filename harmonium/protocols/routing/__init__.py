"""Which member of a pool gets a message: pure rules, one a module.

Its names are loaded from their homes when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmonium.protocols.lazy_names import lazy_names

if TYPE_CHECKING:
    from harmonium.protocols.routing.consistent_hash import CONSISTENT_HASH, ConsistentHash, Ring
    from harmonium.protocols.routing.fan_out import (
        BROADCAST,
        SCATTER_FIRST,
        Broadcast,
        Race,
        ScatterFirst,
        Standing,
    )
    from harmonium.protocols.routing.least_loaded import LEAST_LOADED, POWER_OF_TWO, LeastLoaded
    from harmonium.protocols.routing.members import Members, Router
    from harmonium.protocols.routing.sticky import STICKY, Sessions, Sticky
    from harmonium.protocols.routing.turns import RANDOM, ROUND_ROBIN, Random, RoundRobin

__all__ = [
    "BROADCAST",
    "CONSISTENT_HASH",
    "LEAST_LOADED",
    "POWER_OF_TWO",
    "RANDOM",
    "ROUND_ROBIN",
    "SCATTER_FIRST",
    "STICKY",
    "Broadcast",
    "ConsistentHash",
    "LeastLoaded",
    "Members",
    "Race",
    "Random",
    "Ring",
    "RoundRobin",
    "Router",
    "ScatterFirst",
    "Sessions",
    "Standing",
    "Sticky",
]

_HOMES = {
    "consistent_hash": (
        "CONSISTENT_HASH",
        "ConsistentHash",
        "Ring",
    ),
    "fan_out": (
        "BROADCAST",
        "SCATTER_FIRST",
        "Broadcast",
        "Race",
        "ScatterFirst",
        "Standing",
    ),
    "least_loaded": (
        "LEAST_LOADED",
        "POWER_OF_TWO",
        "LeastLoaded",
    ),
    "members": (
        "Members",
        "Router",
    ),
    "sticky": (
        "STICKY",
        "Sessions",
        "Sticky",
    ),
    "turns": (
        "RANDOM",
        "ROUND_ROBIN",
        "Random",
        "RoundRobin",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
