"""The router that gives a key to the same member as long as it can."""

from __future__ import annotations

import bisect
import hashlib
import struct
from collections.abc import Mapping

import attrs

from harmonium.protocols.checks import check_count, is_number
from harmonium.protocols.errors import SpecError
from harmonium.protocols.routing.members import Members, Router
from harmonium.protocols.stable_hash import Key, stable_hash

__all__ = ["CONSISTENT_HASH", "ConsistentHash", "Ring"]

# One BLAKE2b digest of 64 bytes is cut into 8 points.
_POINTS_PER_DIGEST = 8


@attrs.frozen(eq=False)
class Ring:
    """Points on a circle of 64 bits, and who owns the arc before each.

    Args:
        ids: Members, as given.
        weights: Their weights, as given.
        points: All points in rising order.
        owners: Position in `ids` of the owner of each point.
        by_member: The points of each member.
    """

    ids: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    points: tuple[int, ...] = attrs.field(default=(), repr=False)
    owners: tuple[int, ...] = attrs.field(default=(), repr=False)
    by_member: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict, repr=False)

    def fits(self, members: Members) -> bool:
        """Tell whether the ring is that of these members."""
        same = self.ids is members.ids or self.ids == members.ids
        return same and self.weights == members.weights


@attrs.frozen
class ConsistentHash(Router[Ring]):
    """The member whose arc of the ring a key falls on.

    When one member joins N others, about 1 key in N+1 moves, all of them to the
    new one (Karger and others, "Consistent hashing and random trees", 1997).
    With a bound, a member that has its share passes what comes next to its
    neighbour on the ring (Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing
    with bounded loads", 2016): a hot key then spreads, and its messages lose
    their order. A message without a key goes where chance says.

    Args:
        load_bound: No member gets more than this times its fair share of what
            waits or is in work, above 1; None for no bound, for the strict
            order of each key. It needs the members' loads.
        points: Virtual nodes of a member of weight 1. With 256 the share of a
            member varies by about 1/sqrt(256), 6 percent.

    Raises:
        SpecError: If a bound above does not hold.
    """

    keyed = True

    load_bound: float | None = attrs.field(default=1.25, kw_only=True)
    points: int = attrs.field(default=256, kw_only=True)

    def __attrs_post_init__(self) -> None:
        bound = self.load_bound
        if bound is not None and not (is_number(bound) and bound > 1.0):
            problem = f"a load bound of {bound!r} leaves no choice"
            remedy = "give a number above 1, or None"
            raise SpecError("ConsistentHash.load_bound", problem, remedy)
        check_count("ConsistentHash.points", self.points, least=1)

    def start(self) -> Ring:
        """Begin with an empty ring; it is built when the members are known."""
        return Ring()

    def route(
        self, state: Ring, key: Key, members: Members, draw: float
    ) -> tuple[Ring, tuple[str, ...]]:
        """Give the message to the owner of its key, or to the next with room."""
        if not members.ids:
            return state, ()
        ring = state if state.fits(members) else _ring(state, members, self.points)
        point = int(draw * 2.0**64) if key is None else stable_hash(key)
        place = bisect.bisect_right(ring.points, point) % len(ring.points)
        if self.load_bound is not None and members.loads:
            owner = _with_room(ring, place, members, self.load_bound)
        else:
            owner = ring.owners[place]
        return ring, (members.ids[owner],)


def _with_room(ring: Ring, place: int, members: Members, bound: float) -> int:
    """Walk on from a place to the first member whose share is not used up."""
    loads, weights, owners = members.loads, members.weights, ring.owners
    whole = bound * (sum(loads) + 1)
    per_weight = whole / (len(members.ids) if weights is None else sum(weights))
    # One round suffices: were all at their share, the loads would exceed their sum.
    for step in range(len(owners)):
        owner = owners[(place + step) % len(owners)]
        share = per_weight if weights is None else per_weight * weights[owner]
        # ceil(share) is the limit, so a member below its share has room for one more.
        if loads[owner] < share:
            return owner
    return owners[place]


def _ring(old: Ring, members: Members, points: int) -> Ring:
    weights = members.weights or (1.0,) * len(members.ids)
    by_member = {}
    for name, weight in zip(members.ids, weights, strict=True):
        count = max(1, round(points * weight))
        known = old.by_member.get(name, ())
        by_member[name] = known if len(known) == count else _points(name, count)
    position = {name: place for place, name in enumerate(members.ids)}
    # Two members may share a point: the name decides, whatever order they came in.
    circle = sorted((point, name) for name, own in by_member.items() for point in own)
    return Ring(
        members.ids,
        members.weights,
        tuple(point for point, _ in circle),
        tuple(position[name] for _, name in circle),
        by_member,
    )


def _points(name: str, count: int) -> tuple[int, ...]:
    found: list[int] = []
    for number in range(-(-count // _POINTS_PER_DIGEST)):
        digest = hashlib.blake2b(f"{name}\0{number}".encode(errors="surrogatepass")).digest()
        found.extend(struct.unpack(">8Q", digest))
    return tuple(found[:count])


CONSISTENT_HASH = ConsistentHash()
