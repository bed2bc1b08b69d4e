"""Properties that many systems share, for `World.always` and its like.

Each takes what was seen and gives a `Verdict`: true or false, with the reason.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import attrs

from harmonium.actors.account import every_cell
from harmonium.actors.cell import DEAD
from harmonium.testing.trace import name_of
from harmonium.testing.world import World

__all__ = [
    "Verdict",
    "at_most_once",
    "bounded",
    "conserved",
    "exactly_once",
    "monotonic",
    "no_orphans",
    "nothing_lost",
    "one_leader",
    "restarts_within",
]

Key = Callable[[Any], Hashable] | str | None


@attrs.frozen
class Verdict:
    """Whether a property holds, and if not, why.

    Args:
        holds: Whether it does.
        why: What was seen instead.
    """

    holds: bool
    why: str = ""

    def __bool__(self) -> bool:
        return self.holds


_HOLDS = Verdict(holds=True)


def _no(why: str) -> Verdict:
    return Verdict(holds=False, why=why)


def _keys(items: Iterable[Any], key: Key) -> list[Hashable]:
    if key is None:
        return list(items)
    if isinstance(key, str):
        return [getattr(item, key) for item in items]
    return [key(item) for item in items]


def at_most_once(items: Iterable[Any], key: Key = None) -> Verdict:
    """Say whether no key occurs twice.

    Args:
        items: Messages, ledger entries or keys.
        key: A field's name or a function; None takes the items themselves.

    Example:
        >>> at_most_once([1, 2, 1])
        Verdict(holds=False, why='1 occurs 2 times')
    """
    keys = _keys(items, key)
    if len(set(keys)) == len(keys):
        return _HOLDS
    found, times = Counter(keys).most_common(1)[0]
    return _no(f"{found!r} occurs {times} times")


def exactly_once(items: Iterable[Any], wanted: Iterable[Hashable], key: Key = None) -> Verdict:
    """Say whether each wanted key occurs once, and no other does.

    Args:
        items: Messages, ledger entries or keys.
        wanted: The keys.
        key: A field's name or a function; None takes the items themselves.

    Example:
        >>> bool(exactly_once(["a", "b"], {"a", "b"}))
        True
    """
    items = list(items)
    once = at_most_once(items, key)
    if not once:
        return once
    seen, due = set(_keys(items, key)), set(wanted)
    if seen == due:
        return _HOLDS
    missing, extra = sorted(map(repr, due - seen)), sorted(map(repr, seen - due))
    parts = [f"missing {', '.join(missing)}"] if missing else []
    return _no("; ".join([*parts, *([f"not wanted {', '.join(extra)}"] if extra else [])]))


def conserved(total: Any, *parts: Any) -> Verdict:
    """Say whether the parts add up to the total.

    Example:
        >>> conserved(10, 3, 6)
        Verdict(holds=False, why='3 + 6 = 9 and not 10')
    """
    found = sum(parts[1:], parts[0]) if parts else 0
    if found == total:
        return _HOLDS
    return _no(f"{' + '.join(map(str, parts))} = {found} and not {total}")


def monotonic(items: Iterable[Any], key: Key = None, *, strictly: bool = False) -> Verdict:
    """Say whether each item is at least as great as the one before.

    Args:
        items: In order.
        key: What is compared; a field's name or a function.
        strictly: Equal ones are refused, too.

    Example:
        >>> monotonic([1, 3, 2])
        Verdict(holds=False, why='2 comes after 3')
    """
    keys: list[Any] = _keys(items, key)
    for before, after in itertools.pairwise(keys):
        if after < before or (strictly and after == before):
            return _no(f"{after!r} comes after {before!r}")
    return _HOLDS


def no_orphans(world: World) -> Verdict:
    """Say whether every living agent has a living parent that knows it."""
    for cell in every_cell(world.ground.root):
        for id, child in (cell.children or {}).items():
            if child.parent is not cell or child.id != id:
                return _no(f"{child.path} is not the child of {cell.path}")
            if child.state is not DEAD and cell.state is DEAD:
                return _no(f"{child.path} lives and its parent is dead")
    return _HOLDS


def bounded(world: World, limit: int, agents: Iterable[str] | None = None) -> Verdict:
    """Say whether no mailbox holds more than so many messages.

    Args:
        world: The world.
        limit: The most messages.
        agents: Which agents; None for all.
    """
    cells = (
        every_cell(world.ground.root) if agents is None else (world.ref(a)._cell for a in agents)
    )
    for cell in cells:
        if cell.queued() > limit:
            return _no(f"{cell.path} has {cell.queued()} messages waiting")
    return _HOLDS


def restarts_within(world: World, limit: int, window: float, path: str) -> Verdict:
    """Say whether an agent was never restarted more than so often in a span of time.

    Args:
        world: The world.
        limit: The most restarts.
        window: Virtual seconds.
        path: The agent.
    """
    times = [
        now
        for now, kind, actor, number in world.trace.raw
        if kind == "started" and number > 1 and name_of(actor) == path
    ]
    for first, last in zip(times, times[limit:], strict=False):
        if last - first <= window:
            return _no(f"{path} was restarted {limit + 1} times in {last - first:.3f} s")
    return _HOLDS


def one_leader(claims: Sequence[tuple[Hashable, Hashable]]) -> Verdict:
    """Say whether no epoch has two leaders.

    Args:
        claims: Pairs of epoch and leader.

    Example:
        >>> one_leader([(1, "a"), (2, "b"), (2, "a")])
        Verdict(holds=False, why="epoch 2 has 'b' and 'a'")
    """
    leaders: dict[Hashable, Hashable] = {}
    for epoch, leader in claims:
        if leaders.setdefault(epoch, leader) != leader:
            return _no(f"epoch {epoch!r} has {leaders[epoch]!r} and {leader!r}")
    return _HOLDS


def nothing_lost(world: World) -> Verdict:
    """Say whether each message has exactly one fate: handled, failed, dead or in flight."""
    account = world.ground.account()
    return _HOLDS if account.balanced else _no(str(account))
