"""`Replay`: exactly these faults and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from harmonium.protocols.path_glob import PathGlob
from harmonium.testing.choices import NOTHING
from harmonium.testing.faults import (
    OUTSIDE,
    Buggify,
    Crash,
    Delay,
    Drop,
    Duplicate,
    Fault,
    FullStore,
    Kill,
    Pause,
    SlowLink,
    SlowStore,
    TornWrite,
)

__all__ = ["Replay", "matcher"]

Numbered = dict[int, list[Fault]]


@functools.lru_cache(maxsize=1_000)  # patterns recur in each of 1,000 runs
def matcher(pattern: str) -> Callable[[str], bool]:
    """Tell what a fault's name matches: a path, a glob, or the outside."""
    if pattern == OUTSIDE or (pattern.startswith("/") and not set("*?[") & set(pattern)):
        return pattern.__eq__
    return PathGlob(pattern).matches


class Replay:
    """Choices that are known beforehand: pins, known failures, steps of a reduction.

    Args:
        faults: What goes wrong. A fault that waits for a message which never
            comes does nothing.
    """

    exact = True

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self._to: list[tuple[Callable[[str], bool], int, Fault]] = []
        self._by: list[tuple[Callable[[str], bool], int, Fault]] = []
        self._links: list[tuple[Callable[[str], bool], Callable[[str], bool], Fault]] = []
        self._begin: list[Fault] = []
        self._sites: dict[tuple[str, int], list[Fault]] = {}
        self._stores: list[Any] = []
        self._to_of: dict[str, Numbered] = {}
        self._by_of: dict[str, Numbered] = {}
        for fault in self.faults:
            self._sort(fault)

    def _sort(self, fault: Fault) -> None:
        match fault:
            case Delay() | Drop() | Duplicate():
                self._to.append((matcher(fault.to), fault.nth, fault))
            case Crash(on=int(on)) | Kill(on=int(on)) | Pause(after=int(on)) if on:
                self._by.append((matcher(fault.actor), on, fault))
            case SlowLink():
                self._links.append((matcher(fault.a), matcher(fault.b), fault))
            case Buggify():
                self._sites.setdefault((fault.site, fault.on), []).append(fault)
            case SlowStore() | FullStore() | TornWrite():
                self._stores.append(fault)
            case _:
                self._begin.append(fault)

    @property
    def for_messages(self) -> bool:
        """Whether any of the faults is one of a message."""
        return bool(self._to)

    @property
    def for_handling(self) -> bool:
        """Whether any of them befalls an agent at its work."""
        return bool(self._by)

    def begin(self, agents: Sequence[str]) -> Sequence[Fault]:
        """Name the faults that come by the clock, or hold from the start."""
        return self._begin

    def link(self, sender: str, to: str) -> Sequence[Fault]:
        """Name the slow links between these two."""
        if not self._links:
            return NOTHING
        return [fault for a, b, fault in self._links if a(sender) and b(to)]

    def message(self, sender: str, to: str, nth: int, *, spared: bool) -> Sequence[Fault]:
        """Name what befalls the n-th message to an agent."""
        if not self._to:
            return NOTHING
        found = self._to_of.get(to)
        if found is None:
            found = self._to_of[to] = _numbered(self._to, to)
        return found.get(nth, NOTHING)

    def handling(self, actor: str, nth: int) -> Sequence[Fault]:
        """Name what befalls an agent at its n-th message."""
        if not self._by:
            return NOTHING
        found = self._by_of.get(actor)
        if found is None:
            found = self._by_of[actor] = _numbered(self._by, actor)
        return found.get(nth, NOTHING)

    def site(self, name: str, nth: int) -> Sequence[Fault]:
        """Say yes where a `Buggify` says so."""
        return self._sites.get((name, nth), NOTHING)

    def write(self, store: str, nth: int) -> Sequence[Fault]:
        """Name what befalls the n-th write of a store."""
        return [fault for fault in self._stores if _writes(fault, store, nth)]


def _numbered(rules: list[tuple[Callable[[str], bool], int, Fault]], path: str) -> Numbered:
    found: Numbered = {}
    for matches, nth, fault in rules:
        if matches(path):
            found.setdefault(nth, []).append(fault)
    return found


def _writes(fault: Any, store: str, nth: int) -> bool:
    if not matcher(fault.store)(store):
        return False
    if isinstance(fault, FullStore):
        return fault.nth <= nth < fault.nth + fault.count
    return fault.nth is None or bool(fault.nth == nth)
